//! How long a call's phases took, for browsers and whoever reads `Server-Timing`.
//!
//! Invariant: nothing is measured for it that a decision record does not hold; it is made where it was asked for, and is as
//! bounded as the record.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use mosaic_actors::decision::Explained;
use mosaic_actors::error::Failure;
use tokio::time::Instant;

/// Where they are told.
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// What they are asked for by.
pub const ASKED: HeaderName = HeaderName::from_static("x-mosaic-timing");

/// Whether a request asks for them.
///
/// # Errors
/// `invalid_input` naming the header.
pub(super) fn asked(headers: &HeaderMap) -> Result<bool, Failure> {
    let mut given = headers.get_all(&ASKED).iter();
    match (given.next().map(HeaderValue::as_bytes), given.next()) {
        (None, _) => Ok(false),
        (Some(b"true"), None) => Ok(true),
        (Some(b"false"), None) => Ok(false),
        _ => Err(Failure::invalid(
            ASKED.as_str(),
            "x-mosaic-timing must be true or false, once",
        )),
    }
}

/// The header of a call whose request came at `arrived`. An attempt's balance and guard are within its `call`; what comes
/// behind the reply, no header can tell.
pub(super) fn header(record: Option<&Explained>, arrived: Instant) -> Option<HeaderValue> {
    let mut text = String::new();
    if let Some(record) = record {
        phases(record, &mut text);
    }
    add(&mut text, "total", micros(arrived), "");
    HeaderValue::try_from(text).ok()
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn phases(record: &Explained, text: &mut String) {
    let marks = [
        ("admit", record.phases.admitted_us),
        ("route", record.phases.routed_us),
        ("lookup", record.phases.looked_up_us),
    ];
    let mut last = 0;
    for (name, ended) in marks {
        let Some(ended) = ended else { continue };
        let said = match name {
            "lookup" => record.cache.status.map_or("", |status| status.as_str()),
            _ => "",
        };
        add(text, name, ended.saturating_sub(last), said);
        last = ended;
    }
    for attempt in &record.attempts {
        if attempt.waited_us > 0 {
            add(text, "wait", attempt.waited_us, "");
        }
        if let Some(ended) = attempt.ended_us {
            let asked = attempt.instance.as_deref().unwrap_or_default();
            add(text, "call", ended.saturating_sub(attempt.began_us), asked);
        }
    }
}

/// One phase; `said` of it, where that can stand in quotes.
fn add(text: &mut String, name: &str, micros: u64, said: &str) {
    let comma = if text.is_empty() { "" } else { ", " };
    let (whole, part) = (micros / 1_000, micros % 1_000);
    // Writing to a text cannot fail.
    let _ = write!(text, "{comma}{name};dur={whole}.{part:03}");
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if !said.is_empty() && said.bytes().all(is_plain) {
        let _ = write!(text, ";desc=\"{said}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::decision::example;

    #[test]
    fn phases_are_told_in_their_order_and_in_milliseconds() {
        let record: Explained = serde_json::from_value(example()).expect("a record");
        let header = header(Some(&record), Instant::now()).expect("a header");
        let text = header.to_str().expect("ASCII");
        let names: Vec<&str> = text.split(", ").filter_map(|one| one.split(';').next()).collect();
        let calls = record.attempts.len();
        assert!(calls > 0 && names.first() == Some(&"lookup"), "{text}");
        assert_eq!(names.iter().filter(|name| **name == "call").count(), calls, "{text}");
        assert_eq!(names.last(), Some(&"total"), "{text}");
        let mut text = String::new();
        add(&mut text, "call", 1_023_004, "forge-a");
        add(&mut text, "call", 7, "with \"quotes\"");
        assert_eq!(text, "call;dur=1023.004;desc=\"forge-a\", call;dur=0.007");
    }

    #[test]
    fn it_is_asked_for_in_one_word() {
        let of = |values: &[&'static str]| {
            let lines = values.iter().map(|value| (ASKED, HeaderValue::from_static(value)));
            asked(&lines.collect()).map_err(|failure| failure.field.as_deref().map(str::to_owned))
        };
        assert_eq!(of(&[]), Ok(false));
        assert_eq!(of(&["true"]), Ok(true));
        assert_eq!(of(&["false"]), Ok(false));
        for wrong in [&["yes"][..], &["true", "true"], &[""]] {
            assert_eq!(of(wrong), Err(Some("x-mosaic-timing".to_owned())));
        }
    }
}
