//! Times for people.
//!
//! Invariant: one unit, as exact as a reader needs; a time in the future is never called past.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A span: `40 ms`, `12 s`, `3 m`, `5 h`, `2 d`.
pub fn span(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match UNITS.iter().find(|(length, _)| ms >= *length) {
        Some((length, unit)) => format!("{} {unit}", ms / length),
        None => format!("{ms} ms"),
    }
}

/// How long ago something was: `3 m ago`; within the last second, `now`.
pub fn ago(ms: u64) -> String {
    match ms {
        0..1000 => "now".to_owned(),
        ms => format!("{} ago", span(ms)),
    }
}

/// How long ago a time in milliseconds since the Unix epoch was, by this machine's clock.
pub fn since_unix(ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ago(u64::try_from(now.as_millis()).unwrap_or(u64::MAX).saturating_sub(ms))
}

/// The same for a time of RFC 3339; what is none is shown as it is.
pub fn since_text(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(at) => since_unix(u64::try_from(at.as_millisecond()).unwrap_or(0)),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_unit() {
        let shown = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000].map(span);
        assert_eq!(shown, ["0 ms", "999 ms", "1 s", "59 s", "1 m", "59 m", "1 h", "1 d"]);
        assert_eq!((ago(500), ago(180_000)), ("now".to_owned(), "3 m ago".to_owned()));
        assert!(since_text("2020-01-01T00:00:00Z").ends_with(" d ago"));
        assert_eq!(
            (since_text("soon"), since_unix(u64::MAX)),
            ("soon".to_owned(), "now".to_owned())
        );
    }
}
