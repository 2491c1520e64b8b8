//! `mosaic mcp`: the gateway as a server of the Model Context Protocol over standard streams, for agents that start one.
//!
//! Invariant: standard output carries messages of the protocol alone; with `--config` the gateway is in this process, else
//! it is the one that all commands ask.

use std::path::PathBuf;

use clap::{ArgMatches, Command, value_parser};
use mosaic_actors::error::Failure;
use serde_json::Value;

use super::client::Remote;
use super::connection::gateway;
use super::flags::{flag, key_flag, server_flag};
use super::problem::Problem;
use super::relay::relay;
use super::run::Runtime;
use super::screen::Stop;
use crate::catalogue::OPERATIONS;
use crate::wording::{list, nearest};

/// Its name on the command line.
pub const MCP: &str = "mcp";

const HELP: &str = "An agent starts it: of a gateway that serves, or of its own. TOOLSETS are services and \"core\" (what most \
                    agents need), \"admin\" or \"all\", with commas in between.";

/// Its declaration.
pub fn declared() -> Command {
    Command::new(MCP)
        .about("Serve the Model Context Protocol over standard input and output, for an agent that starts it")
        .after_help(HELP)
        .arg(
            flag("config", "FILE", "Run a gateway of this configuration in this process")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with_all(["server", "key-file"]),
        )
        .arg(server_flag())
        .arg(key_flag())
        .arg(flag(
            "toolsets",
            "TOOLSETS",
            "Show the agent these tools [default: those of the gateway's mcp.toolsets]",
        ))
}

/// Runs it until the agent has no more to say.
///
/// # Errors
/// What keeps the gateway from starting, or from being asked.
pub async fn run(flags: &ArgMatches, runtime: &dyn Runtime) -> Result<(), Stop> {
    let toolsets = flags.get_one::<String>("toolsets").cloned();
    match flags.get_one::<PathBuf>("config") {
        Some(config) => Ok(runtime.talk(config.clone(), toolsets).await?),
        None => {
            let remote = gateway(flags)?;
            if let Some(names) = &toolsets {
                there(names, &remote).await?;
            }
            Ok(relay(remote, toolsets.as_deref()).await?)
        }
    }
}

/// Refuses toolsets that there are not, before an agent is told so with each of its messages. Names that this program does
/// not know may be those of services that only the gateway has, which is asked.
async fn there(names: &str, remote: &Remote) -> Result<(), Problem> {
    let mut known: Vec<String> = ["core", "admin", "all"].map(str::to_owned).to_vec();
    known.extend(
        OPERATIONS
            .iter()
            .map(|entry| entry.declaration.facts.service.to_owned()),
    );
    let strange = |known: &[String]| {
        let mut names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        names
            .find(|name| known.iter().all(|known| known != name))
            .map(str::to_owned)
    };
    if strange(&known).is_none() {
        return Ok(());
    }
    let told: Value = serde_json::from_slice(&remote.read("/v1/operations", None).await?).unwrap_or_default();
    let rows = told["operations"].as_array().into_iter().flatten();
    known.extend(rows.filter_map(|row| row["service"].as_str().map(str::to_owned)));
    let Some(name) = strange(&known) else { return Ok(()) };
    known.sort();
    known.dedup();
    let meant = nearest(&name, known.iter().map(String::as_str)).map(|meant| format!("; did you mean {meant}?"));
    let sentence = format!(
        "there is no toolset '{name}'{} There are {}",
        meant.as_deref().unwrap_or("."),
        list(&known, "and")
    );
    Err(Failure::invalid("toolsets", sentence).into())
}
