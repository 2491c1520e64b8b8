//! `mosaic tree`: the supervision tree, once or as it changes.
//!
//! Invariant: a gateway that goes away while it is watched is told and waited for; anything else ends the watch.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use clap::{ArgMatches, Command};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use terminal_size::{Height, terminal_size_of};

use super::{connected, remote};
use crate::cli::client::Remote;
use crate::cli::command::{flag, switch};
use crate::cli::problem::Problem;
use crate::cli::screen::{Screen, Stop};
use crate::cli::{show, tree};

/// The command's name.
pub(super) const TREE: &str = "tree";
const PATH: &str = "/admin/v1/tree";
/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// The shortest: more looks only cost.
const SHORTEST: Duration = Duration::from_millis(50);
/// A snapshot is made without waiting for anybody: a gateway that takes longer is as good as gone.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn command() -> Command {
    let command = Command::new(TREE).about("Show the supervision tree of a running gateway");
    connected(command)
        .arg(switch("watch", "Show it again as it changes, until Ctrl-C").short('w'))
        .arg(
            flag("interval", "TIME", "Time between two looks [default: 1s]")
                .value_parser(humantime::parse_duration)
                .requires("watch"),
        )
}

pub(super) async fn run(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let remote = remote(matches)?;
    if !matches.get_flag("watch") {
        return shown(&remote.read(PATH, None).await?, screen);
    }
    let interval = matches.get_one("interval").copied().unwrap_or(INTERVAL);
    if interval < SHORTEST {
        let least = humantime::format_duration(SHORTEST);
        return Err(Failure::invalid("interval", format!("--interval must be at least {least}")).into());
    }
    watch(&remote, interval, screen).await
}

fn shown(body: &Bytes, screen: &Screen) -> Result<(), Stop> {
    if screen.json {
        return screen.lines(body);
    }
    screen.lines(tree::render(&show::parse(body)?, screen))
}

async fn watch(remote: &Remote, interval: Duration, screen: &Screen) -> Result<(), Stop> {
    // A first look that fails is a wrong address more often than a restart.
    let mut seen = Seen::default();
    seen.show(look(remote).await?, screen)?;
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut gone = false;
    loop {
        ticks.tick().await;
        match look(remote).await {
            Ok(document) => {
                if std::mem::take(&mut gone) {
                    screen.note("the gateway answers again");
                } else if seen.is_older_than(&document) {
                    screen.note("the gateway was restarted");
                }
                seen.show(document, screen)?;
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

async fn look(remote: &Remote) -> Result<Value, Problem> {
    let late = || Problem::from(Failure::new(Kind::Timeout, "the gateway does not answer"));
    let body = tokio::time::timeout(PATIENCE, remote.read(PATH, None))
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
    fn show(&mut self, document: Value, screen: &Screen) -> Result<(), Stop> {
        self.uptime_ms = uptime_ms(&document);
        let outline = outline(document.get("root").unwrap_or(&document));
        let same = std::mem::replace(&mut self.outline, outline) == self.outline;
        if screen.interactive && !screen.json {
            return redraw(&tree::render(&document, screen), screen);
        }
        match (same, screen.json) {
            (true, _) => Ok(()),
            (false, true) => screen.lines(document.to_string()),
            // An empty line between two trees.
            (false, false) => screen.data(tree::render(&document, screen) + "\n\n"),
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

/// What does not change by time alone: who is there, in which state, started how often, crashed of what.
fn outline(node: &Value) -> Value {
    let facts = ["path", "state", "restarts", "generation", "last_crash"].map(|name| node.get(name));
    let children = node.get("children").and_then(Value::as_array);
    let children: Vec<Value> = children.into_iter().flatten().map(outline).collect();
    json!([facts, children])
}

/// Writes over what is there, so that nothing flickers; what does not fit below is said, not scrolled away.
fn redraw(text: &str, screen: &Screen) -> Result<(), Stop> {
    let rows = terminal_size_of(io::stdout()).map_or(usize::MAX, |(_, Height(rows))| usize::from(rows));
    let count = text.lines().count();
    let fits = if count < rows { count } else { rows.saturating_sub(2) };
    let mut frame = String::from("\x1b[H");
    for line in text.lines().take(fits) {
        frame += line;
        frame += "\x1b[K\n";
    }
    if fits < count {
        frame += &format!("… {} more; a higher terminal shows them\x1b[K\n", count - fits);
    }
    screen.data(frame + "\x1b[J")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(state: &str, in_state: u64, mailbox: u64) -> Value {
        json!({"path": "/root", "state": "running", "uptime_ms": in_state, "children": [
            {"path": "/root/a", "state": state, "in_state_ms": in_state, "mailbox": mailbox, "handled": in_state}]})
    }

    #[test]
    fn time_and_traffic_are_no_change_and_a_state_is() {
        assert_eq!(outline(&tree("running", 1, 0)), outline(&tree("running", 900, 7)));
        assert_ne!(outline(&tree("running", 1, 0)), outline(&tree("backing_off", 1, 0)));
    }
}
