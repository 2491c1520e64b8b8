//! `mosaic man`: a manual page for each command.
//!
//! Invariant: pages are made of the same declarations as the help.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, ColorChoice, Command, value_parser};
use clap_mangen::Man;
use mosaic_actors::error::Failure;
use serde_json::json;

use super::command::root;
use super::screen::{Screen, Stop};

/// How the library heads what stands behind the options.
const EXTRA: &str = ".SH EXTRA\n";
/// How the help heads examples.
const EXAMPLES: &str = "Examples:\n";

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
    let mut command = root(ColorChoice::Never, false).disable_help_subcommand(true);
    command.build();
    pages(&command, folder)
}

/// A command's page and those of all below it.
fn pages(command: &Command, folder: &Path) -> std::io::Result<usize> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    fs::write(folder.join(man.get_filename()), headed(&String::from_utf8_lossy(&page)))?;
    let below = command.get_subcommands().map(|below| pages(below, folder));
    below.sum::<std::io::Result<usize>>().map(|below| below + 1)
}

/// What stands behind a page's options under the headings that manual pages have for it, each example on a line of its own.
fn headed(page: &str) -> String {
    let Some((before, extra)) = page.split_once(EXTRA) else {
        return page.to_owned();
    };
    let (extra, behind) = match extra.find("\n.SH ") {
        Some(end) => extra.split_at(end + 1),
        None => (extra, ""),
    };
    let (notes, examples) = extra.split_once(EXAMPLES).unwrap_or((extra, ""));
    let mut told = before.to_owned();
    if !notes.trim().is_empty() {
        told += &format!(".SH NOTES\n{notes}");
    }
    if !examples.trim().is_empty() {
        told += ".SH EXAMPLES\n.nf\n";
        for line in examples.lines().map(str::trim).filter(|line| !line.is_empty()) {
            told += line;
            told.push('\n');
        }
        told += ".fi\n";
    }
    told + behind
}
