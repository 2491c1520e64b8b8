//! The commands of those who run a gateway: looking at it, and changing it, over its admin listener.
//!
//! Invariant: what is only looked at is one row of [`VIEWS`]; whatever changes something is a [`Change`].

mod change;
mod changes;
mod events;
mod provider;
mod watch;

use clap::{ArgMatches, Command, value_parser};
use mosaic_actors::error::Failure;

use super::client::Remote;
use super::command::flag;
use super::operate::{address, secret};
use super::screen::{Screen, Stop};
use super::show;

/// The admin listener of a gateway on this machine.
const ADMIN: &str = "http://127.0.0.1:9901";

/// A command that shows one document.
struct View {
    name: &'static str,
    about: &'static str,
    path: &'static str,
    /// Its rows have no end, and the newest are asked for.
    limited: bool,
}

const fn view(name: &'static str, path: &'static str, about: &'static str) -> View {
    View {
        name,
        about,
        path,
        limited: false,
    }
}

const fn newest(name: &'static str, path: &'static str, about: &'static str) -> View {
    View {
        limited: true,
        ..view(name, path, about)
    }
}

const VIEWS: [View; 6] = [
    view("status", "/admin/v1/status", "Show the state of a running gateway"),
    newest("ledger", "/admin/v1/ledger", "Show what was restarted, when and why"),
    view("caches", "/admin/v1/caches", "Show the cache tiers"),
    view("quotas", "/admin/v1/quotas", "Show the tenants' quotas"),
    newest("calls", "/admin/v1/calls", "Show the calls in flight and the last ones"),
    newest("audit", "/admin/v1/audit", "Show who changed what, when and why"),
];

/// Their declarations, in the order of the help.
pub fn commands() -> Vec<Command> {
    let views = VIEWS.iter().map(|view| {
        let command = connected(changes::verbs_of(view.name, Command::new(view.name).about(view.about)));
        if view.limited {
            command.arg(flag("limit", "NUMBER", "So many of the newest").value_parser(value_parser!(u32).range(1..)))
        } else {
            command
        }
    });
    [watch::command(), events::command()]
        .into_iter()
        .chain(views)
        .chain(changes::commands())
        .collect()
}

/// Runs the admin command `name`; `None` where it is none.
///
/// # Errors
/// What the command fails with.
pub async fn run(name: &str, matches: &ArgMatches, screen: &Screen) -> Option<Result<(), Stop>> {
    if let Some(view) = VIEWS
        .iter()
        .find(|view| view.name == name && matches.subcommand().is_none())
    {
        let limit = view.limited.then(|| matches.get_one("limit").copied()).flatten();
        return Some(shown(matches, view.path, limit, screen).await);
    }
    match name {
        watch::TREE => return Some(watch::run(matches, screen).await),
        events::EVENTS => return Some(events::run(matches, screen).await),
        _ => {}
    }
    changes::run(name, matches, screen).await
}

async fn shown(matches: &ArgMatches, path: &str, limit: Option<u32>, screen: &Screen) -> Result<(), Stop> {
    show::document(&remote(matches)?.read(path, limit).await?, screen)
}

/// Adds the flags that say where the gateway is.
fn connected(command: Command) -> Command {
    let url = "The admin listener's address [default: MOSAIC_ADMIN_URL, else http://127.0.0.1:9901]";
    let token = "Read the admin token from this file [default: the token in MOSAIC_ADMIN_TOKEN]";
    command
        .arg(flag("admin", "URL", url))
        .arg(flag("admin-token-file", "FILE", token))
}

fn remote(matches: &ArgMatches) -> Result<Remote, Failure> {
    let (named, url) = address("--admin", matches.get_one("admin"), "MOSAIC_ADMIN_URL", ADMIN)?;
    let file = matches.get_one("admin-token-file");
    Remote::new(named, &url, secret("--admin-token-file", file, "MOSAIC_ADMIN_TOKEN")?)
}
