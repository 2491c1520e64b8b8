//! Answers that are damaged: the golden ones, cut off, with a value of another type, or replaced by anything.
//!
//! Invariant: whatever an answer holds, a driver answers or fails, after a bounded number of requests, and never panics.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use mosaic::providers::http::HttpClient;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::upstream::cells::{Cell, cells};
use crate::upstream::{self, Canned, INSTANCE, Upstream};

/// The kinds whose drivers are held to this.
const KINDS: &[&str] = &[
    "anthropic",
    "bookstack",
    "gitea",
    "github",
    "gitlab",
    "jenkins",
    "notion",
    "openai",
    "woodpecker",
];
/// What goes on until its run has ended is bounded by its call alone.
const WAITING: &[&str] = &["cicd.log.follow", "cicd.run.wait"];
/// No operation asks more often for one output.
const MOST_REQUESTS: usize = 40;
/// How many damaged answers each cell is given.
const DAMAGES: usize = 4;

/// One way to damage an answer.
#[derive(Clone, Debug)]
enum Damage {
    /// Only so much of it comes, in thousandths.
    Cut(usize),
    /// One of its values, counted through, is another.
    Swap(usize, usize),
    /// Something else comes.
    Other(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (0..1000_usize).prop_map(Damage::Cut),
        (any::<usize>(), 0..8_usize).prop_map(|(place, odd)| Damage::Swap(place, odd)),
        vec(any::<u8>(), 0..64).prop_map(Damage::Other),
    ]
}

impl Damage {
    fn on(&self, answer: &Canned) -> Canned {
        let text = || match (&answer.body, &answer.text) {
            (Some(body), _) => body.to_string(),
            (None, text) => text.clone().unwrap_or_default(),
        };
        let mut damaged = answer.clone();
        match self {
            Damage::Cut(share) => {
                let text = text();
                let kept = text.chars().count() * share / 1000;
                (damaged.body, damaged.text) = (None, Some(text.chars().take(kept).collect()));
            }
            Damage::Swap(place, odd) => {
                if let Some(body) = &mut damaged.body {
                    let count = count(body);
                    let mut at = place % count;
                    swap(body, &mut at, &odd_value(*odd));
                }
            }
            Damage::Other(bytes) => {
                damaged.bytes = Some(bytes.clone());
            }
        }
        damaged
    }
}

fn odd_value(odd: usize) -> Value {
    match odd {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(""),
        5 => json!("../x\u{0}\n\u{202e}"),
        6 => json!([]),
        _ => json!({"nested": [{"deep": 1}]}),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Puts `odd` in the place of the value that comes `at`th.
fn swap(value: &mut Value, at: &mut usize, odd: &Value) -> bool {
    if *at == 0 {
        *value = odd.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| swap(item, at, odd)),
        Value::Object(fields) => fields.values_mut().any(|field| swap(field, at, odd)),
        _ => false,
    }
}

/// Runs a cell with its answers damaged, the last of them over and over.
async fn run(cell: &Cell, damages: &[Damage], client: &HttpClient) {
    let mut answers: Vec<Canned> = cell.answers.clone();
    let damaged = damages
        .iter()
        .zip(answers.clone())
        .map(|(damage, answer)| damage.on(&answer));
    answers = damaged.collect();
    let last = answers.last().cloned();
    answers.extend(last.into_iter().cycle().take(MOST_REQUESTS));
    let mut input = cell.input();
    let query = upstream::query(&cell.operation, &input);
    if let Some(native) = input.get("cursor").and_then(Value::as_str) {
        input["cursor"] = upstream::cursors().seal(INSTANCE, &query, native).into();
    }
    let provider = Upstream::answering(answers).await;
    let mut connection = upstream::connection_by(client, &provider.url);
    connection.settings = cell.settings();
    let driver = upstream::driver(&cell.kind, &connection).expect("connected");
    let call = upstream::call(&cell.operation, input, true).expect("a sound input");
    let outcome = tokio::time::timeout(Duration::from_secs(60), driver.call(Arc::new(call))).await;
    if let Ok(answer) = outcome.unwrap_or_else(|_| panic!("{} does not end: {damages:?}", cell.name())) {
        upstream::whole(answer).await;
    }
    assert!(
        provider.seen().len() <= MOST_REQUESTS,
        "{} goes on asking: {damages:?}",
        cell.name()
    );
}

#[tokio::test]
async fn damaged_answers_are_answers_or_failures() {
    /// Some wait for what a provider may still find out.
    const AT_ONCE: usize = 32;
    let client = &HttpClient::from_env().expect("a client");
    let cells: Vec<Cell> = cells()
        .into_iter()
        .filter(|cell| KINDS.contains(&&*cell.kind) && !WAITING.contains(&&*cell.operation))
        .collect();
    assert!(!cells.is_empty());
    let mut runner = TestRunner::deterministic();
    let mut damages = || vec(damage(), 4).new_tree(&mut runner).expect("a damage").current();
    let runs: Vec<_> = cells
        .iter()
        .flat_map(|cell| (0..DAMAGES).map(move |_| cell))
        .map(|cell| (cell, damages()))
        .collect();
    let runs = futures_util::stream::iter(runs);
    runs.for_each_concurrent(
        AT_ONCE,
        |(cell, damages)| async move { run(cell, &damages, client).await },
    )
    .await;
}
