//! From pages of a data source to issues and what stands on boards. Pure.
//!
//! Invariant: a property is found by its id, whatever it is called now.

use std::collections::BTreeMap;

use mosaic_actors::call::Resource;
use serde_json::Value;

use super::super::{convert, wire};
use super::schema::{Property, Tracker};
pub use super::schema::{value, word};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::catalogue::projects::{BoardItem, BoardItemKind, Issue, IssueState};
use crate::providers::http::Row;

/// Whether a page is an open issue or a closed one.
pub fn state(page: &wire::Page, tracker: &Tracker) -> IssueState {
    match word(page, tracker) {
        Some(word) if tracker.is_closed(&word) => IssueState::Closed,
        _ => IssueState::Open,
    }
}

/// The people of a page's property, as far as the page tells them.
fn people(value: Option<&Value>) -> Vec<Person> {
    let people = value.and_then(Value::as_array).into_iter().flatten();
    let read = people.filter_map(|person| serde_json::from_value::<wire::User>(person.clone()).ok());
    read.map(convert::person).collect()
}

pub fn id(instance: &str, tracker: &Tracker, page: &wire::Page) -> String {
    Resource::neutral_id(instance, format_args!("{}#{}", tracker.source, page.id))
}

pub fn issue(instance: &str, tracker: &Tracker, Row { wire, raw }: Row<wire::Page>, body: Option<String>) -> Issue {
    let of = |property: &Option<Property>| property.as_ref().and_then(|property| value(&wire, property));
    let labels = of(&tracker.labels).and_then(Value::as_array).into_iter().flatten();
    let labels = labels.filter_map(|label| label["name"].as_str()).map(str::to_owned);
    Issue {
        id: id(instance, tracker, &wire),
        number: of(&tracker.number).and_then(|number| number["number"].as_u64()),
        title: convert::title(&wire),
        body,
        state: state(&wire, tracker),
        raw_state: word(&wire, tracker),
        labels: labels.collect(),
        assignees: people(of(&tracker.assignee)),
        milestone: None,
        due_on: of(&tracker.due)
            .and_then(|date| date["start"].as_str())
            .map(str::to_owned),
        locked: None,
        comments: None,
        closed_at: None,
        dropped: Vec::new(),
        author: wire.created_by.map(convert::person),
        web_url: wire.url.map(Link::from),
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        raw,
    }
}

pub fn item(instance: &str, tracker: &Tracker, Row { wire, raw }: Row<wire::Page>) -> BoardItem {
    let id = id(instance, tracker, &wire);
    let status = tracker.status.as_ref().map(|status| status.id.as_str());
    let others = wire
        .properties
        .iter()
        .filter(|(_, value)| value["type"] != "title" && value["id"].as_str() != status);
    let fields: BTreeMap<String, Value> = others
        .filter_map(|(name, value)| Some((name.clone(), value.get(value["type"].as_str()?)?.clone())))
        .filter(|(_, value)| !value.is_null())
        .collect();
    BoardItem {
        content: Some(id.clone()),
        id,
        kind: BoardItemKind::Issue,
        title: Some(convert::title(&wire)),
        state: Some(state(&wire, tracker)),
        column: word(&wire, tracker),
        fields,
        archived: wire.in_trash || wire.archived,
        web_url: wire.url.map(Link::from),
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        raw,
    }
}
