//! What providers send by themselves: how it is proven, and what it tells.
//!
//! Invariant: nothing of a delivery is read before it is proven to come from its provider.

pub mod forge;
pub mod proof;

use std::borrow::Cow;

use http::HeaderMap;
use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::catalogue::event::Told;
use crate::secret::Secret;

pub use proof::Proof;

/// How the deliveries of a kind of provider are proven and read.
#[derive(Debug)]
pub struct Webhooks {
    /// The proofs that it gives, the best first. None: it proves nothing, and is told from others by a secret path alone.
    pub proofs: &'static [Proof],
    /// The headers that name a delivery, the first that is there; where none is, its bytes do.
    pub delivery: &'static [&'static str],
    /// What its bodies say that others say elsewhere.
    pub within: Option<Within>,
    /// What a delivery tells; nothing where the provider only tries whether it arrives.
    pub read: fn(&HeaderMap, &[u8]) -> Result<Vec<Told>, Failure>,
}

/// What bodies say of deliveries.
#[derive(Debug)]
pub struct Within {
    /// The name of a delivery: one that is tried again differs in its bytes.
    pub name: fn(&[u8]) -> Option<String>,
    /// The secret that the first delivery brings, by which all others are proven. Anybody can send one: it is worth no more
    /// than the secret path that it came by.
    pub secret: fn(&[u8]) -> Option<Secret>,
}

impl Webhooks {
    /// The name of a delivery, where one of its headers gives it, or its body.
    pub fn named<'h>(&self, headers: &'h HeaderMap, body: &[u8]) -> Option<Cow<'h, str>> {
        let header = self.name_of_head(headers);
        let within = || Some(Cow::Owned((self.within.as_ref()?.name)(body)?));
        header.map(Cow::Borrowed).or_else(within)
    }

    /// Whether a header names a delivery.
    pub fn is_named_by_head(&self, headers: &HeaderMap) -> bool {
        self.name_of_head(headers).is_some()
    }

    fn name_of_head<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        self.delivery.iter().find_map(|name| text(headers, name))
    }

    /// Whether its first delivery brings the secret.
    pub fn introduces(&self) -> bool {
        self.within.is_some()
    }
}

/// A header's text; none where it is empty or no text.
pub fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

/// The JSON of a body that may bring it as the field `payload` of a form.
pub fn payload(body: &[u8]) -> Cow<'_, [u8]> {
    let mut fields = match body.starts_with(b"payload=") {
        true => form_urlencoded::parse(body),
        false => return Cow::Borrowed(body),
    };
    let payload = fields.find(|(name, _)| name == "payload");
    Cow::Owned(
        payload
            .map(|(_, json)| json.into_owned().into_bytes())
            .unwrap_or_default(),
    )
}

/// Reads a body.
///
/// # Errors
/// `invalid_input` on `body`.
pub fn body<T: DeserializeOwned>(json: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(json).map_err(|error| {
        let sentence = format!(
            "the delivery is not as expected at line {}, column {}",
            error.line(),
            error.column()
        );
        Failure::invalid("body", sentence)
    })
}
