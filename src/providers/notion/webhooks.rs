//! What Notion sends by itself: signals of what has changed, with ids and nothing else. They come within some minutes, may
//! be of many changes at once, and out of order.
//!
//! Invariant: a page of a data source is told as a page and as an issue, since it may be read as either.

use mosaic_actors::error::Failure;
use serde::Deserialize;
use serde_json::Value;

use super::ids::Place;
use crate::catalogue::event::{EventType, Told};
use crate::catalogue::person::Person;
use crate::providers::http::Time;
use crate::providers::http::text::present;
use crate::providers::webhooks::{Proof, Webhooks, Within, body};
use crate::secret::Secret;

pub static WEBHOOKS: Webhooks = Webhooks {
    proofs: &[Proof::Hex {
        header: "x-notion-signature",
        prefix: "sha256=",
    }],
    delivery: &[],
    within: Some(Within { name, secret }),
    read: |_, json| told(json),
};

/// The longest verification token that is taken, in bytes: Notion's have 50.
const LONGEST_TOKEN: usize = 256;

/// The first delivery, by which Notion sees whether any arrive.
#[derive(Deserialize)]
struct Greeting {
    verification_token: String,
}

#[derive(Debug, Deserialize)]
struct Delivery {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    timestamp: Time,
    authors: Option<Vec<Author>>,
    entity: Option<Entity>,
    data: Option<Data>,
}

#[derive(Debug, Deserialize)]
struct Author {
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entity {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Data {
    parent: Option<Parent>,
    /// Of a comment, whose parent may be a block.
    page_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    data_source_id: Option<String>,
}

/// An event keeps its id while it is tried again; the number of the attempt beside it grows.
fn name(json: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        id: Option<String>,
    }
    present(serde_json::from_slice::<Named>(json).ok()?.id)
}

fn secret(json: &[u8]) -> Option<Secret> {
    let greeting: Greeting = serde_json::from_slice(json).ok()?;
    let token = Some(greeting.verification_token).filter(|token| {
        let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
        plain && (1..=LONGEST_TOKEN).contains(&token.len())
    });
    token.map(Secret::new)
}

fn told(json: &[u8]) -> Result<Vec<Told>, Failure> {
    let delivery: Value = body(json)?;
    // Sent once more, under a secret that is known by now: only a try.
    if delivery.get("verification_token").is_some() {
        return Ok(vec![]);
    }
    Ok(body::<Delivery>(json)?.told())
}

impl Delivery {
    fn told(self) -> Vec<Told> {
        let (thing, act) = self.kind.split_once('.').unwrap_or((&self.kind, ""));
        match thing {
            "page" => self.of_page(act),
            "comment" => {
                let page = self.data.as_ref().and_then(|data| data.page_id.clone());
                vec![self.one(EventType::PageCommented, page)]
            }
            "database" | "data_source" => self.of_container(act),
            _ => vec![self.one(EventType::Other, None)],
        }
    }

    fn of_page(&self, act: &str) -> Vec<Told> {
        let (page, issue) = match act {
            "created" => (EventType::PageCreated, EventType::IssueOpened),
            "deleted" => (EventType::PageDeleted, EventType::IssueDeleted),
            _ => (EventType::PageUpdated, EventType::IssueUpdated),
        };
        let id = self.entity.as_ref().map(|entity| entity.id.clone());
        let parent = self.data.as_ref().and_then(|data| data.parent.as_ref());
        let source = parent.and_then(|parent| parent.data_source_id.as_ref());
        let of_source = source.zip(id.as_ref()).map(|(source, id)| format!("{source}#{id}"));
        let as_issue = of_source.map(|native| self.one(issue, Some(native)));
        [self.one(page, id)].into_iter().chain(as_issue).collect()
    }

    /// Of a database, or of a data source, whose properties hold the labels of its issues.
    fn of_container(&self, act: &str) -> Vec<Told> {
        let is_source = |entity: &Entity| entity.kind.as_deref() == Some("data_source");
        let place = self.entity.as_ref().map(|entity| match is_source(entity) {
            true => Place::DataSource(entity.id.clone()),
            false => Place::Database(entity.id.clone()),
        });
        let changed = self.one(EventType::SpaceChanged, place.as_ref().map(Place::native));
        let labels = match (place, act) {
            (Some(Place::DataSource(id)), "schema_updated") => Some(self.one(EventType::LabelChanged, Some(id))),
            _ => None,
        };
        [changed].into_iter().chain(labels).collect()
    }

    fn one(&self, kind: EventType, native: Option<String>) -> Told {
        Told {
            kind,
            raw_type: self.kind.clone(),
            native,
            actor: self.actor(),
            occurred_at: self.timestamp.clone().in_utc(),
            ..Told::default()
        }
    }

    /// Who did it, where it was one alone.
    fn actor(&self) -> Option<Person> {
        let [author] = self.authors.as_deref()? else {
            return None;
        };
        Some(Person {
            id: Some(author.id.clone()?),
            ..Person::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::providers::webhooks::proof::prove;

    const PAGE: &str = "153104cd-477e-809d-8dc4-ff2d96ae3090";
    const SOURCE: &str = "98824b2c-fab8-4e32-9a20-3b7e7bd5bd41";

    fn delivery(kind: &str, entity: &str, id: &str, data: Value) -> Vec<u8> {
        json!({"id": "367cba44-b6f3-4c92-81e7-6a2e9659efd4", "timestamp": "2024-12-05T23:55:34.285Z", "type": kind,
            "authors": [{"id": "c7c11cca-1d73-471d-9b6e-bdef51470190", "type": "person"}], "attempt_number": 1,
            "api_version": "2025-09-03", "entity": {"id": id, "type": entity}, "data": data})
        .to_string()
        .into_bytes()
    }

    /// The kinds and natives of what is told.
    fn meant(json: &[u8]) -> Vec<(EventType, Option<String>)> {
        let told = told(json).expect("it is read").into_iter();
        told.map(|told| (told.kind, told.native)).collect()
    }

    /// N32: what comes has ids and nothing else; a page of a data source is an issue, too.
    #[test]
    fn what_happened_is_read_of_its_type() {
        let page = |kind| (kind, Some(PAGE.to_owned()));
        let within = json!({"parent": {"id": "0ef104cd-477e-80e1-8571-cfd10e92339a", "type": "page"}});
        for (kind, meaning) in [
            ("page.created", EventType::PageCreated),
            ("page.content_updated", EventType::PageUpdated),
            ("page.properties_updated", EventType::PageUpdated),
            ("page.moved", EventType::PageUpdated),
            ("page.locked", EventType::PageUpdated),
            ("page.undeleted", EventType::PageUpdated),
            ("page.deleted", EventType::PageDeleted),
        ] {
            let said = delivery(kind, "page", PAGE, within.clone());
            assert_eq!(meant(&said), [page(meaning)], "{kind}");
        }
        let row = json!({"parent": {"id": "x", "type": "database", "data_source_id": SOURCE}});
        let issue = |kind| (kind, Some(format!("{SOURCE}#{PAGE}")));
        for (kind, first, second) in [
            ("page.created", EventType::PageCreated, EventType::IssueOpened),
            (
                "page.properties_updated",
                EventType::PageUpdated,
                EventType::IssueUpdated,
            ),
            ("page.deleted", EventType::PageDeleted, EventType::IssueDeleted),
        ] {
            let said = delivery(kind, "page", PAGE, row.clone());
            assert_eq!(meant(&said), [page(first), issue(second)], "{kind}");
        }
        let on_block = json!({"parent": {"id": "b", "type": "block"}, "page_id": PAGE});
        let said = delivery("comment.created", "comment", "c", on_block);
        assert_eq!(meant(&said), [page(EventType::PageCommented)]);
        let said = delivery("data_source.schema_updated", "data_source", SOURCE, json!({}));
        let source = Some(format!("data_source/{SOURCE}"));
        assert_eq!(
            meant(&said),
            [
                (EventType::SpaceChanged, source),
                (EventType::LabelChanged, Some(SOURCE.to_owned()))
            ]
        );
        let said = delivery("database.moved", "database", SOURCE, json!({}));
        assert_eq!(
            meant(&said),
            [(EventType::SpaceChanged, Some(format!("database/{SOURCE}")))]
        );
        for odd in ["file_upload.completed", "view.updated", "news"] {
            assert_eq!(
                meant(&delivery(odd, "view", "v", json!({}))),
                [(EventType::Other, None)],
                "{odd}"
            );
        }
    }

    /// N32: by its id it is known again, though the number of the attempt differs; who did it is told of one alone.
    #[test]
    fn a_delivery_has_a_name_a_time_and_an_author() {
        let said = delivery("page.created", "page", PAGE, json!({}));
        let again = String::from_utf8_lossy(&said).replace("\"attempt_number\":1", "\"attempt_number\":2");
        assert_ne!(again.as_bytes(), said);
        let named = |json: &[u8]| WEBHOOKS.named(&HeaderMap::new(), json).map(String::from);
        assert_eq!(named(&said).as_deref(), Some("367cba44-b6f3-4c92-81e7-6a2e9659efd4"));
        assert_eq!(named(again.as_bytes()), named(&said));
        let one = told(&said).expect("it is read").remove(0);
        assert_eq!(one.occurred_at.as_deref(), Some("2024-12-05T23:55:34.285Z"));
        let actor = one.actor.and_then(|person| person.id);
        assert_eq!(actor.as_deref(), Some("c7c11cca-1d73-471d-9b6e-bdef51470190"));
        let two = br#"{"type": "page.moved", "authors": [{"id": "a"}, {"id": "b"}]}"#;
        assert_eq!(told(two).expect("it is read").remove(0).actor, None);
    }

    /// The example of Notion's own documentation: the first delivery is signed by the token that it brings.
    #[test]
    fn the_first_delivery_brings_the_secret_of_all_others() {
        const TOKEN: &str = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl";
        let greeting = format!("{{\"verification_token\":\"{TOKEN}\"}}");
        let brought = secret(greeting.as_bytes()).expect("a token");
        assert_eq!(brought.expose(), TOKEN);
        let mut headers = HeaderMap::new();
        let signature = "sha256=461e8cbcba8a75c3edd866f0e71280f5a85cbf21eff040ebd10fe266df38a735";
        headers.insert("x-notion-signature", signature.parse().expect("a value"));
        let now = jiff::Timestamp::now();
        assert!(prove(WEBHOOKS.proofs, &headers, greeting.as_bytes(), TOKEN, now).is_ok());
        assert!(prove(WEBHOOKS.proofs, &headers, b"{}", TOKEN, now).is_err());
        assert_eq!(told(greeting.as_bytes()).expect("only a try"), []);
        let long = "x".repeat(LONGEST_TOKEN + 1);
        for odd in ["", "a b", "a\nb", long.as_str()] {
            let greeting = json!({"verification_token": odd}).to_string();
            assert!(secret(greeting.as_bytes()).is_none(), "{odd:?}");
        }
        assert!(secret(b"{\"type\": \"page.created\"}").is_none() && secret(b"[").is_none());
    }
}
