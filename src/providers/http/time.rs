//! Points in time, however a provider writes them.
//!
//! Invariant: a time that is here is RFC 3339; the zero of a server's language, and what is no time, are none.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// The time of a wire type. Absent and null without any attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Time(Option<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Time(match Option::deserialize(deserializer)? {
            Some(Written::Text(text)) => of_text(text),
            Some(Written::Number(number)) => of_number(number).map(|at| at.to_string()),
            Some(Written::Other(_)) | None => None,
        }))
    }
}

impl Time {
    /// The instant that a text tells, as that of a header.
    pub fn read(text: &str) -> Option<Timestamp> {
        Time(of_text(text.to_owned())).at()
    }

    /// RFC 3339.
    pub fn text(self) -> Option<String> {
        self.0
    }

    /// The same instant in UTC, without zeros at its end.
    pub fn in_utc(self) -> Option<String> {
        self.at().map(|at| at.to_string())
    }

    /// The instant.
    pub fn at(&self) -> Option<Timestamp> {
        self.0.as_deref()?.parse().ok()
    }

    /// This one, else the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Time(self.0.or(other.0))
    }
}

fn of_text(text: String) -> Option<String> {
    let at = text.parse().ok().or_else(|| of_other_forms(text.trim()))?;
    let is_rfc3339 = text.as_bytes().get(10) == Some(&b'T') && text.parse::<Timestamp>().is_ok() && !text.contains('[');
    // Its offset is kept as the provider wrote it.
    happened(at).map(|at| if is_rfc3339 { text } else { at.to_string() })
}

/// Without an offset it is in UTC: servers that leave it out keep their times so.
fn of_other_forms(text: &str) -> Option<Timestamp> {
    let local = || {
        text.strip_suffix(" UTC")
            .unwrap_or(text)
            .parse::<DateTime>()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()
    };
    // `2006-01-02 15:04:05.999 -0700 MST`, as Go prints it.
    let printed = || {
        let (at, zone) = text.rsplit_once(' ').unwrap_or((text, ""));
        let at = if zone.starts_with(|c: char| c.is_ascii_alphabetic()) {
            at
        } else {
            text
        };
        Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", at).ok()
    };
    let mail = || DateTimeParser::new().parse_timestamp(text).ok();
    let number = || of_number(text.parse().ok()?);
    number()
        .or_else(|| local().map(|zoned| zoned.timestamp()))
        .or_else(printed)
        .or_else(mail)
}

/// Seconds since the epoch; numbers too large for them are milliseconds or microseconds.
fn of_number(number: f64) -> Option<Timestamp> {
    let microseconds = match number {
        ..1e11 => number * 1e6,
        ..1e14 => number * 1e3,
        _ => number,
    };
    happened(Timestamp::from_microsecond(microseconds.round() as i64).ok()?)
}

/// No server is older than the epoch.
fn happened(at: Timestamp) -> Option<Timestamp> {
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: Value) -> Option<String> {
        serde_json::from_value::<Time>(value).expect("always").text()
    }

    #[test]
    fn every_form_becomes_rfc_3339() {
        for (written, expected) in [
            (json!("2024-05-06T07:08:09Z"), "2024-05-06T07:08:09Z"),
            (json!("2024-05-06T07:08:09.000000Z"), "2024-05-06T07:08:09.000000Z"),
            (json!("2024-05-06T07:08:09+02:00"), "2024-05-06T07:08:09+02:00"),
            (json!("2024-05-06 07:08:09"), "2024-05-06T07:08:09Z"),
            (json!("2024-05-06T07:08:09"), "2024-05-06T07:08:09Z"),
            (json!("2024-05-06 07:08:09Z"), "2024-05-06T07:08:09Z"),
            (json!("2024-05-06"), "2024-05-06T00:00:00Z"),
            (json!("Mon, 06 May 2024 07:08:09 GMT"), "2024-05-06T07:08:09Z"),
            (json!("2024-05-06 07:08:09 +0200 CEST"), "2024-05-06T05:08:09Z"),
            (json!("2024-05-06 07:08:09.5 +0000 UTC"), "2024-05-06T07:08:09.5Z"),
            (json!(1_714_979_289), "2024-05-06T07:08:09Z"),
            (json!("1714979289"), "2024-05-06T07:08:09Z"),
            (json!(1_714_979_289.25), "2024-05-06T07:08:09.25Z"),
            (json!(1_714_979_289_000_u64), "2024-05-06T07:08:09Z"),
        ] {
            assert_eq!(read(written.clone()).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn zeros_and_what_is_no_time_are_none() {
        for none in [
            json!(null),
            json!(""),
            json!("soon"),
            json!("0001-01-01T00:00:00Z"),
            json!("0001-01-01T00:00:00+00:00"),
            json!("1970-01-01T00:00:00Z"),
            json!("0000-00-00 00:00:00"),
            json!(0),
            json!(-62_135_596_800_i64),
            json!(1e300),
            json!({"at": 1}),
            json!(true),
        ] {
            assert_eq!(read(none.clone()), None, "{none}");
        }
    }

    #[test]
    fn it_needs_no_attribute_to_be_absent() {
        #[derive(Deserialize)]
        struct Wire {
            at: Time,
        }
        assert_eq!(
            serde_json::from_str::<Wire>("{}").expect("an object").at,
            Time::default()
        );
    }
}
