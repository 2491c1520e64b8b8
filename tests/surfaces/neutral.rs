//! What a call brought, without the envelope of the surface that brought it, and without what no two runs have in common.
//!
//! Invariant: nothing is taken out but ids, addresses and times of the run itself.

use jiff::{SignedDuration, Timestamp};
use mosaic::catalogue::find;
use serde_json::{Map, Value, json};

use crate::stage::Stage;

/// What a call brought.
#[derive(Clone, Debug)]
pub enum Outcome {
    Answer(Value),
    Events(Vec<Value>),
    /// A file; of which media type, where the surface tells.
    File {
        media_type: Option<String>,
        bytes: Vec<u8>,
    },
    /// The members of a problem that every surface tells.
    Refused(Value),
    /// The surface does not show the operation to this caller.
    NotShown,
}

/// The same, with what was told of the decision beside it.
#[derive(Clone, Debug)]
pub struct Told {
    pub outcome: Outcome,
    pub decision: Option<Value>,
}

/// What every surface tells of a refusal; the rest is HTTP's, or the request's.
const MEMBERS: [&str; 9] = [
    "code",
    "detail",
    "source",
    "retryable",
    "retry_after_ms",
    "provider",
    "field",
    "outcome",
    "tried",
];

/// A refusal by a problem's members.
pub fn refused(document: &Value) -> Told {
    let member = |name: &str| Some((name.to_owned(), document.get(name)?.clone()));
    let members: Map<String, Value> = MEMBERS.into_iter().filter_map(member).collect();
    Told {
        outcome: Outcome::Refused(members.into()),
        decision: document.get("decision").cloned(),
    }
}

/// An answer that may hold its decision.
pub fn answered(mut document: Value) -> Told {
    let decision = document
        .as_object_mut()
        .and_then(|fields| fields.shift_remove("decision"));
    Told {
        outcome: Outcome::Answer(document),
        decision,
    }
}

/// Events, or a file: what was decided is looked up later.
pub fn came(outcome: Outcome) -> Told {
    Told {
        outcome,
        decision: None,
    }
}

impl Outcome {
    /// As one document.
    pub fn document(&self) -> Value {
        match self {
            Outcome::Answer(answer) => json!({ "answer": answer }),
            Outcome::Events(events) => json!({ "events": events }),
            Outcome::File { bytes, .. } => json!({ "file": String::from_utf8_lossy(bytes) }),
            Outcome::Refused(members) => json!({ "refused": members }),
            Outcome::NotShown => json!("not shown"),
        }
    }
}

/// A document as any run would have it.
pub fn scrubbed(value: Value, stage: &Stage) -> Value {
    match value {
        // What is absent, and what is told to be nothing, are the same.
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(name, value)| {
                let value = match (&*name, &value) {
                    ("next_cursor" | "cursor", Value::String(_)) => "(a cursor)".into(),
                    ("retry_after_ms", Value::Number(_)) => "(a time)".into(),
                    ("detail" | "message", Value::String(text)) => timeless(&addressed(text, stage)).into(),
                    _ => scrubbed(value, stage),
                };
                (name, value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(values) => values.into_iter().map(|value| scrubbed(value, stage)).collect(),
        Value::String(text) if is_now(&text) => "(now)".into(),
        Value::String(text) => addressed(&text, stage).into(),
        other => other,
    }
}

/// A decision record without ids and times, and what is measured in them.
pub fn timeless_record(record: Value) -> Value {
    match record {
        Value::Object(fields) => {
            let of_a_run = |name: &str| {
                let named = [
                    "id",
                    "at",
                    "at_unix_ms",
                    "phases",
                    "score",
                    "words",
                    "affinity",
                    "remaining",
                ];
                named.contains(&name) || name.ends_with("_us") || name.starts_with("predicted_")
            };
            // How large an input is of which no key is made, is told as about so.
            let operation = fields.get("operation").and_then(Value::as_str).and_then(find);
            let is_about = operation.is_some_and(|entry| entry.declaration.facts.cache.is_none());
            let of_a_run = |name: &str| of_a_run(name) || (is_about && name == "payload_bytes");
            let kept = fields
                .into_iter()
                .filter(|(name, value)| !of_a_run(name) && !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, timeless_record(value))).collect())
        }
        Value::Array(values) => values.into_iter().map(timeless_record).collect(),
        other => other,
    }
}

/// Addresses of the sandbox by their servers' names.
fn addressed(text: &str, stage: &Stage) -> String {
    let servers = stage.sandbox.servers().iter();
    servers.fold(text.to_owned(), |text, server| {
        text.replace(&server.address().to_string(), server.name())
    })
}

/// Numbers in sentences may be times.
fn timeless(text: &str) -> String {
    let mut timeless = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() || (c == '.' && timeless.ends_with('#')) {
            true if timeless.ends_with('#') => {}
            true => timeless.push('#'),
            false => timeless.push(c),
        }
    }
    timeless
}

fn is_now(text: &str) -> bool {
    let day = SignedDuration::from_hours(24);
    text.parse::<Timestamp>()
        .is_ok_and(|at| Timestamp::now().duration_since(at).abs() < day)
}
