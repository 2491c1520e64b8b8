//! Addresses that hold what they lead to (RFC 2397), as the dialects of clients have pictures and documents.
//!
//! Invariant: what is written is what was read.

use mosaic_actors::error::Failure;
use serde_json::Value;

use super::fields::{must, read};
use crate::catalogue::ai::Base64;
use crate::catalogue::fields::WebUrl;

/// Where something is.
pub enum Place {
    /// At an address of the web.
    Web(WebUrl),
    /// In the address itself.
    Here {
        /// What it is.
        media_type: String,
        /// Its bytes.
        data: Base64,
    },
}

/// Reads an address that stands at `place`.
///
/// # Errors
/// `invalid_input` on `place`.
pub fn place(place: &str, url: String) -> Result<Place, Failure> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Ok(Place::Web(read(place, &Value::String(url))?));
    };
    let parts = rest
        .split_once(',')
        .and_then(|(kind, data)| Some((kind.strip_suffix(";base64")?, data)));
    let Some((kind, data)) = parts else {
        return Err(must(
            place,
            "be an http or https URL, or data:<media type>;base64,<bytes>",
        ));
    };
    Ok(Place::Here {
        // Parameters such as a charset say nothing of what it is.
        media_type: kind.split(';').next().unwrap_or_default().to_ascii_lowercase(),
        data: base64(place, data.to_owned())?,
    })
}

/// Reads bytes that stand at `place` as base64.
///
/// # Errors
/// `invalid_input` on `place`.
pub fn base64(place: &str, text: String) -> Result<Base64, Failure> {
    read(place, &Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_at_an_address_or_in_it() {
        let Ok(Place::Here { media_type, data }) = place("url", "data:Image/png;base64,YQ==".to_owned()) else {
            panic!("it is here");
        };
        assert_eq!((media_type.as_str(), &*data), ("image/png", "YQ=="));
        assert!(matches!(
            place("url", "https://example.com/a.png".to_owned()),
            Ok(Place::Web(_))
        ));
        for wrong in ["data:image/png,YQ==", "data:image/png;base64,Y", "ftp://a", ""] {
            let failure = place("a.url", wrong.to_owned()).err().expect(wrong);
            assert_eq!(failure.field.as_deref(), Some("a.url"), "{wrong}");
        }
    }
}
