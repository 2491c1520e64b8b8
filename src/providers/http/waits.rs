//! How long a provider asks us to wait, in the forms that providers use. Pure.
//!
//! Invariant: a wait that cannot be read is no wait, nor is one that is longer than [`LONGEST_WAIT`]: whoever says that has
//! said nothing that can be kept to. Nothing here panics or overflows.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

/// The longest wait that is believed, whatever a provider asks for: the longest window of a rate limit in use.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// As long as any that is not believed.
const TOO_LONG: Duration = Duration::from_secs(24 * 3600 + 1);

/// A number of seconds from here on is a point in time (September 2001), and below it a wait: no window is that long, and
/// no server that old.
const FIRST_EPOCH: f64 = 1e9;

/// `retry-after-ms`, else `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let in_millis = text("retry-after-ms").and_then(|text| Some(wait(number(text)?, 1e-3)));
    let asked = in_millis.or_else(|| {
        let text = text(RETRY_AFTER.as_str())?;
        let in_seconds = number(text).map(|seconds| wait(seconds, 1.0));
        in_seconds.or_else(|| written(text, now))
    });
    asked.filter(is_believed)
}

fn is_believed(wait: &Duration) -> bool {
    *wait <= LONGEST_WAIT
}

/// Whether a header that asks for a wait, `retry-after-ms` or `Retry-After`, asks for one that anybody can keep to.
pub fn is_bearable(name: &str, text: &str, now: Timestamp) -> bool {
    let unit = if name == RETRY_AFTER.as_str() { 1.0 } else { 1e-3 };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let asked = match number(text) {
        Some(number) => plain(text).then(|| wait(number, unit)),
        None => written(text, now),
    };
    asked.as_ref().is_some_and(is_believed)
}

/// When a limit is filled again, by a header that vendors read in two ways: as a point in time (see [`until_epoch`], or a
/// date), or as the wait until then (seconds, or as Go prints it). None is left where it has passed.
pub fn until_reset(text: &str, now: Timestamp) -> Option<Duration> {
    let until = match number(text.trim()) {
        Some(seconds) if seconds < FIRST_EPOCH => Some(wait(seconds, 1.0)),
        Some(at) => Some(until_number(at, now)),
        None => written(text.trim(), now),
    };
    until.filter(is_believed)
}

/// The wait until a second of the Unix epoch, or a finer unit of it; none is left where it has passed.
pub fn until_epoch(text: &str, now: Timestamp) -> Option<Duration> {
    number(text.trim()).map(|at| until_number(at, now)).filter(is_believed)
}

/// A number that is too large for seconds counts finer units.
fn until_number(at: f64, now: Timestamp) -> Duration {
    let at = match at {
        ..1e12 => at,
        ..1e15 => at * 1e-3,
        ..1e18 => at * 1e-6,
        _ => at * 1e-9,
    };
    // Microseconds fit a float exactly; what is later than any time is late enough.
    let now = now.as_microsecond() as f64 * 1e-6;
    wait((at - now).max(0.0), 1.0)
}

/// A wait or a point in time that is no mere number.
fn written(text: &str, now: Timestamp) -> Option<Duration> {
    go_duration(text).or_else(|| date(text, now))
}

/// A number without a sign; a word such as `inf` or `NaN` is none.
fn number(text: &str) -> Option<f64> {
    text.starts_with(|c: char| c.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// So many units of so many seconds, too many for any number included.
fn wait(number: f64, unit: f64) -> Duration {
    Duration::from_secs_f64((number * unit).min(TOO_LONG.as_secs_f64()))
}

/// The wait until a date as HTTP writes it, in one of its three forms, or RFC 3339.
fn date(text: &str, now: Timestamp) -> Option<Duration> {
    let parser = DateTimeParser::new().relaxed_weekday(true);
    let at = parser.parse_timestamp(text).ok().or_else(|| text.parse().ok());
    if let Some(at) = at {
        return Some(until(at, now));
    }
    // Behind the day of the week, on which nothing hangs.
    let (_, rest) = text.split_once(' ')?;
    let forms = ["%d %b %Y %H:%M:%S GMT", "%d-%b-%y %H:%M:%S GMT", "%b %d %H:%M:%S %Y"];
    let at = forms
        .iter()
        .find_map(|form| DateTime::strptime(form, rest.trim_start()).ok())?;
    // The last day of the last year is beyond every timestamp.
    Some(
        at.to_zoned(TimeZone::UTC)
            .map_or(TOO_LONG, |at| until(at.timestamp(), now)),
    )
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
        total = TOO_LONG.min(total + wait(self::number(number)?, seconds));
        rest = tail;
    }
    Some(total)
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    // A time that has passed is no more to be waited for.
    Duration::try_from(at.duration_since(now)).map_or(Duration::ZERO, |wait| wait.min(TOO_LONG))
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
        assert_eq!(date("Mon, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(date("Sunday, 06-Nov-94 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(date("Sun Nov  6 08:49:47 1994"), Some(Duration::from_secs(10)));
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
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "99999h",
        ] {
            assert_eq!(waits("retry-after", endless), None, "{endless}");
        }
        assert_eq!(waits("retry-after-ms", &digits), None);
        assert_eq!(waits("retry-after", "86400"), Some(LONGEST_WAIT));
    }

    #[test]
    fn durations_of_go() {
        assert_eq!(go_duration("6m0s"), Some(Duration::from_secs(360)));
        assert_eq!(go_duration("1s"), Some(Duration::from_secs(1)));
        assert_eq!(go_duration("120ms"), Some(Duration::from_millis(120)));
        assert_eq!(go_duration("99999999999999999999h5m"), Some(TOO_LONG));
        assert_eq!(go_duration("20h20h"), Some(TOO_LONG));
        assert_eq!(go_duration("1h2m3.5s"), Some(Duration::from_millis(3_723_500)));
        for odd in ["", "6", "m", "6x", "1.2.3s", "-1s"] {
            assert_eq!(go_duration(odd), None, "{odd}");
        }
    }

    #[test]
    fn resets_in_their_forms() {
        let now = Timestamp::from_second(1_784_000_000).expect("in range");
        let minute = Some(Duration::from_secs(60));
        for form in [
            "60",
            " 60.0 ",
            "1m0s",
            "1784000060",
            "1784000060.0",
            "1784000060000",
            "1784000060000000",
            "2026-07-14T03:34:20Z",
            "Tue, 14 Jul 2026 03:34:20 GMT",
        ] {
            assert_eq!(until_reset(form, now), minute, "{form}");
        }
        for passed in ["0", "1783999999", "1000000000", "Mon, 13 Jul 2026 03:34:20 GMT"] {
            assert_eq!(until_reset(passed, now), Some(Duration::ZERO), "{passed}");
        }
        for endless in ["86401", "999999999", "9223372036854775807", "253402300799", "1e300"] {
            assert_eq!(until_reset(endless, now), None, "{endless}");
        }
        for odd in ["x", "", "-1", "NaN", "inf", "-inf", "+5", "1784000060x"] {
            assert_eq!(until_reset(odd, now), None, "{odd}");
        }
    }

    #[test]
    fn an_epoch_is_no_wait_however_small() {
        let now = Timestamp::from_second(1_784_000_000).expect("in range");
        for (text, expected) in [
            ("1000", Some(Duration::ZERO)),
            ("1784000060", Some(Duration::from_secs(60))),
            ("1784000060.0", Some(Duration::from_secs(60))),
            ("253402300799", None),
            ("9223372036854775807", None),
            ("NaN", None),
            ("-1784000060", None),
            ("soon", None),
        ] {
            assert_eq!(until_epoch(text, now), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_waits_too_long(text in "[ -~µ]{0,30}", now in any::<i32>()) {
            let now = Timestamp::from_second(now.into()).expect("in range");
            let all = [go_duration(&text), until_reset(&text, now), until_epoch(&text, now), waits("retry-after", &text), waits("retry-after-ms", &text)];
            prop_assert!(all.into_iter().flatten().all(|wait| wait <= TOO_LONG));
            prop_assert!(all[1..].iter().flatten().all(is_believed));
        }

        #[test]
        fn a_larger_number_is_no_shorter_wait(digits in "[1-9][0-9]{0,40}", more in "[0-9]{0,5}") {
            // What is too long to be believed is longer than what is.
            let waits = |digits: &str| waits("retry-after", digits).unwrap_or(TOO_LONG);
            let larger = digits.clone() + &more;
            prop_assert!(waits(&digits) <= waits(&larger));
        }

        #[test]
        fn a_reset_is_the_wait_however_it_is_written(seconds in 0_u32..200_000, now in 1_500_000_000_i64..4_000_000_000) {
            let at = now + i64::from(seconds);
            let now = Timestamp::from_second(now).expect("in range");
            let expected = Some(Duration::from_secs(seconds.into())).filter(is_believed);
            let date = Timestamp::from_second(at).expect("in range");
            for form in [seconds.to_string(), at.to_string(), (at * 1000).to_string(), date.to_string(), format!("{seconds}s")] {
                prop_assert_eq!(until_reset(&form, now), expected, "{}", form);
            }
        }
    }
}
