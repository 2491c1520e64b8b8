//! Addresses, as answers tell them.
//!
//! Invariant: none holds a password, and one of the web no name of a user either: some servers write the token there with
//! which they were asked.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use memchr::memchr;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// An address that a provider tells, without what would let somebody in there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Link(String);

impl From<String> for Link {
    fn from(address: String) -> Self {
        Link(match bare(&address) {
            Cow::Borrowed(_) => address,
            Cow::Owned(bare) => bare,
        })
    }
}

impl From<&str> for Link {
    fn from(address: &str) -> Self {
        Link(bare(address).into_owned())
    }
}

impl From<Link> for String {
    fn from(link: Link) -> String {
        link.0
    }
}

impl Deref for Link {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Link {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl JsonSchema for Link {
    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// An address without the name and password in it. Of one by which SSH goes the name stays: it is the same for all, and
/// without it nobody gets in.
pub fn bare(address: &str) -> Cow<'_, str> {
    // Most hold none.
    if memchr(b'@', address.as_bytes()).is_none() {
        return address.into();
    }
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.into();
    };
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let Some((user, _)) = rest[..end].rsplit_once('@') else {
        return address.into();
    };
    let host = &rest[user.len() + 1..];
    if !scheme.to_ascii_lowercase().ends_with("ssh") {
        return format!("{scheme}://{host}").into();
    }
    match user.split_once(':') {
        Some((name, _)) => format!("{scheme}://{name}@{host}").into(),
        None => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_lets_somebody_in_is_taken_out_and_nothing_else() {
        for (told, expected) in [
            ("https://ci-token:s3cr3t@h.example/a/b.git", "https://h.example/a/b.git"),
            ("https://s3cr3t@h.example", "https://h.example"),
            ("HTTP://a:b@c:d@h.example:8443?x=@#@", "HTTP://h.example:8443?x=@#@"),
            ("https://a:b@h.example\\@x", "https://h.example\\@x"),
            ("ssh://git:s3cr3t@h.example/a", "ssh://git@h.example/a"),
            ("ssh://git@h.example:22/a", "ssh://git@h.example:22/a"),
            ("git@h.example:a/b.git", "git@h.example:a/b.git"),
            ("https://h.example/@somebody", "https://h.example/@somebody"),
            (
                "https://h.example/?next=https://a:b@c/",
                "https://h.example/?next=https://a:b@c/",
            ),
            ("", ""),
        ] {
            assert_eq!(&*Link::from(told), expected);
            assert_eq!(&*Link::from(told.to_owned()), expected);
            let read: Link = serde_json::from_value(json!(told)).expect("a text");
            assert_eq!(serde_json::to_value(read).expect("a text"), expected);
        }
    }
}
