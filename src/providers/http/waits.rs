//! How long a provider asks us to wait, in the forms that providers use. Pure.
//!
//! Invariant: a wait that cannot be read is no wait, and none is longer than [`LONGEST_WAIT`]; nothing here panics or
//! overflows.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The longest wait that is believed, whatever a provider asks for: the longest window of a rate limit in use.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// `retry-after-ms`, else `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(wait) = text("retry-after-ms").and_then(|text| wait(text, 1e-3)) {
        return Some(wait);
    }
    let text = text(RETRY_AFTER.as_str())?;
    match wait(text, 1.0) {
        Some(wait) => Some(wait),
        None => DateTimeParser::new()
            .parse_timestamp(text)
            .ok()
            .map(|at| until(at, now)),
    }
}

/// So many units of so many seconds. Too many for any number are the longest wait; a sign or a word is no wait.
fn wait(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| text.parse().ok())??;
    Some(Duration::from_secs_f64((number * unit).min(LONGEST_WAIT.as_secs_f64())))
}

/// The wait until a second of the Unix epoch; none where it has passed.
pub fn until_epoch(seconds: &str, now: Timestamp) -> Option<Duration> {
    let at = Timestamp::from_second(seconds.trim().parse().ok()?).ok()?;
    Some(until(at, now))
}

/// A duration as Go prints it: `6m0s`, `1h2m3.5s`, `120ms`.
pub fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = (!rest.is_empty()).then_some(Duration::ZERO)?;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total = LONGEST_WAIT.min(total + wait(number, seconds)?);
        rest = tail;
    }
    Some(total)
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    // A time that has passed is no more to be waited for.
    Duration::try_from(at.duration_since(now)).map_or(Duration::ZERO, |wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::HeaderName;
    use proptest::prelude::*;

    fn waits(name: &'static str, value: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?)]);
        // 1994-11-06T08:49:37Z, the example instant of RFC 9110.
        retry_after(&headers, Timestamp::from_second(784_111_777).expect("in range"))
    }

    #[test]
    fn retry_after_in_its_forms() {
        assert_eq!(waits("retry-after", "17"), Some(Duration::from_secs(17)));
        assert_eq!(waits("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(waits("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        let date = |text| waits("retry-after", text);
        assert_eq!(date("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(date("Sun, 06 Nov 1994 08:49:27 GMT"), Some(Duration::ZERO));
        for odd in ["soon", "-1", "NaN", "inf", "-0", "+5", "0x10", ""] {
            assert_eq!(waits("retry-after", odd), None, "{odd}");
        }
        let digits = "9".repeat(400);
        for endless in [
            "86401",
            "1e300",
            "18446744073709551616",
            &digits,
            "Thu, 01 Jan 9998 00:00:00 GMT",
        ] {
            assert_eq!(waits("retry-after", endless), Some(LONGEST_WAIT), "{endless}");
        }
        assert_eq!(waits("retry-after-ms", &digits), Some(LONGEST_WAIT));
    }

    #[test]
    fn durations_of_go() {
        assert_eq!(go_duration("6m0s"), Some(Duration::from_secs(360)));
        assert_eq!(go_duration("1s"), Some(Duration::from_secs(1)));
        assert_eq!(go_duration("120ms"), Some(Duration::from_millis(120)));
        assert_eq!(go_duration("99999999999999999999h5m"), Some(LONGEST_WAIT));
        assert_eq!(go_duration("20h20h"), Some(LONGEST_WAIT));
        assert_eq!(go_duration("1h2m3.5s"), Some(Duration::from_millis(3_723_500)));
        for odd in ["", "6", "m", "6x", "1.2.3s", "-1s"] {
            assert_eq!(go_duration(odd), None, "{odd}");
        }
    }

    #[test]
    fn epochs() {
        let now = Timestamp::from_second(1000).expect("in range");
        assert_eq!(until_epoch("1060", now), Some(Duration::from_secs(60)));
        assert_eq!(until_epoch("10", now), Some(Duration::ZERO));
        assert_eq!(until_epoch("x", now), None);
        assert_eq!(until_epoch("9223372036854775807", now), None);
        assert_eq!(until_epoch("253402207200", now), Some(LONGEST_WAIT));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ -~µ]{0,30}") {
            let _ = (go_duration(&text), until_epoch(&text, Timestamp::UNIX_EPOCH), waits("retry-after", &text));
        }
    }
}
