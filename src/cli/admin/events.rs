//! `mosaic events`: what happens in a running gateway, one sentence each, as it happens.
//!
//! Invariant: an event that this program does not know is shown with all that it says.

use clap::{ArgMatches, Command, value_parser};
use futures_util::StreamExt;
use serde_json::Value;

use super::{connected, remote};
use crate::cli::flags::flag;
use crate::cli::screen::{BAD, FAINT, GOOD, Screen, Stop, WARY, clean};
use crate::cli::{render, show, signals, times};

/// The command's name.
pub(super) const EVENTS: &str = "events";
const PATH: &str = "/admin/v1/events";

pub(super) fn command() -> Command {
    let command = Command::new(EVENTS).about("Watch what happens in a running gateway, until Ctrl-C or its end");
    connected(command).arg(flag("limit", "NUMBER", "End after so many").value_parser(value_parser!(u32).range(1..)))
}

pub(super) async fn run(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    signals::until_told(follow(matches, screen)).await
}

async fn follow(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let limit = matches
        .get_one::<u32>("limit")
        .map_or(usize::MAX, |limit| *limit as usize);
    let mut events = remote(matches)?.watch(PATH).await?.take(limit);
    while let Some(event) = events.next().await {
        let event = event?;
        match screen.json {
            true => screen.lines(&event)?,
            false => screen.lines(line(&show::parse(&event)?, screen))?,
        }
    }
    Ok(())
}

fn line(event: &Value, screen: &Screen) -> String {
    let at = event["at"].as_str().unwrap_or_default();
    // To the second: what is finer, `--json` tells.
    let second = at
        .split_once('.')
        .map_or(at, |(second, _)| second)
        .trim_end_matches('Z');
    let (style, sentence) = sentence(event);
    let sentence = clean(&sentence).replace('\n', " ");
    format!(
        "{}  {}",
        screen.paint(FAINT, &format!("{}Z", clean(second))),
        screen.paint(style, &sentence)
    )
}

/// An event in words, and how it is painted.
fn sentence(event: &Value) -> (clap::builder::styling::Style, String) {
    let text = |name: &str| event[name].as_str().unwrap_or("?");
    let number = |name: &str| event[name].as_u64().unwrap_or_default();
    let because = event["why"].as_str().map_or(String::new(), |why| format!(": {why}"));
    let path = text("path");
    match text("event") {
        "started" => (GOOD, format!("{path} is up")),
        "restarted" => (
            WARY,
            format!("{path} is up again, as incarnation {}", number("generation")),
        ),
        "failed" => (BAD, format!("{path} failed: {}", text("why").replace('_', " "))),
        "backing_off" => (WARY, format!("{path} is restarted in {} ms", number("delay_ms"))),
        "stopped" => (WARY, format!("{path} is stopped")),
        "removed" => (FAINT, format!("{path} is gone")),
        "escalated" => (BAD, format!("{path} was restarted too often, and gave up")),
        "breaker" => breaker(text("name"), text("state"), event["why"].as_str()),
        "ejection" => ejection(text("name"), text("state"), event["for_ms"].as_u64(), &because),
        "life" if text("life") == "failed" => (BAD, format!("{} has failed{because}", text("plugin"))),
        "life" => (FAINT, format!("{} is {}", text("plugin"), text("life"))),
        "health" => {
            let style = match text("state") {
                "healthy" => GOOD,
                "unhealthy" => BAD,
                _ => FAINT,
            };
            let state = match text("state") {
                "unknown" => "of unknown health",
                state => state,
            };
            (style, format!("{} is {state}{because}", text("plugin")))
        }
        "config_changed" => (WARY, format!("{} was {}", text("plugin"), text("change"))),
        "ordered" => {
            let outcome = text("outcome");
            let style = if outcome == "ok" { WARY } else { BAD };
            let deed = format!("{} ordered {} {}", text("who"), text("action"), text("target"));
            (style, format!("{deed} ({}): {outcome}", text("reason")))
        }
        "ended" => (WARY, "the gateway has stopped".to_owned()),
        "lost" => (
            BAD,
            format!("{} events were lost: this reader is too slow", number("count")),
        ),
        _ => (FAINT, facts(event)),
    }
}

fn breaker(name: &str, state: &str, why: Option<&str>) -> (clap::builder::styling::Style, String) {
    let (style, is) = match state {
        "open" => (BAD, "opened: no call passes".to_owned()),
        "half_open" => (WARY, "lets a probe pass".to_owned()),
        "closed" => (GOOD, "closed: calls pass again".to_owned()),
        "forced_open" => (BAD, format!("was {}", why.unwrap_or("forced open by order"))),
        other => (WARY, format!("is {other}")),
    };
    (style, format!("the circuit breaker of {name} {is}"))
}

fn ejection(name: &str, state: &str, for_ms: Option<u64>, because: &str) -> (clap::builder::styling::Style, String) {
    let time = for_ms.map_or(String::new(), |ms| format!(" for {}", times::span(ms)));
    match state {
        "ejected" => (
            BAD,
            format!("{name} is left out from among its equivalents{time}{because}"),
        ),
        "returned" => (GOOD, format!("{name} is back among its equivalents")),
        other => (WARY, format!("{name} is {other} among its equivalents")),
    }
}

fn facts(event: &Value) -> String {
    let facts = event.as_object().map(render::facts).unwrap_or_default();
    let told = facts.into_iter().filter(|(name, _)| !name.starts_with("at"));
    told.map(|(name, text)| format!("{name}: {text}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_event_is_a_sentence_and_an_unknown_one_loses_nothing() {
        let told = |event: Value| line(&event, &Screen::default());
        let at = "2026-11-29T12:00:01.5Z";
        for (event, sentence) in [
            (
                json!({"event": "failed", "path": "/root/a", "generation": 1, "why": "start_failed"}),
                "/root/a failed: start failed",
            ),
            (
                json!({"event": "breaker", "name": "forge", "state": "forced_open", "why": "forced open by order (disk)"}),
                "the circuit breaker of forge was forced open by order (disk)",
            ),
            (
                json!({"event": "ejection", "name": "forge", "state": "ejected", "for_ms": 30_000, "why": "it failed again and again"}),
                "forge is left out from among its equivalents for 30 s: it failed again and again",
            ),
            (
                json!({"event": "ejection", "name": "forge", "state": "returned", "for_ms": null, "why": null}),
                "forge is back among its equivalents",
            ),
            (
                json!({"event": "health", "plugin": "forge", "state": "unhealthy", "why": "no\nway"}),
                "forge is unhealthy: no way",
            ),
            (
                json!({"event": "config_changed", "plugin": "forge", "change": "updated"}),
                "forge was updated",
            ),
            (
                json!({"event": "ordered", "who": "admin", "action": "call.cancel", "target": "x", "reason": "why", "outcome": "ok"}),
                "admin ordered call.cancel x (why): ok",
            ),
            (
                json!({"event": "lost", "count": 3}),
                "3 events were lost: this reader is too slow",
            ),
            (json!({"event": "new", "n": 1}), "event: new, n: 1"),
        ] {
            let mut event = event;
            event["at"] = at.into();
            assert_eq!(told(event), format!("2026-11-29T12:00:01Z  {sentence}"));
        }
    }
}
