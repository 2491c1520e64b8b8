//! What BookStack sends by itself.
//!
//! Invariant: it proves nothing, so a delivery is worth no more than its secret path.

use mosaic_actors::error::Failure;
use serde::Deserialize;

use crate::catalogue::event::{EventType, Told};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::Time;
use crate::providers::webhooks::{Webhooks, body};

pub static WEBHOOKS: Webhooks = Webhooks {
    proofs: &[],
    delivery: &[],
    within: None,
    read: |_, json| told(json),
};

#[derive(Debug, Deserialize)]
struct Delivery {
    event: String,
    triggered_at: Time,
    triggered_by: Option<User>,
    url: Option<String>,
    related_item: Option<Item>,
}

#[derive(Debug, Deserialize)]
struct User {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Item {
    id: Option<u64>,
}

fn told(json: &[u8]) -> Result<Vec<Told>, Failure> {
    let delivery: Delivery = body(json)?;
    let id = delivery.related_item.and_then(|item| item.id);
    let (kind, native) = meant(&delivery.event, id);
    let name = delivery.triggered_by.and_then(|user| user.name);
    Ok(vec![Told {
        kind,
        native,
        raw_type: delivery.event,
        reference: None,
        actor: name.map(|name| Person {
            name: Some(name),
            ..Person::default()
        }),
        web_url: delivery.url.map(Link::from),
        occurred_at: delivery.triggered_at.in_utc(),
    }])
}

/// What an event's word means, and what it happened to, by its id.
fn meant(event: &str, id: Option<u64>) -> (EventType, Option<String>) {
    let within = |kind: &str| id.map(|id| format!("{kind}/{id}"));
    let page = id.map(|id| id.to_string());
    match event.split_once('_') {
        Some(("page", "create")) => (EventType::PageCreated, page),
        Some(("page", "delete")) => (EventType::PageDeleted, page),
        Some(("page", _)) => (EventType::PageUpdated, page),
        Some(("commented", _)) => (EventType::PageCommented, page),
        // The id is the comment's own, and tells of no page.
        Some(("comment", _)) => (EventType::PageCommented, None),
        Some(("chapter", _)) => (EventType::SpaceChanged, within("chapter")),
        Some(("book", _)) => (EventType::SpaceChanged, within("book")),
        Some(("bookshelf", _)) => (EventType::SpaceChanged, within("shelf")),
        _ => (EventType::Other, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_to_which_thing_is_read_from_its_word() {
        let json =
            br#"{"event": "page_update", "text": "Kim updated page", "triggered_at": "2021-12-11T22:25:10.000000Z",
            "triggered_by": {"id": 1, "name": "Kim", "slug": "kim"}, "webhook_id": 2, "webhook_name": "gateway",
            "url": "https://h/books/b/page/p", "related_item": {"id": 2432, "book_id": 13, "name": "Page"}}"#;
        let told = told(json).expect("it is read").remove(0);
        assert_eq!(
            (told.kind, told.native.as_deref()),
            (EventType::PageUpdated, Some("2432"))
        );
        assert_eq!(told.occurred_at.as_deref(), Some("2021-12-11T22:25:10Z"));
        assert_eq!(
            meant("chapter_create", Some(5)),
            (EventType::SpaceChanged, Some("chapter/5".to_owned()))
        );
        assert_eq!(meant("bookshelf_delete", Some(5)).1.as_deref(), Some("shelf/5"));
        assert_eq!(meant("settings_update", Some(5)), (EventType::Other, None));
    }
}
