//! What GitHub sends by itself.
//!
//! Invariant: the older signature, over SHA-1, proves nothing here.

use http::HeaderMap;
use mosaic_actors::error::Failure;

use crate::catalogue::event::Told;
use crate::providers::webhooks::{Proof, Webhooks, forge, text};

pub static WEBHOOKS: Webhooks = Webhooks {
    proofs: &[Proof::Hex {
        header: "x-hub-signature-256",
        prefix: "sha256=",
    }],
    delivery: &["x-github-delivery"],
    within: None,
    read,
};

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Told>, Failure> {
    forge::told(text(headers, "x-github-event").unwrap_or("unknown"), body)
}
