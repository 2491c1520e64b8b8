//! The address of a Redis.
//!
//! Invariant: it holds no password, and neither it nor an error about it quotes one.

use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use url::Url;

/// `redis://[user@]host[:port][/db]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedisUrl(Url);

impl RedisUrl {
    /// Parses and checks an address.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it: a password may stand in it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "expected an address such as \"redis://127.0.0.1:6379/0\"";
        let url = Url::parse(text).map_err(|_| WANTED)?;
        match url.scheme() {
            "redis" => {}
            "rediss" => return Err("TLS to Redis (rediss://) is not supported; use redis:// over a trusted network"),
            _ => return Err(WANTED),
        }
        if url.password().is_some() {
            return Err("must not contain a password; use `password`");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(WANTED);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not contain a query or fragment");
        }
        let database = url.path().trim_start_matches('/');
        if !database.is_empty() && database.parse::<u16>().is_err() {
            return Err("expected the number of a database after the address, such as \"/0\"");
        }
        Ok(RedisUrl(url))
    }
}

impl TryFrom<String> for RedisUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        RedisUrl::parse(&text)
    }
}

impl From<RedisUrl> for String {
    fn from(url: RedisUrl) -> String {
        url.0.into()
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl schemars::JsonSchema for RedisUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RedisUrl".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "redis-url" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        for text in [
            "redis://127.0.0.1",
            "redis://cache:6380/3",
            "redis://user@[::1]:6379/0",
            "redis://h/",
        ] {
            assert!(RedisUrl::parse(text).is_ok(), "{text}");
        }
        for text in [
            "127.0.0.1:6379",
            "http://h",
            "rediss://h",
            "redis:///0",
            "redis://:secret@h",
            "redis://h/a",
            "redis://h/0?protocol=3",
            "redis://h/#a",
        ] {
            assert!(RedisUrl::parse(text).is_err(), "{text}");
        }
    }
}
