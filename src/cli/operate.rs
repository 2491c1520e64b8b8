//! The operational commands: everything that is not a call of an operation.
//!
//! Invariant: they read the catalogue, the admin listener or a [`Runtime`]; none of them reaches into an engine.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, ColorChoice, Command, value_parser};
use clap_complete::Shell;
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::catalogue::{Entry, OPERATIONS};

use super::client::Remote;
use super::command::{flag, root, switch};
use super::input::{open, read_bounded};
use super::run::Runtime;
use super::screen::{Screen, Stop};
use super::{exit, explain, show, tree};

/// The admin listener of a gateway on this machine.
const ADMIN: &str = "http://127.0.0.1:9901";
/// The longest key or token, in bytes.
const LONGEST_SECRET: u64 = 8 << 10;

/// Their declarations, in the order of the help.
pub fn commands() -> Vec<Command> {
    let config = || flag("config", "FILE", "The configuration").value_parser(value_parser!(PathBuf));
    vec![
        Command::new("serve")
            .about("Run the gateway")
            .arg(config().required(true)),
        Command::new("check")
            .about("Check a configuration without starting anything")
            .arg(config().required(true)),
        Command::new("demo")
            .about("Watch the gateway at work against the sandbox")
            .arg(switch("once", "Run through once and end")),
        Command::new("sandbox")
            .about("Run a stand-in for every provider")
            .arg(config()),
        Command::new("operations")
            .about("List what can be called")
            .arg(flag("service", "SERVICE", "Only this service's").value_parser(PossibleValuesParser::new(services()))),
        admin(Command::new("status").about("Show the state of a running gateway")),
        admin(Command::new("tree").about("Show the supervision tree of a running gateway")),
        Command::new("explain").about("Explain an error code").arg(
            Arg::new("code")
                .required(true)
                .value_name("CODE")
                .help("The code between the brackets of an error message")
                .hide_possible_values(true)
                .value_parser(PossibleValuesParser::new(Kind::ALL.map(Kind::code))),
        ),
        Command::new("exit-codes")
            .about("List the exit codes and what they mean")
            .after_help(exit::table()),
        Command::new("completions")
            .about("Print a shell's completion script")
            .arg(
                Arg::new("shell")
                    .required(true)
                    .value_name("SHELL")
                    .help("The shell to write it for")
                    .value_parser(value_parser!(Shell)),
            ),
        Command::new("version").about("Print the version"),
    ]
}

/// Runs the operational command `name`.
///
/// # Errors
/// What the command fails with.
pub async fn run(name: &str, matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    let config = || matches.get_one::<PathBuf>("config").cloned();
    // clap refuses the command line where a required flag is absent.
    let required = || config().ok_or_else(|| Failure::invalid("config", "--config is missing"));
    match name {
        "serve" => Ok(runtime.serve(required()?).await?),
        "check" => show::document(runtime.check(required()?).await?.to_string().as_bytes(), screen),
        "demo" => Ok(runtime.demo(matches.get_flag("once")).await?),
        "sandbox" => Ok(runtime.sandbox(config()).await?),
        "operations" => operations(matches.get_one::<String>("service").map(String::as_str), screen),
        "status" => show::document(&admin_client(matches)?.read("/admin/v1/status").await?, screen),
        "tree" => supervision_tree(matches, screen).await,
        "explain" => explanation(matches, screen),
        "exit-codes" => exit_codes(screen),
        "completions" => completions(matches, screen),
        "version" => version(screen),
        other => Err(Failure::new(Kind::Internal, format!("{other} is declared and not done")).into()),
    }
}

/// A secret by file or by variable, never by flag, which everybody on the machine could read.
///
/// # Errors
/// `invalid_input` naming `flag`.
pub fn secret(flag: &str, file: Option<&String>, variable: &str) -> Result<Option<SecretString>, Failure> {
    let text = match file {
        Some(path) => Some(read_bounded(flag, open(flag, path)?, LONGEST_SECRET)?),
        None => std::env::var(variable).ok(),
    };
    Ok(text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .map(SecretString::from))
}

/// An address by flag, else by variable, else the default; with the name of where it came from.
pub fn address(
    flag: &'static str,
    given: Option<&String>,
    variable: &'static str,
    default: &str,
) -> (&'static str, String) {
    match (given, std::env::var(variable)) {
        (Some(url), _) => (flag, url.clone()),
        (None, Ok(url)) if !url.is_empty() => (variable, url),
        _ => (flag, default.to_owned()),
    }
}

fn admin(command: Command) -> Command {
    let url = "The admin listener's address [default: MOSAIC_ADMIN_URL, else http://127.0.0.1:9901]";
    let token = "Read the admin token from this file [default: the token in MOSAIC_ADMIN_TOKEN]";
    command
        .arg(flag("admin", "URL", url))
        .arg(flag("admin-token-file", "FILE", token))
}

fn admin_client(matches: &ArgMatches) -> Result<Remote, Failure> {
    let (named, url) = address("--admin", matches.get_one("admin"), "MOSAIC_ADMIN_URL", ADMIN);
    let token = secret(
        "--admin-token-file",
        matches.get_one("admin-token-file"),
        "MOSAIC_ADMIN_TOKEN",
    )?;
    Remote::new(named, &url, token)
}

async fn supervision_tree(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let body = admin_client(matches)?.read("/admin/v1/tree").await?;
    if screen.json {
        return screen.lines(&body);
    }
    screen.lines(tree::render(&show::parse(&body)?, screen))
}

fn services() -> Vec<&'static str> {
    let mut services: Vec<_> = OPERATIONS.iter().map(|entry| entry.declaration.facts.service).collect();
    services.dedup();
    services
}

fn operations(service: Option<&str>, screen: &Screen) -> Result<(), Stop> {
    let wanted = |entry: &&Entry| service.is_none_or(|service| entry.declaration.facts.service == service);
    let rows: Vec<Value> = OPERATIONS.iter().filter(wanted).map(row).collect();
    show::document(Value::from(rows).to_string().as_bytes(), screen)
}

fn row(entry: &Entry) -> Value {
    let declaration = entry.declaration;
    let fresh = declaration
        .facts
        .cache
        .map(|times| humantime::format_duration(times.fresh).to_string());
    json!({
        "name": entry.name(),
        "method": declaration.method.as_str(),
        "path": format!("/v1{}", declaration.path),
        "safe": declaration.facts.safe,
        "cached": fresh,
        "summary": declaration.summary,
    })
}

fn explanation(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let code = matches
        .get_one::<String>("code")
        .map(String::as_str)
        .unwrap_or_default();
    let kind = explain::kind(code).ok_or_else(|| Failure::invalid("code", "no such error code"))?;
    show::document(explain::document(kind).to_string().as_bytes(), screen)
}

fn exit_codes(screen: &Screen) -> Result<(), Stop> {
    if !screen.json {
        return screen.lines(exit::table());
    }
    let rows = exit::rows().map(|(code, meaning)| json!({"code": code, "meaning": meaning}));
    screen.lines(Value::from_iter(rows).to_string())
}

fn completions(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let shell = matches.get_one::<Shell>("shell").copied();
    let shell = shell.ok_or_else(|| Failure::invalid("shell", "SHELL is missing"))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut root(ColorChoice::Never), "mosaic", &mut script);
    screen.data(script)
}

fn version(screen: &Screen) -> Result<(), Stop> {
    let version = env!("CARGO_PKG_VERSION");
    if screen.json {
        return screen.lines(json!({"name": "mosaic", "version": version}).to_string());
    }
    screen.lines(format!("mosaic {version}"))
}
