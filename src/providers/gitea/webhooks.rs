//! What Gitea and Forgejo send by themselves.
//!
//! Invariant: the signature over SHA-1, which they send beside, proves nothing here.

use http::HeaderMap;
use mosaic_actors::error::Failure;

use crate::catalogue::event::Told;
use crate::providers::webhooks::{Proof, Webhooks, forge, text};

/// Hexadecimal, without anything before it.
const fn bare(header: &'static str) -> Proof {
    Proof::Hex { header, prefix: "" }
}

pub static WEBHOOKS: Webhooks = Webhooks {
    proofs: &[
        bare("x-gitea-signature"),
        bare("x-forgejo-signature"),
        Proof::Hex {
            header: "x-hub-signature-256",
            prefix: "sha256=",
        },
    ],
    delivery: &["x-gitea-delivery", "x-forgejo-delivery", "x-github-delivery"],
    within: None,
    read,
};

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Told>, Failure> {
    let names = ["x-gitea-event", "x-forgejo-event", "x-github-event"];
    let event = names.iter().find_map(|name| text(headers, name));
    forge::told(event.unwrap_or("unknown"), body)
}
