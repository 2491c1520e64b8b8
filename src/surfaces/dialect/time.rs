//! Moments as dialects write them.
//!
//! Invariant: a moment that a provider did not tell is told as absent, or, where one must be, as the beginning of time.

use jiff::Timestamp;

/// Seconds since the Unix epoch, now.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

/// The same of a moment that is written as RFC 3339.
pub fn seconds(moment: Option<&str>) -> Option<i64> {
    let read = moment?.parse::<Timestamp>().ok()?;
    Some(read.as_second())
}

/// The beginning of time, for those who must have one.
pub const NEVER: &str = "1970-01-01T00:00:00Z";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_moment_is_absent() {
        assert_eq!(seconds(Some("1970-01-01T00:01:00Z")), Some(60));
        assert_eq!(
            (seconds(None), seconds(Some("soon")), seconds(Some(NEVER))),
            (None, None, Some(0))
        );
        assert!(now() > 1_700_000_000);
    }
}
