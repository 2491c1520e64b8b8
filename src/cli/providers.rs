//! The kinds of providers, and what each may be set to.
//!
//! Invariant: what is shown is what the drivers tell of themselves.

use clap::{Arg, Command};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::problem::Problem;
use super::screen::{Screen, Stop};
use super::show;
use crate::wording::nearest;

/// Its declaration.
pub fn command() -> Command {
    Command::new("providers")
        .about("Show the kinds of providers, or what one kind can do and be set to")
        .arg(
            Arg::new("kind")
                .value_name("KIND")
                .help("Show the services, operations and settings of this kind"),
        )
}

/// Shows all kinds, or one.
///
/// # Errors
/// `not_found` for one that nobody knows, with the nearest name.
pub fn run(kinds: &[Value], wanted: Option<&str>, screen: &Screen) -> Result<(), Stop> {
    let document = match wanted {
        None => kinds.iter().map(|kind| row(kind, screen)).collect(),
        Some(name) => kinds
            .iter()
            .find(|kind| kind["kind"] == name)
            .cloned()
            .ok_or_else(|| unknown(kinds, name))?,
    };
    show::document(document.to_string().as_bytes(), screen)
}

/// A kind in the list of all: people get the names of its settings, programs everything.
fn row(kind: &Value, screen: &Screen) -> Value {
    if screen.json {
        return kind.clone();
    }
    let settings = kind["settings"].as_array().into_iter().flatten();
    let names: Vec<&Value> = settings.map(|setting| &setting["name"]).collect();
    let base = &kind["base_url"]["own"];
    json!({ "kind": kind["kind"], "services": kind["services"], "base_url": base, "settings": names })
}

fn unknown(kinds: &[Value], name: &str) -> Problem {
    let names = || kinds.iter().filter_map(|kind| kind["kind"].as_str());
    let meant = nearest(name, names()).map(|name| format!("; did you mean {name}?"));
    let sentence = format!("no provider is of the kind {name}{}", meant.unwrap_or_default());
    Problem::from(Failure::new(Kind::NotFound, sentence)).hint("`mosaic providers` lists the kinds.")
}
