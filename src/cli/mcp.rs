//! `mosaic mcp`: the gateway as a server of the Model Context Protocol over standard streams, for agents that start one.
//!
//! Invariant: standard output carries messages of the protocol alone; with `--config` the gateway is in this process, else
//! it is the one that all commands ask.

use std::path::PathBuf;

use clap::{ArgMatches, Command, value_parser};

use super::connection::gateway;
use super::flags::{flag, key_flag, server_flag};
use super::relay::relay;
use super::run::Runtime;
use super::screen::Stop;

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
        None => Ok(relay(gateway(flags)?, toolsets.as_deref()).await?),
    }
}
