//! The commands that show a configuration: the one in force, and the reference of all keys.
//!
//! Invariant: no secret is shown; a gateway that runs is asked, and a file is read in this process.

use std::path::PathBuf;

use clap::{ArgMatches, Command, value_parser};
use mosaic_actors::error::Failure;
use serde_json::Value;

use super::admin;
use super::flags::flag;
use super::render;
use super::run::Runtime;
use super::screen::{Screen, Stop, clean};
use super::show;

const PATH: &str = "/admin/v1/config";

/// Their declaration.
pub fn command() -> Command {
    let file = "Show what a start with this file would have in force, in place of asking a running gateway";
    let show = Command::new("show")
        .about("Show every setting in force, and where it came from")
        .arg(
            flag("config", "FILE", file)
                .value_parser(value_parser!(PathBuf))
                .conflicts_with_all(["admin", "admin-token-file"]),
        );
    Command::new("config")
        .about("Show the configuration in force, or the reference of all keys")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(admin::connected(show))
        .subcommand(
            Command::new("reference").about("Print every key, commented, with its default; with --json, its schema"),
        )
}

/// Runs one of them.
///
/// # Errors
/// What it fails with.
pub async fn run(matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    match matches.subcommand() {
        Some(("show", flags)) => in_force(flags, runtime, screen).await,
        Some(_) if screen.json => screen.lines(runtime.schema().to_string()),
        Some(_) => screen.data(runtime.reference()),
        None => Err(Failure::invalid("config", "a command is missing").into()),
    }
}

async fn in_force(flags: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    let document = match flags.get_one::<PathBuf>("config") {
        Some(file) => runtime.config(file.clone()).await?,
        None => show::parse(&admin::remote(flags)?.read(PATH, None).await?)?,
    };
    if screen.json {
        return screen.lines(document.to_string());
    }
    let list = |name| document.get(name).and_then(Value::as_array).into_iter().flatten();
    let rows = list("settings").filter(|setting| setting.get("value").is_some_and(|value| !value.is_null()));
    let heads = ["setting", "value", "from"].map(str::to_owned);
    screen.lines(render::grid(&heads, rows.map(row).collect(), screen))?;
    for difference in list("differences") {
        let part = |name| difference.get(name).and_then(Value::as_str).unwrap_or_default();
        screen.note(&clean(&format!("{}. {}", part("message"), part("remedy"))));
    }
    Ok(())
}

fn row(setting: &Value) -> Vec<String> {
    let text = |name| setting.get(name).and_then(Value::as_str);
    let from = match (text("origin"), text("source")) {
        (Some(origin), _) => origin.to_owned(),
        (None, source) => source.unwrap_or("unknown").replace('_', " "),
    };
    let value = setting.get("value").map(ToString::to_string);
    vec![
        text("path").unwrap_or_default().to_owned(),
        value.unwrap_or_default(),
        from,
    ]
}
