//! `mosaic man`: a manual page for each command.
//!
//! Invariant: pages are made of the same declarations as the help.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, ColorChoice, Command, value_parser};
use mosaic_actors::error::Failure;
use serde_json::json;

use super::command::root;
use super::screen::{Screen, Stop};

/// The command.
pub const MAN: &str = "man";

/// The declaration.
pub fn declared() -> Command {
    let folder = Arg::new("folder")
        .value_name("DIR")
        .required(true)
        .help("The folder to write them to; it is made where there is none")
        .value_parser(value_parser!(PathBuf));
    Command::new(MAN)
        .about("Write a manual page for each command")
        .arg(folder)
}

/// Runs it.
///
/// # Errors
/// `invalid_input` where the folder cannot be written.
pub fn run(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let folder = matches.get_one::<PathBuf>("folder");
    let folder = folder.ok_or_else(|| Failure::invalid("folder", "DIR is missing"))?;
    let pages = written(folder)
        .map_err(|error| Failure::invalid("folder", format!("{} cannot be written: {error}", folder.display())))?;
    let shown = folder.display().to_string();
    if screen.json {
        return screen.lines(json!({"folder": shown, "pages": pages}).to_string());
    }
    screen.note(&format!("{pages} pages: man -l {}", folder.join("mosaic.1").display()));
    Ok(())
}

fn written(folder: &Path) -> std::io::Result<usize> {
    fs::create_dir_all(folder)?;
    let command = root(ColorChoice::Never, false);
    let count = count(&command);
    clap_mangen::generate_to(command, folder)?;
    Ok(count)
}

/// A command and all below it.
fn count(command: &Command) -> usize {
    1 + command.get_subcommands().map(count).sum::<usize>()
}
