//! One look at a running gateway: which document, and the face that people see of it.
//!
//! Invariant: with `--json` the server's document is shown as it came.

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use crate::cli::problem::Problem;
use crate::cli::screen::{Screen, Stop};
use crate::cli::tree::{self, Outlook};
use crate::cli::views::{Shown, TableView};
use crate::cli::{render, show, times};

/// What is looked at.
pub(super) struct Look {
    pub(super) path: String,
    /// So many of its rows.
    pub(super) limit: Option<u32>,
    pub(super) face: Face,
}

/// How it is shown.
pub(super) enum Face {
    Tree(Outlook),
    /// A table.
    Table(&'static TableView, Shown),
    /// Every fact.
    Facts,
}

impl Look {
    /// How many rows to ask for, so that as many can be shown as are wanted.
    pub(super) fn asked(&self, screen: &Screen) -> Option<u32> {
        let limit = self.limit?;
        Some(match self.face {
            // The gateway gives a thousand at most.
            Face::Table(view, _) if !screen.json => limit.saturating_mul(view.folds()).min(limit.max(1_000)),
            _ => limit,
        })
    }

    /// Shows a document once.
    ///
    /// # Errors
    /// An answer that is not JSON, or a path that no actor has.
    pub(super) fn show(&self, body: &[u8], screen: &Screen) -> Result<(), Stop> {
        if screen.json {
            return screen.lines(body);
        }
        match self.text(&show::parse(body)?, screen)? {
            Ok(text) => screen.lines(text),
            Err(empty) => {
                screen.note(empty);
                Ok(())
            }
        }
    }

    /// The document for people; the sentence for one that is empty.
    ///
    /// # Errors
    /// `not_found` for a path that no actor has.
    pub(super) fn text(&self, document: &Value, screen: &Screen) -> Result<Result<String, &'static str>, Problem> {
        match &self.face {
            Face::Tree(outlook) => tree::render(document, outlook, screen).map(Ok).ok_or_else(|| {
                let path = outlook.below.as_deref().unwrap_or_default();
                let unknown = Failure::new(Kind::NotFound, format!("no actor has the path {path}"));
                Problem::from(unknown).hint("`mosaic tree --wide` shows the paths.")
            }),
            Face::Table(view, how) => Ok(match view.render(document, how, screen) {
                None => Ok(facts(document, screen)),
                Some(table) => beside(view, document, table, screen),
            }),
            Face::Facts => Ok(Ok(facts(document, screen))),
        }
    }

    /// What counts as a change: not time, and in a tree not traffic either.
    pub(super) fn outline(&self, document: &Value) -> Value {
        match self.face {
            Face::Tree(_) => outline(document.get("root").unwrap_or(document)),
            _ => timeless(document),
        }
    }
}

/// A table with what its document tells beside it.
fn beside(
    view: &TableView,
    document: &Value,
    table: Result<String, &'static str>,
    screen: &Screen,
) -> Result<String, &'static str> {
    let rest = document
        .as_object()
        .filter(|_| view.has_facts)
        .cloned()
        .map(|mut rest| {
            rest.shift_remove(view.member());
            facts(&Value::Object(rest), screen)
        });
    match (rest.filter(|rest| !rest.is_empty()), table) {
        (None, table) => table,
        (Some(rest), Ok(table)) => Ok(format!("{rest}\n\n{table}")),
        (Some(rest), Err(empty)) => Ok(format!("{rest}\n\n{empty}")),
    }
}

fn facts(document: &Value, screen: &Screen) -> String {
    render::document(&humane(document), None, screen)
}

/// The document with spans and points of time in people's words.
fn humane(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| humane_member(name, value))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(humane).collect(),
        scalar => scalar.clone(),
    }
}

fn humane_member(name: &str, value: &Value) -> (String, Value) {
    let named = |suffix: &str| Some((name.strip_suffix(suffix)?.to_owned(), value.as_u64()?));
    if let Some((name, ms)) = named("_unix_ms") {
        return (name, times::since_unix(ms).into());
    }
    match named("_ms") {
        Some((name, ms)) => (name, times::span(ms).into()),
        None => (name.to_owned(), humane(value)),
    }
}

/// What does not change by time alone: who is there, in which state, started how often, crashed of what.
fn outline(node: &Value) -> Value {
    let facts = ["path", "state", "restarts", "generation", "last_crash"].map(|name| node.get(name));
    let children = node.get("children").and_then(Value::as_array);
    let children: Vec<Value> = children.into_iter().flatten().map(outline).collect();
    json!([facts, children])
}

fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let stays = object.iter().filter(|(name, _)| !name.ends_with("_ms"));
            let stays = stays.map(|(name, value)| (name.clone(), timeless(value)));
            stays.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::views::STATUS;

    fn tree(state: &str, in_state: u64, mailbox: u64) -> Value {
        json!({"path": "/root", "state": "running", "uptime_ms": in_state, "children": [
            {"path": "/root/a", "state": state, "in_state_ms": in_state, "mailbox": mailbox, "handled": in_state}]})
    }

    fn look(face: Face) -> Look {
        Look {
            path: String::new(),
            limit: None,
            face,
        }
    }

    #[test]
    fn time_and_traffic_are_no_change_and_a_state_is() {
        let outline = |document| look(Face::Tree(Outlook::default())).outline(&document);
        assert_eq!(outline(tree("running", 1, 0)), outline(tree("running", 900, 7)));
        assert_ne!(outline(tree("running", 1, 0)), outline(tree("backing_off", 1, 0)));
        let outline = |document| look(Face::Facts).outline(&document);
        assert_eq!(
            outline(json!([{"a": 1, "for_ms": 2}])),
            outline(json!([{"a": 1, "for_ms": 3}]))
        );
        assert_ne!(outline(json!([{"a": 1}])), outline(json!([{"a": 2}])));
    }

    #[test]
    fn a_table_stands_below_the_facts_and_times_are_in_words() {
        let status = json!({"uptime_ms": 180_000, "accepting": true, "providers": [{"name": "a", "breaker": {"state": "open"}}]});
        let shown = look(Face::Table(&STATUS, Shown::default())).text(&status, &Screen::default());
        let Ok(Ok(text)) = shown else { panic!("a table") };
        assert_eq!(text, "uptime     3 m\naccepting  yes\n\nNAME  BREAKER\na     open");
    }
}
