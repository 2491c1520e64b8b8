//! The commands that copy the state away, and put a copy back.
//!
//! Invariant: they work on files of this machine and ask no running gateway.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use mosaic_actors::error::Failure;

use super::flags::flag;
use super::run::Runtime;
use super::screen::{Screen, Stop};
use super::show;

/// Their declaration.
pub fn command() -> Command {
    let leaf = |name: &'static str, about: &'static str, help: &'static str| {
        let file = Arg::new("file").value_name("FILE").required(true).help(help);
        Command::new(name)
            .about(about)
            .arg(file.value_parser(value_parser!(PathBuf)))
            .arg(
                flag("config", "FILE", "The configuration that says where the state is")
                    .required(true)
                    .value_parser(value_parser!(PathBuf)),
            )
    };
    Command::new("state")
        .about("Copy the gateway's state away, or put a copy back")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(leaf(
            "backup",
            "Copy the state to a new file, also while a gateway serves",
            "The copy to make; it must not exist",
        ))
        .subcommand(leaf(
            "restore",
            "Put a copy in the state's place, while no gateway runs; what was there is kept beside it",
            "The copy to put back",
        ))
}

/// Runs one of them.
///
/// # Errors
/// What it fails with.
pub async fn run(matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    let missing = || Failure::invalid("file", "FILE and --config are missing");
    let (name, flags) = matches.subcommand().ok_or_else(missing)?;
    let path = |flag| flags.get_one::<PathBuf>(flag).cloned().ok_or_else(missing);
    let (config, file) = (path("config")?, path("file")?);
    let done = match name {
        "backup" => runtime.backup(config, file).await?,
        _ => runtime.restore(config, file).await?,
    };
    show::document(done.to_string().as_bytes(), screen)
}
