//! The id of one HTTP request: in logs, records, headers and errors alike.
//!
//! Invariant: an id holds only characters that are safe in a header, a URL and a log line.

use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

use super::mount::Mount;
use super::trace::Trace;
use crate::dispatch::new_request_id;

/// The header that carries it, both ways.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that we take over from a client: four UUIDs.
const LONGEST: usize = 144;

/// A request's id, and with it where the surface that answers is mounted: whoever answers needs both, since a problem names
/// its request and links to what explains it; and the trace that the request is part of. Neither is part of the id.
#[derive(Clone, Debug)]
pub struct RequestId {
    text: Arc<str>,
    mount: Mount,
    trace: Option<Trace>,
}

impl RequestId {
    /// The client's own id where it is sane, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let id = given
            .filter(|text| is_sane(text))
            .map_or_else(Self::new, |text| Self::named(Arc::from(text)));
        RequestId {
            trace: Trace::of(headers),
            ..id
        }
    }

    /// That of the part of this number of a request that has several.
    pub(super) fn part(&self, number: usize) -> Self {
        RequestId {
            text: Arc::from(format!("{}.{number}", self.text)),
            ..self.clone()
        }
    }

    /// The id that the listener gave to this request; a new one where no listener is in front (in tests).
    pub fn given(extensions: &Extensions) -> Self {
        let id = extensions.get::<RequestId>().cloned().unwrap_or_else(Self::new);
        RequestId {
            mount: Mount::of(extensions),
            ..id
        }
    }

    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The trace that the request is part of.
    pub fn trace(&self) -> Option<Trace> {
        self.trace
    }

    /// Where the surface that answers is mounted.
    pub fn mount(&self) -> &Mount {
        &self.mount
    }

    /// The text as a header's value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.text)
            .expect("letters, digits, '.', '_' and '-' only: checked in `of`, true of a UUID")
    }

    fn new() -> Self {
        Self::named(new_request_id())
    }

    fn named(text: Arc<str>) -> Self {
        RequestId {
            text,
            mount: Mount::default(),
            trace: None,
        }
    }
}

fn is_sane(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &'static str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(text));
        RequestId::of(&headers)
    }

    #[test]
    fn sane_ids_are_kept_and_others_replaced() {
        assert_eq!(&**of("build-7.retry_2").text(), "build-7.retry_2");
        for odd in ["", "a b", "a\"b", "<script>", "a/../b"] {
            assert_eq!(of(odd).text().len(), 36, "{odd}");
        }
        let new = || RequestId::of(&HeaderMap::new());
        assert_ne!(new().text(), new().text());
    }
}
