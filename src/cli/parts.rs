//! The rest of what comes in parts: read once, as it is followed, and shown by parts again.
//!
//! A part that is asked for by itself is read by its provider's log from the beginning, since hardly any server gives a log from
//! a line on: ten parts would cost as much as fifty.
//!
//! Invariant: each line is asked for once, and no more is held than one part.

use std::sync::Arc;

use futures_util::StreamExt;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Events, Replied, Reply};
use super::problem::Problem;
use super::screen::{Screen, Stop};
use super::show::{self, parse};
use crate::catalogue::cicd::RunStatus;
use crate::catalogue::{self, Entry};

/// What tells the rest of a log.
const FOLLOW: &str = "cicd.log.follow";
/// What tells whether a run has ended.
const RUN_GET: &str = "cicd.run.get";
/// The field that names it.
const RUN: &str = "run";
/// What of a part's question the rest is asked by.
const ARGUMENTS: [&str; 2] = [RUN, "step"];
/// As many lines are a part, and as many bytes of them.
const MOST_LINES: usize = 10_000;
const MOST_BYTES: usize = 1 << 20;

/// How the rest is asked for that begins behind the line `after`; none where nothing tells it.
pub fn followed(input: &Map<String, Value>, after: u64) -> Option<(&'static Entry, Map<String, Value>)> {
    let mut asked: Map<_, _> = input.clone();
    asked.retain(|name, _| ARGUMENTS.contains(&&**name));
    asked.insert("after".to_owned(), after.into());
    Some((catalogue::find(FOLLOW)?, asked))
}

/// Whether the run whose log it is moves on no more, as far as that is told.
pub async fn has_ended(
    input: &Map<String, Value>,
    ask: &impl AsyncFn(&'static Entry, Map<String, Value>, Option<Arc<Upload>>) -> Result<Replied, Problem>,
) -> bool {
    let run = input.get(RUN).cloned().zip(catalogue::find(RUN_GET));
    let Some((run, entry)) = run else { return false };
    let asked = Map::from_iter([(RUN.to_owned(), run)]);
    match ask(entry, asked, None).await.map(|replied| replied.reply) {
        Ok(Reply::Whole(body)) => parse(&body)
            .ok()
            .and_then(|run| RunStatus::deserialize(&run["status"]).ok())
            .is_some_and(RunStatus::has_ended),
        _ => false,
    }
}

/// Shows the lines that are told as parts like `first`, an answer of `entry`.
///
/// # Errors
/// What the stream or the screen fails with; `conflict` where the log is another one meanwhile.
pub async fn rest(mut events: Events, first: &Value, entry: &Entry, screen: &Screen) -> Result<(), Stop> {
    let mut part = Part::default();
    while let Some(event) = events.next().await {
        let mut event = parse(&event?)?;
        match event["type"].as_str() {
            Some("line") => {
                let Some(seq) = event["seq"].as_u64() else { continue };
                if let Some(line) = event.as_object_mut() {
                    line.remove("type");
                    line.remove("seq");
                }
                if part.is_full() {
                    part.show(first, true, entry, screen).await?;
                }
                part.add(seq, event);
            }
            Some("replaced") => {
                part.show(first, true, entry, screen).await?;
                let sentence = "the log was replaced by another one while it was read: ask for it once more";
                return Err(Failure::new(Kind::Conflict, sentence).into());
            }
            Some("end") => break,
            _ => {}
        }
    }
    part.show(first, false, entry, screen).await
}

/// The lines that are yet to be shown.
#[derive(Default)]
struct Part {
    lines: Vec<Value>,
    bytes: usize,
    /// The number of the last.
    last: u64,
}

impl Part {
    fn is_full(&self) -> bool {
        self.lines.len() >= MOST_LINES || self.bytes >= MOST_BYTES
    }

    fn add(&mut self, seq: u64, line: Value) {
        self.last = seq;
        self.bytes += line["text"].as_str().map_or(0, str::len);
        self.lines.push(line);
    }

    /// Shows them; `more`: the log goes on behind them.
    async fn show(&mut self, first: &Value, more: bool, entry: &Entry, screen: &Screen) -> Result<(), Stop> {
        let mut shown = json!({ "run": first["run"], "lines": std::mem::take(&mut self.lines) });
        if !first["step"].is_null() {
            shown["step"] = first["step"].clone();
        }
        if more {
            shown["truncated"] = true.into();
            shown["next_after"] = self.last.into();
        }
        self.bytes = 0;
        show::reply(Reply::Whole(shown.to_string().into()), entry, None, screen).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_asked_for_as_the_part_was() {
        let input = json!({"run": "a~b#7", "step": "test", "after": 3, "include_raw": true});
        let (entry, asked) = followed(input.as_object().expect("fields"), 9).expect("it is told");
        assert_eq!(entry.declaration.facts.name, FOLLOW);
        assert_eq!(Value::from(asked), json!({"run": "a~b#7", "step": "test", "after": 9}));
    }

    #[tokio::test]
    async fn only_a_run_that_is_told_to_have_ended_has() {
        let input = json!({"run": "a~b#7", "step": "test"});
        let input = input.as_object().expect("fields");
        for (told, expected) in [
            (Ok(json!({"status": "failure"})), true),
            (Ok(json!({"status": "running"})), false),
            (Ok(json!({"status": "unheard of"})), false),
            (Ok(json!({})), false),
            (Err(Kind::Forbidden), false),
        ] {
            let ask = async |entry: &'static Entry, asked: Map<String, Value>, _| {
                assert_eq!((entry.name(), Value::from(asked)), (RUN_GET, json!({"run": "a~b#7"})));
                match &told {
                    Ok(run) => Ok(Replied {
                        reply: Reply::Whole(run.to_string().into()),
                        emulated: false,
                        decision: None,
                        id: None,
                    }),
                    Err(kind) => Err(Failure::new(*kind, "as told").into()),
                }
            };
            assert_eq!(has_ended(input, &ask).await, expected, "{told:?}");
        }
    }

    #[test]
    fn a_part_is_full_by_its_lines_and_by_their_length() {
        let mut part = Part::default();
        (0..MOST_LINES as u64 - 1).for_each(|seq| part.add(seq, json!({"text": ""})));
        assert!(!part.is_full());
        part.add(9, json!({"text": ""}));
        assert!(part.is_full());
        let mut part = Part::default();
        part.add(0, json!({"text": "x".repeat(MOST_BYTES)}));
        assert!(part.is_full());
    }
}
