//! A received answer and the reading of its JSON.
//!
//! Invariant: an answer that cannot be understood is `upstream_failed` and names the place, never the content.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::link;
use crate::catalogue::raw::Raw;
use crate::providers::table::Reply;

/// A successful answer, received whole.
pub struct Received {
    headers: HeaderMap,
    body: Bytes,
    request_id: Option<Arc<str>>,
    instance: Arc<str>,
}

/// One object of an answer: as the driver's wire type, and as it came where the caller asked for that too.
pub struct Row<T> {
    /// The fields that the driver uses.
    pub wire: T,
    /// All fields.
    pub raw: Option<Raw>,
}

impl Received {
    pub(super) fn new(headers: HeaderMap, body: Bytes, request_id: Option<Arc<str>>, instance: Arc<str>) -> Self {
        Received {
            headers,
            body,
            request_id,
            instance,
        }
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The query that fetches the next page, where a `Link` header names one.
    pub fn next_query(&self) -> Option<String> {
        link::next_query(&self.headers)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `upstream_failed` where it is not.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.parse(&self.body)
    }

    /// The body, unread.
    ///
    /// # Errors
    /// `upstream_failed` where it is not JSON.
    pub fn raw(&self) -> Result<Raw, Failure> {
        self.raw_of(&self.body)
    }

    /// The body as one object.
    ///
    /// # Errors
    /// `upstream_failed` where it is not.
    pub fn row<T: DeserializeOwned>(&self, with_raw: bool) -> Result<Row<T>, Failure> {
        self.row_of(&self.body, with_raw)
    }

    /// The body as a list of objects.
    ///
    /// # Errors
    /// `upstream_failed` where it is not.
    pub fn rows<T: DeserializeOwned>(&self, with_raw: bool) -> Result<Vec<Row<T>>, Failure> {
        let items: Vec<Box<RawValue>> = self.json()?;
        self.rows_of(&items, with_raw)
    }

    /// The objects of a list that is only a part of the body.
    ///
    /// # Errors
    /// `upstream_failed` where one of them is not as expected.
    pub fn rows_of<T: DeserializeOwned>(
        &self,
        items: &[Box<RawValue>],
        with_raw: bool,
    ) -> Result<Vec<Row<T>>, Failure> {
        let texts = items.iter().map(|item| item.get().as_bytes());
        texts.map(|json| self.row_of(json, with_raw)).collect()
    }

    /// The handler's reply: `value`, with the provider's request id.
    pub fn reply<V>(&self, value: V) -> Reply<V> {
        Reply {
            value,
            upstream_request_id: self.request_id.clone(),
        }
    }

    /// The failure that this answer is, although its status is a success.
    pub fn failure(&self, kind: Kind, sentence: &str) -> Failure {
        Failure::new(kind, sentence).by(&self.instance)
    }

    /// The failure of an answer that cannot be used.
    pub fn unusable(&self, sentence: &str) -> Failure {
        self.failure(Kind::UpstreamFailed, sentence).not_usable()
    }

    fn row_of<T: DeserializeOwned>(&self, json: &[u8], with_raw: bool) -> Result<Row<T>, Failure> {
        Ok(Row {
            wire: self.parse(json)?,
            raw: with_raw.then(|| self.raw_of(json)).transpose()?,
        })
    }

    fn raw_of(&self, json: &[u8]) -> Result<Raw, Failure> {
        self.parse::<Box<RawValue>>(json).map(Raw::from)
    }

    fn parse<'a, T: Deserialize<'a>>(&self, json: &'a [u8]) -> Result<T, Failure> {
        at_leisure(json.len(), || parse(json)).map_err(|failure| failure.by(&self.instance))
    }
}

/// A longer answer is read where others need not wait for it.
const LONG: usize = 256 * 1024;

/// Runs `read`, which takes its time with so many bytes; for many, other tasks of this thread go on elsewhere meanwhile.
fn at_leisure<T>(bytes: usize, read: impl FnOnce() -> T) -> T {
    let elsewhere = || Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > LONG && elsewhere() {
        tokio::task::block_in_place(read)
    } else {
        read()
    }
}

/// Reads JSON that a provider sent.
///
/// # Errors
/// `upstream_failed` that names the place.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Failure> {
    // To know the place of a fault costs a text for each key on the way: it is asked for only where there is a fault.
    serde_json::from_slice(json).or_else(|_| parse_placing(json))
}

fn parse_placing<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // The parser's own sentence may quote the content, so only its place is kept.
        let sentence = match error.inner().classify() {
            serde_json::error::Category::Data => {
                format!("the answer is not as expected at {}", error.path())
            }
            _ => "the answer is not JSON, or broke off".to_owned(),
        };
        Failure::new(Kind::UpstreamFailed, sentence).not_usable()
    })?;
    reader
        .end()
        .map_err(|_| Failure::new(Kind::UpstreamFailed, "the answer goes on behind its JSON").not_usable())?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "read by Debug only")]
    struct Wire {
        name: String,
    }

    #[test]
    fn what_cannot_be_read_is_placed_and_never_quoted() {
        for (json, place) in [
            (&br#"{"name": 5501}"#[..], "at name"),
            (br#"{"name": "x""#, "not JSON"),
            (br#"<html>5501</html>"#, "not JSON"),
            (br#"{"name": "x"} 5501"#, "behind"),
            (br#"{}"#, "not as expected"),
            (b"", "not JSON"),
        ] {
            let failure = parse::<Wire>(json).expect_err("refused");
            assert_eq!(failure.kind, Kind::UpstreamFailed);
            assert!(failure.unreadable && !failure.retryable);
            assert!(failure.message().contains(place), "{failure}");
            assert!(!failure.message().contains("5501"), "{failure}");
        }
    }
}
