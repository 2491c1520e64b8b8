//! `mosaic top`: a running gateway, live: its tree, providers, breakers, caches, tenants and calls.
//!
//! Invariant: one look at a time is asked for, and each has a bound; a gateway that goes away is told and waited for.

mod draw;
mod history;
mod model;
mod sheet;
mod tab;
mod terminal;

use std::time::Duration;

use clap::{ArgMatches, Command};
use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::admin::connected;
use super::client::Remote;
use super::connection::{ADMIN, place};
use super::flags::flag;
use super::problem::Problem;
use super::screen::{Screen, Stop};
use super::{show, signals};
use draw::{Palette, draw, parts};
use model::{Model, Then};
use sheet::Seen;
use terminal::{Done, Drawn, wish};

/// The command.
pub const TOP: &str = "top";

const INTERVAL: &str = "interval";
/// Time between two looks.
const USUAL: Duration = Duration::from_secs(1);
/// The shortest.
const SHORTEST: Duration = Duration::from_millis(100);
/// A snapshot is made without waiting for anybody: a gateway that takes longer is as good as gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// The calls that are looked at.
const CALLS: u32 = 200;

/// The declaration.
pub fn declared() -> Command {
    let command = Command::new(TOP)
        .about("Watch a running gateway: tree, providers, breakers, caches, tenants and calls, with their history")
        .after_help(
            "Keys: Tab and 1 to 6 change the tab, arrows the row, Enter shows a row's facts, p pauses, ? helps, q quits; \
             the mouse works, too. Elsewhere than on a terminal `mosaic status --watch` does the same.",
        )
        .arg(
            flag(INTERVAL, "TIME", "Time between two looks [default: 1s]").value_parser(humantime::parse_duration),
        );
    connected(command)
}

/// Runs it.
///
/// # Errors
/// What the first look fails with; a terminal that cannot be drawn on.
pub async fn run(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let interval = matches.get_one(INTERVAL).copied().unwrap_or(USUAL);
    if interval < SHORTEST {
        let least = humantime::format_duration(SHORTEST);
        return Err(Failure::invalid(INTERVAL, format!("--interval must be at least {least}")).into());
    }
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if screen.json || !screen.interactive || !screen.asks || is_dumb {
        let failure = Failure::new(Kind::InvalidInput, "mosaic top needs a terminal that can be drawn on");
        let hint = "`mosaic status --watch` writes what changes, with --json for programs.";
        return Err(Problem::from(failure).hint(hint).into());
    }
    signals::until_told(watch(matches, interval, screen)).await
}

async fn watch(matches: &ArgMatches, interval: Duration, screen: &Screen) -> Result<(), Stop> {
    let place = place(&ADMIN, matches)?;
    let address = place.url.clone();
    let remote = place.remote()?;
    // A first look that fails is a wrong address more often than a restart.
    let mut model = Model::new(&address, look(&remote).await?);
    let palette = Palette {
        coloured: screen.colour_out,
    };
    let undrawn =
        |error: std::io::Error| Failure::new(Kind::Internal, format!("the terminal cannot be drawn on: {error}"));
    let mut drawn = Drawn::begin().map_err(undrawn)?;
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looking = None;
    loop {
        let area = drawn.terminal.size().map_err(undrawn)?.into();
        model.fit(usize::from(parts(area).rows.height));
        drawn
            .terminal
            .draw(|frame| draw(&model, frame, palette))
            .map_err(undrawn)?;
        tokio::select! {
            biased;
            done = drawn.done.recv() => {
                let Some(Done::Event(event)) = done else { return Ok(()) };
                match wish(&event, &model, area).map(|wish| model.wish(wish)) {
                    Some(Then::End) => return Ok(()),
                    Some(Then::Ask) if looking.is_none() => looking = Some(Box::pin(look(&remote))),
                    _ => {}
                }
            }
            seen = ended(&mut looking) => {
                looking = None;
                match seen {
                    Ok(seen) => model.look(seen),
                    Err(problem) => model.lose(problem.sentence()),
                }
            }
            _ = ticks.tick() => {
                if looking.is_none() && !model.paused {
                    looking = Some(Box::pin(look(&remote)));
                }
            }
        }
    }
}

/// What a look brings; nothing while nobody looks.
async fn ended<T>(looking: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match looking {
        Some(looking) => looking.await,
        None => std::future::pending().await,
    }
}

/// All documents, asked for side by side.
async fn look(remote: &Remote) -> Result<Seen, Problem> {
    let one = async |path: &str, limit| -> Result<Value, Problem> {
        let body = remote.read(&format!("/admin/v1/{path}"), limit).await?;
        Ok(show::parse(&body)?)
    };
    let all = async {
        tokio::try_join!(
            one("status", None),
            one("tree", None),
            one("breakers", None),
            one("caches", None),
            one("quotas", None),
            one("calls", Some(CALLS)),
        )
    };
    let late = |_| Problem::from(Failure::new(Kind::Timeout, "the gateway does not answer"));
    let (status, tree, breakers, caches, quotas, calls) = timeout(PATIENCE, all).await.map_err(late)??;
    Ok(Seen {
        status,
        tree,
        breakers,
        caches,
        quotas,
        calls,
    })
}
