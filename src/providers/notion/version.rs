//! The versions of the API, and what they differ in.
//!
//! Invariant: a request holds only what the version that it names knows.

use http::HeaderValue;
use jiff::civil::{Date, date};
use mosaic_actors::error::Failure;
use serde_json::{Value, json};

/// The header that names the version.
pub const HEADER: &str = "notion-version";
/// What is asked for where nothing is set: the first one with data sources.
pub const DEFAULT: &str = "2025-09-03";
/// The one that the Markdown of a page is asked for in.
pub const OF_MARKDOWN: HeaderValue = HeaderValue::from_static("2026-03-11");

const FIRST: Date = date(2025, 9, 3);
/// Since then, what is in the trash is called so, and what is inserted has a position.
const RENAMED: Date = date(2026, 3, 11);

/// A version.
#[derive(Debug)]
pub struct Version {
    text: String,
    at: Date,
}

impl Version {
    /// Reads the setting.
    pub fn read(text: Option<&str>) -> Result<Self, Failure> {
        let text = text.unwrap_or(DEFAULT);
        match text.parse::<Date>() {
            Ok(at) if at >= FIRST && at.to_string() == text => Ok(Version {
                text: text.to_owned(),
                at,
            }),
            _ => {
                let sentence = format!("settings.api_version must be a date such as {DEFAULT}, and no earlier one");
                Err(Failure::invalid("settings.api_version", sentence))
            }
        }
    }

    /// As the header has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The change that puts something into the trash, or takes it out.
    pub fn trash(&self, trashed: bool) -> Value {
        match self.at >= RENAMED {
            true => json!({"in_trash": trashed}),
            false => json!({"archived": trashed}),
        }
    }

    /// Says in a request behind which block its children shall stand.
    pub fn place(&self, body: &mut Value, after: &str) {
        match self.at >= RENAMED {
            true => body["position"] = json!({"type": "after_block", "after_block": {"id": after}}),
            false => body["after"] = after.into(),
        }
    }

    /// Whether blocks can be put before all others.
    pub fn has_start(&self) -> bool {
        self.at >= RENAMED
    }

    /// Says in a request that its children shall stand before all others.
    pub fn place_first(&self, body: &mut Value) {
        body["position"] = json!({"type": "start"});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N6, N19: what changes with the version.
    #[test]
    fn each_version_has_its_words() {
        let words = |text: &str| {
            let version = Version::read(Some(text)).expect("a version");
            let mut body = json!({});
            version.place(&mut body, "b");
            (version.trash(true), body)
        };
        let old = (json!({"archived": true}), json!({"after": "b"}));
        let new = json!({"position": {"type": "after_block", "after_block": {"id": "b"}}});
        assert_eq!(words("2025-09-03"), old);
        assert_eq!(words("2026-03-10"), old);
        assert_eq!(words("2026-03-11"), (json!({"in_trash": true}), new));
    }

    #[test]
    fn a_version_without_data_sources_is_refused() {
        for wrong in ["2022-06-28", "2025-9-3", "latest", ""] {
            let failure = Version::read(Some(wrong)).expect_err(wrong);
            assert_eq!(failure.field.as_deref(), Some("settings.api_version"));
        }
        assert_eq!(Version::read(None).expect("the default one").text(), DEFAULT);
    }
}
