//! A look at a running gateway, again and again.
//!
//! Invariant: a gateway that goes away while it is watched is told and waited for; a reader that goes away ends the watch,
//! and so does anything else.

use std::time::Duration;

use clap::{ArgMatches, Command};
use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use super::look::Look;
use crate::cli::client::Remote;
use crate::cli::flags::{flag, switch};
use crate::cli::problem::Problem;
use crate::cli::repeat::redraw;
use crate::cli::screen::{Screen, Stop};
use crate::cli::{exit, show, signals};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// The shortest: more looks only cost.
const SHORTEST: Duration = Duration::from_millis(50);
/// A snapshot is made without waiting for anybody: a gateway that takes longer is as good as gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Adds the flags.
pub(super) fn flags(command: Command) -> Command {
    command
        .arg(switch("watch", "Show it again as it changes, until Ctrl-C").short('w'))
        .arg(
            flag("interval", "TIME", "Time between two looks [default: 1s]")
                .value_parser(humantime::parse_duration)
                .requires("watch"),
        )
}

/// Looks once, or for as long as the flags say.
///
/// # Errors
/// What the first look fails with; later, what will not pass.
pub(super) async fn run(look: &Look, remote: &Remote, matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    if !matches.get_flag("watch") {
        return look.show(&remote.read(&look.path, look.asked(screen)).await?, screen);
    }
    let interval = matches.get_one("interval").copied().unwrap_or(INTERVAL);
    if interval < SHORTEST {
        let least = humantime::format_duration(SHORTEST);
        return Err(Failure::invalid("interval", format!("--interval must be at least {least}")).into());
    }
    signals::until_told(watch(look, remote, interval, screen)).await
}

async fn watch(look: &Look, remote: &Remote, interval: Duration, screen: &Screen) -> Result<(), Stop> {
    // A first look that fails is a wrong address more often than a restart.
    let mut seen = Seen::default();
    seen.show(look, read(look, remote, screen).await?, screen)?;
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut gone = false;
    loop {
        ticks.tick().await;
        // Where nothing changes nothing is written, and a write alone would not tell.
        if screen.is_left() {
            return Err(Stop::Quiet(exit::OK));
        }
        match read(look, remote, screen).await {
            Ok(document) => {
                if std::mem::take(&mut gone) {
                    screen.note("the gateway answers again");
                } else if seen.is_older_than(&document) {
                    screen.note("the gateway was restarted");
                }
                seen.show(look, document, screen)?;
            }
            Err(problem) if problem.may_pass() => {
                if !std::mem::replace(&mut gone, true) {
                    note_gone(&problem, screen);
                }
            }
            Err(problem) => return Err(problem.into()),
        }
    }
}

async fn read(look: &Look, remote: &Remote, screen: &Screen) -> Result<Value, Problem> {
    let late = || Problem::from(Failure::new(Kind::Timeout, "the gateway does not answer"));
    let body = tokio::time::timeout(PATIENCE, remote.read(&look.path, look.asked(screen)))
        .await
        .map_err(|_| late())??;
    Ok(show::parse(&body)?)
}

/// For programs too: a line of JSON on stderr, where problems are told.
fn note_gone(problem: &Problem, screen: &Screen) {
    if screen.json {
        screen.report(problem);
    } else {
        screen.note(&format!("{}; waiting for the gateway", problem.sentence()));
    }
}

/// What was shown last.
#[derive(Default)]
struct Seen {
    /// What counts as a change of it.
    outline: Value,
    uptime_ms: u64,
}

impl Seen {
    /// Redraws a terminal each time; elsewhere writes what has changed.
    fn show(&mut self, look: &Look, document: Value, screen: &Screen) -> Result<(), Stop> {
        self.uptime_ms = uptime_ms(&document);
        let outline = look.outline(&document);
        let same = std::mem::replace(&mut self.outline, outline) == self.outline;
        if same && (screen.json || !screen.interactive) {
            return Ok(());
        }
        if screen.json {
            return screen.lines(document.to_string());
        }
        let text = look.text(&document, screen)?.unwrap_or_else(str::to_owned);
        match screen.interactive {
            true => redraw(&text, screen),
            // An empty line between two of them.
            false => screen.data(text + "\n\n"),
        }
    }

    fn is_older_than(&self, document: &Value) -> bool {
        uptime_ms(document) < self.uptime_ms
    }
}

/// How long the root has been up.
fn uptime_ms(document: &Value) -> u64 {
    let root = document.get("root").unwrap_or(document);
    root.get("uptime_ms").and_then(Value::as_u64).unwrap_or(0)
}
