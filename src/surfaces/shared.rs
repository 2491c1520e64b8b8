//! Texts that many read.
//!
//! Invariant: however many read one, and wherever its surface is mounted, it is in memory once.

use std::convert::Infallible;
use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::Value;

use super::mount::Mount;

/// A text that is made once, of which one part depends on where it is read.
pub(crate) struct Shared {
    text: Bytes,
    part: Range<usize>,
}

impl Shared {
    /// `part` stands in `text`.
    pub(crate) fn of(text: String, part: &str) -> Self {
        let at = text.find(part).expect("whoever made the text put it there");
        Shared {
            text: text.into(),
            part: at..at + part.len(),
        }
    }

    /// An answer with the text, and with another part where one is given.
    pub(crate) fn response(&self, part: Option<String>) -> Response {
        let Some(part) = part else {
            return self.text.clone().into_response();
        };
        let pieces = self.with(part);
        let length = pieces.iter().map(Bytes::len).sum::<usize>();
        let pieces = stream::iter(pieces.map(Ok::<_, Infallible>));
        ([(CONTENT_LENGTH, length.to_string())], Body::from_stream(pieces)).into_response()
    }

    fn with(&self, part: String) -> [Bytes; 3] {
        let (before, after) = (self.text.slice(..self.part.start), self.text.slice(self.part.end..));
        [before, part.into(), after]
    }
}

/// An OpenAPI document.
pub(crate) struct Document(Shared);

impl Document {
    pub(crate) fn of(document: &Value) -> Self {
        // Within a text of the document its quotes would be escaped.
        Document(Shared::of(document.to_string(), r#""servers":[{"url":"/"}]"#))
    }

    /// Its answer, where the surface is mounted at `mount`.
    pub(crate) fn response(&self, mount: &Mount) -> Response {
        let servers = |path| format!(r#""servers":[{{"url":{}}}]"#, Value::from(path));
        let path = Some(mount.path()).filter(|path| !path.is_empty());
        ([(CONTENT_TYPE, "application/json")], self.0.response(path.map(servers))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_another_part_is_the_same_memory() {
        let text = Shared::of("one two three".to_owned(), "two");
        let shared = text.text.as_ptr_range();
        let pieces = text.with("2".to_owned());
        assert_eq!(pieces.concat(), b"one 2 three");
        let [before, _, after] = pieces;
        for piece in [before, after] {
            let piece = piece.as_ptr_range();
            assert!(shared.start <= piece.start && piece.end <= shared.end);
        }
    }
}
