//! What is done with a body that passes.
//!
//! Invariant: what may be a text is one: in it a secret is hidden, and where it holds none it stays as it is.

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};

/// What is done with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON text: it leads to more, and its tokens may be counted.
    Json,
    /// The same of a stream of events.
    Events,
    /// Several JSON texts.
    Rows,
    /// What is somebody's own: nothing but our secrets is replaced in it, and it stays as long as it is.
    Text,
    /// It passes as it is.
    Bytes,
}

/// What media types begin with that are no text.
const NO_TEXTS: [&str; 5] = ["audio/", "font/", "image/", "model/", "video/"];
/// Media types that are none.
const BYTES: [&str; 14] = [
    "application/cbor",
    "application/gzip",
    "application/java-archive",
    "application/msgpack",
    "application/octet-stream",
    "application/pdf",
    "application/protobuf",
    "application/tar",
    "application/wasm",
    "application/x-gzip",
    "application/x-protobuf",
    "application/x-tar",
    "application/zip",
    "application/zstd",
];
/// What those end with that say in what they are packed.
const PACKED: [&str; 5] = ["+cbor", "+gzip", "+zip", "+zstd", "-compressed"];

impl Form {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        // Of two, whoever reads it behind us may take either.
        let told = text(CONTENT_TYPE).filter(|_| headers.get_all(CONTENT_TYPE).iter().nth(1).is_none());
        let essence = told.unwrap_or_default().split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        // A part of something has its place there; and a file is a file, whatever is written in it.
        let file =
            essence.contains(".raw") || text(CONTENT_DISPOSITION).is_some_and(|text| text.starts_with("attachment"));
        let whole = status != StatusCode::PARTIAL_CONTENT && !file;
        match &*essence {
            "text/event-stream" if whole => Form::Events,
            "application/x-ndjson" | "application/jsonl" if whole => Form::Rows,
            "application/json" if whole => Form::Json,
            json if json.ends_with("+json") && whole => Form::Json,
            bytes if is_bytes(bytes) => Form::Bytes,
            // Of what nobody knows, too: as many bytes come of it, and other ones only where it holds a secret.
            _ => Form::Text,
        }
    }

    /// Whether its bytes are as many behind it as before.
    pub(super) fn keeps_length(self) -> bool {
        matches!(self, Form::Text | Form::Bytes)
    }
}

pub(super) fn is_bytes(essence: &str) -> bool {
    let no_text = NO_TEXTS.iter().any(|beginning| essence.starts_with(beginning)) && !essence.ends_with("xml");
    no_text || BYTES.contains(&essence) || PACKED.iter().any(|end| essence.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(status: u16, words: &[(http::HeaderName, &str)]) -> Form {
        let headers = words
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        Form::of(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn what_is_text_is_read_and_what_has_a_place_in_something_is_not() {
        for (media_type, expected) in [
            ("application/json; charset=utf-8", Form::Json),
            ("application/vnd.github+json", Form::Json),
            ("application/x-ndjson", Form::Rows),
            ("TEXT/EVENT-STREAM", Form::Events),
            ("text/plain", Form::Text),
            ("application/vnd.github.raw+json", Form::Text),
            ("application/xml", Form::Text),
            ("application/zip", Form::Bytes),
            ("", Form::Text),
        ] {
            assert_eq!(form(200, &[(CONTENT_TYPE, media_type)]), expected, "{media_type}");
        }
        assert_eq!(form(206, &[(CONTENT_TYPE, "application/json")]), Form::Text);
        let file = [
            (CONTENT_TYPE, "application/json"),
            (CONTENT_DISPOSITION, "attachment; filename=x"),
        ];
        assert_eq!(form(200, &file), Form::Text);
    }

    #[test]
    fn a_text_is_one_by_whichever_name() {
        for media_type in [
            "application/yaml",
            "application/x-yaml; charset=utf-8",
            "application/openapi+yaml",
            "application/javascript",
            "application/toml",
            "application/vnd.github.v3.diff",
            "application/x-sh",
            "application/x-pem-file",
            "image/svg+xml",
            "multipart/mixed; boundary=x",
            "message/rfc822",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(form(200, &[(CONTENT_TYPE, media_type)]), Form::Text, "{media_type}");
        }
        for media_type in [
            "image/png",
            "application/octet-stream",
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/x-7z-compressed",
            "audio/mpeg",
        ] {
            assert_eq!(form(200, &[(CONTENT_TYPE, media_type)]), Form::Bytes, "{media_type}");
        }
    }
}
