//! What OpenAI sends by itself.
//!
//! Invariant: it follows Standard Webhooks, so an old delivery cannot be sent again under a new name.

use mosaic_actors::error::Failure;
use serde::Deserialize;

use crate::catalogue::event::{EventType, Told};
use crate::providers::http::Time;
use crate::providers::webhooks::{Proof, Webhooks, body};

pub static WEBHOOKS: Webhooks = Webhooks {
    proofs: &[Proof::Standard],
    delivery: &["webhook-id"],
    within: None,
    read: |_, json| told(json),
};

#[derive(Debug, Deserialize)]
struct Delivery {
    #[serde(rename = "type")]
    kind: String,
    created_at: Time,
    data: Option<Data>,
}

#[derive(Debug, Deserialize)]
struct Data {
    id: Option<String>,
}

fn told(json: &[u8]) -> Result<Vec<Told>, Failure> {
    let delivery: Delivery = body(json)?;
    let kind = match delivery.kind.split_once('.') {
        Some(("response", _)) => EventType::ResponseEnded,
        Some(("batch", _)) => EventType::BatchEnded,
        _ => EventType::Other,
    };
    Ok(vec![Told {
        kind,
        raw_type: delivery.kind,
        native: delivery.data.and_then(|data| data.id),
        occurred_at: delivery.created_at.in_utc(),
        ..Told::default()
    }])
}
