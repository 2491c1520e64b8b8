//! The commands of those who run a gateway: looking at it, and changing it, over its admin listener.
//!
//! Invariant: what is only looked at is one row of [`VIEWS`]; whatever changes something is a [`Change`].

mod change;
mod changes;
mod events;
mod look;
mod provider;
mod watch;

use clap::{Arg, ArgMatches, Command, value_parser};
use mosaic_actors::error::Failure;

use super::client::Remote;
use super::connection::{ADMIN, place};
use super::flags::{flag, switch};
use super::screen::{Screen, Stop};
use super::tree::Outlook;
use super::views::{self, Shown, TableView};
pub(super) use change::question;
use look::{Face, Look};

/// A command that shows one document.
struct View {
    /// Its words on the command line.
    words: &'static [&'static str],
    about: &'static str,
    path: &'static str,
    table: Option<&'static TableView>,
    /// Its rows have no end, and the newest are asked for.
    limited: bool,
}

const fn view(words: &'static [&'static str], path: &'static str, about: &'static str) -> View {
    View {
        words,
        about,
        path,
        table: None,
        limited: false,
    }
}

const fn table(view: View, table: &'static TableView) -> View {
    View {
        table: Some(table),
        ..view
    }
}

const fn newest(view: View) -> View {
    View { limited: true, ..view }
}

const TREE: &str = "tree";

const VIEWS: [View; 11] = [
    table(
        view(&["status"], "/admin/v1/status", "Show the state of a running gateway"),
        &views::STATUS,
    ),
    newest(table(
        view(&["ledger"], "/admin/v1/ledger", "Show what was restarted, when and why"),
        &views::LEDGER,
    )),
    view(&["caches"], "/admin/v1/caches", "Show the cache tiers"),
    table(
        view(&["quotas"], "/admin/v1/quotas", "Show the tenants' quotas"),
        &views::QUOTAS,
    ),
    table(
        view(&["credits"], "/admin/v1/credits", "Show the providers' credits"),
        &views::CREDITS,
    ),
    table(
        view(
            &["shadows"],
            "/admin/v1/shadows",
            "Show what routes in shadow would have changed",
        ),
        &views::SHADOWS,
    ),
    newest(table(
        view(
            &["calls"],
            "/admin/v1/calls",
            "Show the calls in flight and the last ones",
        ),
        &views::CALLS,
    )),
    newest(table(
        view(&["audit"], "/admin/v1/audit", "Show who changed what, when and why"),
        &views::AUDIT,
    )),
    table(
        view(
            &["plugins", "list"],
            "/admin/v1/plugins",
            "Show every instance, the ill ones first",
        ),
        &views::PLUGINS,
    ),
    table(
        view(
            &["breakers", "list"],
            "/admin/v1/breakers",
            "Show every circuit breaker",
        ),
        &views::BREAKERS,
    ),
    newest(table(
        view(
            &["keys", "list"],
            "/admin/v1/idempotency",
            "Show the idempotency keys, and what is known of their calls",
        ),
        &views::KEYS,
    )),
];

/// Their declarations, in the order of the help.
pub fn commands() -> Vec<Command> {
    let alone = VIEWS.iter().filter(|view| view.words.len() == 1);
    [tree(), events::command()]
        .into_iter()
        .chain(alone.map(declared))
        .chain(changes::commands())
        .collect()
}

fn declared(view: &View) -> Command {
    let name = view.words.last().copied().unwrap_or_default();
    let command = watch::flags(connected(Command::new(name).about(view.about)));
    let command = changes::verbs_of(name, command);
    let command = match view.table {
        Some(_) => command.arg(switch("wide", "Show every column")),
        None => command,
    };
    match view.limited {
        true => {
            command.arg(flag("limit", "NUMBER", "So many of the newest").value_parser(value_parser!(u32).range(1..)))
        }
        false => command,
    }
}

/// The declaration of a noun's list.
fn list_of(noun: &str) -> Option<Command> {
    VIEWS.iter().find(|view| view.words == [noun, "list"]).map(declared)
}

fn tree() -> Command {
    let below = Arg::new("path")
        .value_name("PATH")
        .help("Show this actor and what is below it, e.g. /root/plugins");
    watch::flags(connected(
        Command::new(TREE).about("Show the supervision tree of a running gateway"),
    ))
    .arg(below)
    .arg(switch("wide", "Show the actors' paths"))
}

/// Runs the admin command `name`; `None` where it is none.
///
/// # Errors
/// What the command fails with.
pub async fn run(name: &str, matches: &ArgMatches, screen: &Screen) -> Option<Result<(), Stop>> {
    match name {
        TREE => {
            let outlook = Outlook {
                wide: matches.get_flag("wide"),
                below: matches.get_one("path").cloned(),
            };
            let look = Look {
                path: "/admin/v1/tree".to_owned(),
                limit: None,
                face: Face::Tree(outlook),
            };
            return Some(looked(&look, matches, screen).await);
        }
        events::EVENTS => return Some(events::run(matches, screen).await),
        _ => {}
    }
    let (words, flags) = match matches.subcommand() {
        Some((verb, flags)) => (vec![name, verb], flags),
        None => (vec![name], matches),
    };
    match VIEWS.iter().find(|view| view.words == words) {
        Some(view) => Some(viewed(view, flags, screen).await),
        None => changes::run(name, matches, screen).await,
    }
}

async fn viewed(view: &View, flags: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    // Of keys alone.
    let in_doubt = flags.try_get_one("in-doubt").ok().flatten() == Some(&true);
    let limit: Option<u32> = view.limited.then(|| flags.get_one("limit").copied()).flatten();
    let shown = |table| {
        let most = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let wide = flags.get_flag("wide");
        Face::Table(table, Shown { wide, most })
    };
    let look = Look {
        path: format!("{}{}", view.path, if in_doubt { "?in_doubt=true" } else { "" }),
        limit,
        face: match view.table {
            Some(table) => shown(table),
            None => Face::Facts,
        },
    };
    looked(&look, flags, screen).await
}

async fn looked(look: &Look, flags: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    watch::run(look, &remote(flags)?, flags, screen).await
}

/// Shows every fact of one document.
async fn shown(flags: &ArgMatches, path: &str, screen: &Screen) -> Result<(), Stop> {
    let look = Look {
        path: path.to_owned(),
        limit: None,
        face: Face::Facts,
    };
    look.show(&remote(flags)?.read(path, None).await?, screen)
}

/// Adds the flags that say where the gateway is.
pub fn connected(command: Command) -> Command {
    let url =
        "The admin listener's address [default: MOSAIC_ADMIN_URL, else the profile's, else http://127.0.0.1:9901]";
    let token = "Read the admin token from this file [default: the token in MOSAIC_ADMIN_TOKEN, else the profile's]";
    command
        .arg(flag("admin", "URL", url))
        .arg(flag("admin-token-file", "FILE", token))
}

/// The gateway that the flags name.
///
/// # Errors
/// `invalid_input` naming the flag, the variable or the profile at fault.
pub fn remote(matches: &ArgMatches) -> Result<Remote, Failure> {
    place(&ADMIN, matches)?.remote()
}
