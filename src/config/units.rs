//! Quantities as people write them: durations, sizes, listen addresses, base addresses.
//!
//! Invariant: a parser here answers with what it wanted, never with what it was given, because someone may
//! have pasted a secret into the wrong key.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use url::Url;

/// Parses a duration such as `250ms` or `1m 30s`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "expected a duration such as \"250ms\" or \"1m 30s\"")
}

/// Parses how often something is done: a duration, or `off` or `0` for never, which is zero.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, &'static str> {
    const WANTED: &str = "expected a duration such as \"30s\" or \"5m\", or \"off\"";
    match text.trim() {
        "off" | "0" => Ok(Duration::ZERO),
        text => humantime::parse_duration(text).map_err(|_| WANTED),
    }
}

/// Parses a size: bytes, or a number with `KiB`, `MiB`, `GiB` (or `kB`, `MB`, `GB`).
pub(crate) fn parse_size(text: &str) -> Result<usize, &'static str> {
    const WANTED: &str = "expected a size such as \"64KiB\", \"1MiB\" or a number of bytes";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: usize = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(WANTED),
    };
    let number: usize = number.parse().map_err(|_| WANTED)?;
    number.checked_mul(factor).ok_or(WANTED)
}

/// Writes a size in the largest unit that keeps it whole.
pub(crate) fn format_size(bytes: usize) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes != 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

/// Parses an address to listen on. Names are refused: what they resolve to decides who can connect.
pub(crate) fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "expected an IP address and port such as \"127.0.0.1:8080\" or \"[::1]:8080\"")
}

/// The schema of a duration between two bounds, in milliseconds.
pub(crate) fn time<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "duration", "x-min": MIN, "x-max": MAX })
}

/// As [`time`], for a key that may be left out.
pub(crate) fn optional_time<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "duration", "x-min": MIN, "x-max": MAX })
}

/// The schema of an interval between two bounds, in milliseconds, or `off`.
pub(crate) fn interval_of<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "interval", "x-min": MIN, "x-max": MAX })
}

/// As [`interval_of`], for a key that may be left out.
pub(crate) fn optional_interval_of<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "interval", "x-min": MIN, "x-max": MAX })
}

/// The schema of a share: from 0 to 1.
pub(crate) fn share(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
}

/// As [`share`], for a key that may be left out.
pub(crate) fn optional_share(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["number", "null"], "minimum": 0, "maximum": 1 })
}

/// The schema of a number between two bounds.
pub(crate) fn fraction<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "number", "minimum": MIN, "maximum": MAX })
}

/// As [`fraction`], for a key that may be left out.
pub(crate) fn optional_fraction<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["number", "null"], "minimum": MIN, "maximum": MAX })
}

/// The schema of a number above 0.
pub(crate) fn part<const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "number", "exclusiveMinimum": 0, "maximum": MAX })
}

/// As [`part`], for a key that may be left out.
pub(crate) fn optional_part<const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": MAX })
}

/// The schema of a size between two bounds, in bytes.
pub(crate) fn bytes<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer"], "format": "size", "x-min": MIN, "x-max": MAX })
}

/// As [`bytes`], for a key that may be left out.
pub(crate) fn optional_bytes<const MIN: u64, const MAX: u64>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer", "null"], "format": "size", "x-min": MIN, "x-max": MAX })
}

/// The schema of an address to listen on.
pub(crate) fn listen(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "listen-address" })
}

/// The schema of a list of scopes that may be left out. An empty one would grant nothing.
pub(crate) fn optional_scopes(_: &mut SchemaGenerator) -> Schema {
    let scope = json_schema!({ "type": "string", "format": "scope" });
    json_schema!({ "type": ["array", "null"], "items": scope, "minItems": 1, "maxItems": 100 })
}

/// The schema of a table of such lists that may be left out.
pub(crate) fn optional_scopes_by_name(_: &mut SchemaGenerator) -> Schema {
    let scope = json_schema!({ "type": "string", "format": "scope" });
    let scopes = json_schema!({ "type": "array", "items": scope, "minItems": 1, "maxItems": 100 });
    json_schema!({ "type": ["object", "null"], "additionalProperties": scopes })
}

/// For `#[serde(with)]`: a duration as a string.
pub(crate) mod duration {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&humantime::format_duration(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        parse_duration(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

/// For `#[serde(with)]`: an optional duration as a string.
pub(crate) mod optional_duration {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => duration::serialize(value, s),
            None => s.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(d)?
            .map(|text| parse_duration(&text).map_err(D::Error::custom))
            .transpose()
    }
}

/// For `#[serde(with)]`: an interval as a string.
pub(crate) mod interval {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, s: S) -> Result<S::Ok, S::Error> {
        match value.is_zero() {
            true => s.serialize_str("off"),
            false => duration::serialize(value, s),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        parse_interval(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

/// As [`interval`], for a key that may be left out.
pub(crate) mod optional_interval {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => interval::serialize(value, s),
            None => s.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(d)?
            .map(|text| parse_interval(&text).map_err(D::Error::custom))
            .transpose()
    }
}

/// For `#[serde(with)]`: a size as a string or a number of bytes.
pub(crate) mod size {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Bytes(usize),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(value: &usize, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format_size(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<usize, D::Error> {
        match Written::deserialize(d)? {
            Written::Bytes(bytes) => Ok(bytes),
            Written::Text(text) => parse_size(&text).map_err(D::Error::custom),
        }
    }
}

/// As [`size`], for a key that may be left out.
pub(crate) mod optional_size {
    use super::*;
    use serde::{Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Written(#[serde(with = "size")] usize);

    pub(crate) fn serialize<S: Serializer>(value: &Option<usize>, s: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => size::serialize(value, s),
            None => s.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<usize>, D::Error> {
        Ok(Option::<Written>::deserialize(d)?.map(|Written(bytes)| bytes))
    }
}

/// The address under which a provider's API is reached: http or https, with no user, password, query or fragment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Parses and checks an address.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it: a password may stand in it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "expected an address such as \"https://git.example.com/api\"")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("expected an address that begins with http:// or https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user or password; use `token`");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not contain a query or fragment");
        }
        Ok(BaseUrl(url))
    }

    /// The parsed address.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        BaseUrl::parse(&text)
    }
}

impl From<BaseUrl> for String {
    fn from(base: BaseUrl) -> String {
        base.0.into()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl schemars::JsonSchema for BaseUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BaseUrl".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "base-url" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_and_print() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("1KiB", 1024),
            ("64 MiB", 64 << 20),
            ("2kB", 2000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "MiB",
            "-1",
            "1.5MiB",
            "1 mib",
            "99999999999999999999GiB",
            "17179869184GiB",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        for bytes in [0, 1, 1000, 1024, 1536, 64 << 20, 3 << 30] {
            assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn base_addresses_are_plain() {
        assert!(BaseUrl::parse("https://git.example.com/api/v3").is_ok());
        for text in [
            "git.example.com",
            "ftp://x",
            "https://u:p@x/",
            "https://x/?a=1",
            "https://x/#a",
            "https://",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
