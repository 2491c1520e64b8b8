//! The operational commands: everything that is not a call of an operation.
//!
//! Invariant: they read the catalogue, the admin listener or a [`Runtime`]; none of them reaches into an engine.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, ColorChoice, Command, value_parser};
use clap_complete::Shell;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use crate::catalogue::{Entry, OPERATIONS};
use crate::doctor::Report;

use super::command::{knowing, root};
use super::flags::{flag, switch};
use super::run::Runtime;
use super::screen::{Screen, Stop, WARY, clean};
use super::{
    admin, api, config, decided, diagnosis, exit, graphql, live, login, man, matrix, offered, providers, route, show,
    signals, state, top,
};

/// Their declarations, in the order of the help.
pub fn commands() -> Vec<Command> {
    let file = || flag("config", "FILE", "The configuration").value_parser(value_parser!(PathBuf));
    vec![
        Command::new("serve")
            .about("Run the gateway")
            .arg(file().required(true)),
        Command::new("check")
            .about("Check a configuration without starting anything")
            .arg(file().required(true)),
        Command::new("doctor")
            .about("Look for what keeps a gateway from working: ports, clock, credentials, providers")
            .arg(file()),
        state::command(),
        config::command(),
        Command::new("demo")
            .about("Watch the gateway at work against the sandbox")
            .arg(switch("once", "Run through once and end")),
        Command::new("sandbox")
            .about("Run a stand-in for every provider")
            .arg(file()),
        offered::command(Command::new("operations"))
            .about("List what can be called, or which kinds of providers can do it")
            .arg(switch(
                "matrix",
                "Show which kinds of providers can do what, and which emulate it",
            ))
            .arg(flag("service", "SERVICE", "Only this service's").value_parser(PossibleValuesParser::new(services())))
            .after_help(offered::RULE),
        providers::command(),
        decided::declared(),
        route::declared(),
        #[cfg(feature = "mcp")]
        super::mcp::declared(),
        api::declared(),
        graphql::declared(),
        top::declared(),
        Command::new("exit-codes")
            .about("List the exit codes and what they mean")
            .after_help(exit::table()),
        man::declared(),
        Command::new("completions")
            .about("Print a shell's completion script; with a configuration, one that knows its provider instances")
            .arg(file().conflicts_with(live::LIVE))
            .arg(live::flag())
            .arg(
                Arg::new("shell")
                    .required(true)
                    .value_name("SHELL")
                    .help("The shell to write it for")
                    .value_parser(value_parser!(Shell)),
            ),
        Command::new("version").about("Print the version"),
    ]
    .into_iter()
    .chain(login::commands())
    .chain(admin::commands())
    .collect()
}

/// Runs the operational command `name`.
///
/// # Errors
/// What the command fails with.
pub async fn run(name: &str, matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    let file = || matches.get_one::<PathBuf>("config").cloned();
    // clap refuses the command line where a required flag is absent.
    let required = || file().ok_or_else(|| Failure::invalid("config", "--config is missing"));
    match name {
        "serve" => Ok(runtime.serve(required()?).await?),
        "check" => checked(runtime.check(required()?).await?, screen),
        "demo" => Ok(runtime.demo(matches.get_flag("once"), screen.json).await?),
        "sandbox" => Ok(runtime.sandbox(file()).await?),
        "operations" => {
            let service = matches.get_one::<String>("service").map(String::as_str);
            match matches.get_flag("matrix") {
                true => {
                    let rows = offered::matrix(matches).await?.unwrap_or_else(|| runtime.matrix());
                    matrix::show(&rows, service, screen)
                }
                false => operations(service, offered::names(matches).await?.as_ref(), screen),
            }
        }
        "providers" => providers::run(
            &runtime.kinds(),
            matches.get_one::<String>("kind").map(String::as_str),
            screen,
        ),
        "config" => config::run(matches, runtime, screen).await,
        "state" => state::run(matches, runtime, screen).await,
        "doctor" => doctor(&runtime.doctor(file()).await, screen),
        "explain" => decided::run(matches, screen).await,
        #[cfg(feature = "mcp")]
        super::mcp::MCP => super::mcp::run(matches, runtime).await,
        route::ROUTE => route::run(matches, runtime, screen).await,
        api::API => signals::heeding(api::run(matches, screen), screen).await,
        graphql::GRAPHQL => signals::heeding(graphql::run(matches, screen), screen).await,
        top::TOP => top::run(matches, screen).await,
        man::MAN => man::run(matches, screen),
        login::LOGIN => login::login(matches, screen).await,
        login::LOGOUT => login::logout(matches, screen),
        login::PROFILES => login::profiles(matches, screen),
        "exit-codes" => exit_codes(screen),
        "completions" => completions(matches, runtime, screen).await,
        "version" => version(screen),
        other => match admin::run(other, matches, screen).await {
            Some(outcome) => outcome,
            None => Err(Failure::new(Kind::Internal, format!("{other} is declared and not done")).into()),
        },
    }
}

/// A configuration that was found sound, and below it, a line each, what is to be known of it.
fn checked(mut told: Value, screen: &Screen) -> Result<(), Stop> {
    if screen.json {
        return screen.lines(told.to_string());
    }
    let warnings = told.as_object_mut().and_then(|told| told.shift_remove("warnings"));
    show::document(told.to_string().as_bytes(), screen)?;
    for warning in warnings
        .iter()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str)
    {
        let head = screen.paint(WARY, "warning:");
        screen.lines(format!("{head} {}", clean(warning)))?;
    }
    Ok(())
}

fn doctor(report: &Report, screen: &Screen) -> Result<(), Stop> {
    if screen.json {
        screen.lines(json!(report).to_string())?;
    } else {
        screen.lines(diagnosis::render(report, screen))?;
    }
    if report.is_sound() {
        Ok(())
    } else {
        Err(Stop::Quiet(exit::FAILURE))
    }
}

fn services() -> Vec<&'static str> {
    let mut services: Vec<_> = OPERATIONS.iter().map(|entry| entry.declaration.facts.service).collect();
    services.dedup();
    services
}

/// Those of a service, and of those that there are for a key, where one is shown.
fn operations(service: Option<&str>, there: Option<&BTreeSet<String>>, screen: &Screen) -> Result<(), Stop> {
    let wanted = |entry: &&Entry| {
        service.is_none_or(|service| entry.declaration.facts.service == service)
            && there.is_none_or(|there| there.contains(entry.name()))
    };
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
        "paid": declaration.facts.paid,
        "cached": fresh,
        "summary": declaration.summary,
    })
}

fn exit_codes(screen: &Screen) -> Result<(), Stop> {
    if !screen.json {
        return screen.lines(exit::table());
    }
    let rows = exit::rows().map(|(code, meaning)| json!({"code": code, "meaning": meaning}));
    screen.lines(Value::from_iter(rows).to_string())
}

async fn completions(matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    let shell = matches.get_one::<Shell>("shell").copied();
    let shell = shell.ok_or_else(|| Failure::invalid("shell", "SHELL is missing"))?;
    if matches.get_flag(live::LIVE) {
        return screen.data(live::script(shell)?);
    }
    let mut command = root(ColorChoice::Never, false);
    if let Some(config) = matches.get_one::<PathBuf>("config") {
        command = knowing(command, &runtime.instances(config.clone()).await?);
    }
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "mosaic", &mut script);
    screen.data(script)
}

fn version(screen: &Screen) -> Result<(), Stop> {
    let version = env!("CARGO_PKG_VERSION");
    if screen.json {
        return screen.lines(json!({"name": "mosaic", "version": version}).to_string());
    }
    screen.lines(format!("mosaic {version}"))
}
