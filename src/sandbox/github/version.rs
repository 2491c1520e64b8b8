//! The API's versions: what a later one leaves out.
//!
//! Invariant: nothing is left out that the asked version still has.

use http::HeaderValue;
use serde_json::Value;

/// The versions that are spoken here, the usual one first.
pub(crate) const VERSIONS: &[&str] = &["2022-11-28", "2026-03-10"];

/// What version 2026-03-10 drops, wherever it stands.
const DROPPED: &[&str] = &["assignee", "has_downloads", "merge_commit_sha", "permission"];

/// A version that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(&'static str);

impl Version {
    /// The one that who asks for none gets.
    pub const USUAL: Self = Self(VERSIONS[0]);

    pub fn asked(by: &HeaderValue) -> Option<Self> {
        let mut known = VERSIONS.iter();
        known
            .find(|name| name.as_bytes() == by.as_bytes())
            .map(|name| Self(name))
    }

    pub fn name(self) -> &'static str {
        self.0
    }

    /// Whether this is 2026-03-10.
    pub fn is_later(self) -> bool {
        self != Self::USUAL
    }

    /// What remains of an answer to this path.
    pub fn cut(self, path: &str, mut answer: Value) -> Value {
        if self.is_later() {
            drop_fields(&mut answer);
            if let (Value::Object(fields), "/rate_limit") = (&mut answer, path) {
                fields.remove("rate");
            }
        }
        answer
    }
}

fn drop_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !DROPPED.contains(&name.as_str()));
            fields.values_mut().for_each(drop_fields);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_fields),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_later_version_drops_what_an_earlier_one_has() {
        let later = Version::asked(&HeaderValue::from_static("2026-03-10")).unwrap();
        let answer = json!([{ "number": 1, "assignee": null, "assignees": [], "head": { "has_downloads": true } }]);
        assert_eq!(Version::USUAL.cut("/x", answer.clone()), answer);
        assert_eq!(
            later.cut("/x", answer),
            json!([{ "number": 1, "assignees": [], "head": {} }])
        );
        let limits = json!({ "rate": {}, "resources": {} });
        assert_eq!(later.cut("/rate_limit", limits), json!({ "resources": {} }));
        assert_eq!(Version::asked(&HeaderValue::from_static("2030-01-01")), None);
    }
}
