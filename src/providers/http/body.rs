//! A received answer and the reading of its JSON.
//!
//! Invariant: an answer that cannot be understood is `upstream_failed` and names the place, never the content; a row that
//! cannot be is left out of its list, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bytes::Bytes;
use http::HeaderMap;
use mosaic_actors::error::{Failure, Kind};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::collected::Part;
use super::{lenient, link, revalidation};
use crate::catalogue::raw::Raw;
use crate::leisure::at_leisure;
use crate::providers::handlers::Reply;

/// A successful answer, received whole.
pub struct Received {
    headers: HeaderMap,
    body: Bytes,
    request_id: Option<Arc<str>>,
    instance: Arc<str>,
    /// Rows of it that could not be read.
    skipped: AtomicU32,
    /// Why it may be none of the provider's API.
    pub(super) misplaced: Option<String>,
    /// It says that there is nothing (204), as some servers do in place of an empty list.
    pub(super) no_content: bool,
    /// It says that something is new (201), as some servers do to say that it is only planned.
    pub(super) created: bool,
    /// The room that its body takes.
    pub(super) part: Option<Part>,
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
            skipped: AtomicU32::new(0),
            misplaced: None,
            no_content: false,
            created: false,
            part: None,
        }
    }

    /// What stands within another answer and is one of its own: a line of many.
    pub fn within(instance: &Arc<str>, body: Bytes) -> Self {
        Self::new(HeaderMap::new(), body, None, instance.clone())
    }

    /// The failure of an answer that cannot be read, with what may be behind it.
    fn unread(&self, failure: Failure) -> Failure {
        let failure = match &self.misplaced {
            Some(why) => failure.also(why),
            None => failure,
        };
        failure.by(&self.instance)
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// Whether its status is 201, where another success means another thing.
    pub fn is_created(&self) -> bool {
        self.created
    }

    /// A header's text. What is made of it has no validator: one stands for the body alone.
    pub fn header(&self, name: &str) -> Option<&str> {
        revalidation::needs_more();
        self.headers.get(name)?.to_str().ok()
    }

    /// The query that fetches the next page, where a `Link` header names one. A last page has no validator: its body stays
    /// the same where a page is added behind it.
    pub fn next_query(&self) -> Option<String> {
        let next = link::next_query(&self.headers);
        if next.is_none() {
            revalidation::needs_more();
        }
        next
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `upstream_failed` where it is not.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        parse(&self.body).map_err(|failure| self.unread(failure))
    }

    /// Whether the body is a list, which may be null, and no object.
    pub fn is_list(&self) -> bool {
        let body = self.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&self.body);
        matches!(body.trim_ascii_start().first(), Some(b'[' | b'n'))
    }

    /// The body, unread.
    ///
    /// # Errors
    /// `upstream_failed` where it is not JSON.
    pub fn raw(&self) -> Result<Raw, Failure> {
        raw_of(&self.body).map_err(|unreadable| self.unread(unreadable.failure(None)))
    }

    /// The body as one object.
    ///
    /// # Errors
    /// `upstream_failed` where it is not.
    pub fn row<T: DeserializeOwned>(&self, with_raw: bool) -> Result<Row<T>, Failure> {
        self.row_of(&self.body, with_raw)
            .map_err(|unreadable| self.unread(unreadable.failure(None)))
    }

    /// The body as a list of objects; null is an empty one, and so is no content.
    ///
    /// # Errors
    /// `upstream_failed` where it is no list, or has rows and none of them can be read.
    pub fn rows<T: DeserializeOwned>(&self, with_raw: bool) -> Result<Vec<Row<T>>, Failure> {
        if self.no_content && self.body.is_empty() {
            return Ok(vec![]);
        }
        let items: Option<Vec<Box<RawValue>>> = self.json()?;
        self.rows_of(&items.unwrap_or_default(), with_raw)
    }

    /// The objects of a list that is only a part of the body. A row that cannot be read is left out; see
    /// [`Received::skipped`].
    ///
    /// # Errors
    /// As [`Received::rows`]: a list of which nothing is understood is none.
    pub fn rows_of<T: DeserializeOwned>(
        &self,
        items: &[Box<RawValue>],
        with_raw: bool,
    ) -> Result<Vec<Row<T>>, Failure> {
        let mut rows = Vec::with_capacity(items.len());
        let mut first = None;
        for (at, item) in items.iter().enumerate() {
            match self.row_of(item.get().as_bytes(), with_raw) {
                Ok(row) => rows.push(row),
                Err(unreadable) => {
                    let failure = unreadable.failure(Some(at));
                    self.skip(failure.message());
                    if item.get() != "null" {
                        first.get_or_insert(failure);
                    }
                }
            }
        }
        match first {
            Some(failure) if rows.is_empty() => Err(failure.by(&self.instance)),
            _ => Ok(rows),
        }
    }

    /// Leaves out a row, for this reason.
    pub fn skip(&self, why: &str) {
        self.skipped.fetch_add(1, Relaxed);
        tracing::debug!(provider = &*self.instance, why, "a row of an answer is left out");
    }

    /// Rows that were left out so far.
    pub fn skipped(&self) -> u32 {
        self.skipped.load(Relaxed)
    }

    /// The handler's reply: `value`, with the provider's request id and the rows that were left out.
    pub fn reply<V>(&self, value: V) -> Reply<V> {
        Reply {
            value,
            upstream_request_id: self.request_id.clone(),
            skipped: self.skipped(),
        }
    }

    /// The failure that this answer is, although its status is a success.
    pub fn failure(&self, kind: Kind, sentence: &str) -> Failure {
        Failure::new(kind, sentence).by(&self.instance)
    }

    /// A failure that this answer is, in other words.
    pub fn blame(&self, failure: Failure) -> Failure {
        failure.by(&self.instance)
    }

    /// The failure of an answer that cannot be used.
    pub fn unusable(&self, sentence: &str) -> Failure {
        self.failure(Kind::UpstreamFailed, sentence).not_usable()
    }

    fn row_of<T: DeserializeOwned>(&self, json: &[u8], with_raw: bool) -> Result<Row<T>, lenient::Unreadable> {
        Ok(Row {
            wire: at_leisure(json.len(), || lenient::read(json))?,
            raw: with_raw.then(|| raw_of(json)).transpose()?,
        })
    }
}

fn raw_of(json: &[u8]) -> Result<Raw, lenient::Unreadable> {
    at_leisure(json.len(), || {
        lenient::read::<Box<RawValue>>(json).map(|raw| Raw::from(raw).bare())
    })
}

/// Reads JSON that a provider sent.
///
/// # Errors
/// `upstream_failed` that names the place.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Failure> {
    at_leisure(json.len(), || lenient::read(json)).map_err(|unreadable| unreadable.failure(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "read by Debug only")]
    struct Wire {
        name: String,
    }

    #[test]
    fn what_cannot_be_read_is_placed_and_never_quoted() {
        for (json, place) in [
            (&br#"{"name": [5501]}"#[..], "at name"),
            (br#"{"name": "x""#, "not JSON"),
            (br#"<html>5501</html>"#, "not JSON"),
            (br#"{"name": "x"} 5501"#, "behind"),
            (br#"{}"#, "at name"),
            (b"", "not JSON"),
        ] {
            let failure = parse::<Wire>(json).expect_err("refused");
            assert_eq!(failure.kind, Kind::UpstreamFailed);
            assert!(failure.unreadable && !failure.retryable);
            assert!(failure.message().contains(place), "{failure}");
            assert!(!failure.message().contains("5501"), "{failure}");
        }
    }

    fn received(body: &serde_json::Value) -> Received {
        let body = Bytes::from(body.to_string());
        Received::new(HeaderMap::new(), body, None, Arc::from("a"))
    }

    #[test]
    fn an_odd_row_spoils_no_list_and_is_counted() {
        for (body, names, skipped) in [
            (
                json!([{"name": "x"}, null, {"name": {}}, 7, {"name": "y"}]),
                vec!["x", "y"],
                3,
            ),
            (json!([null]), vec![], 1),
            (json!([]), vec![], 0),
            (json!(null), vec![], 0),
        ] {
            let received = received(&body);
            let rows = received.rows::<Wire>(true).expect("a list");
            let read: Vec<_> = rows.iter().map(|row| row.wire.name.as_str()).collect();
            assert_eq!((read, received.reply(()).skipped), (names, skipped), "{body}");
        }
        let nothing = received(&json!([null, {"name": [5501]}]))
            .rows::<Wire>(false)
            .err()
            .expect("refused");
        assert!(nothing.message().contains("at [1].name"), "{nothing}");
        assert!(received(&json!({"name": "x"})).rows::<Wire>(false).is_err());
    }
}
