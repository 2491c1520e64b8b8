//! What an answer's headers say of a provider's limits on us, in the dialects in use. Pure.
//!
//! Invariant: what cannot be read is not said; of the names that a provider gives its limits, only short plain words are
//! taken, and no answer makes more than [`MOST`] readings.

mod fields;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use mosaic_actors::rate_limit::RateLimit;

use super::waits;

/// The limits that one answer may tell of.
pub const MOST: usize = 16;
/// What is limited where nobody says it.
const REQUESTS: &str = "requests";
/// The longest name of a limit.
const LONGEST_NAME: usize = 40;
/// How the headers' names begin, behind `x-` or a vendor's name.
const FAMILIES: [&str; 2] = ["ratelimit-", "rate-limit-"];
const REMAINING: &str = "remaining";
/// The most digits of one number: those of a moment in microseconds.
const MOST_DIGITS: usize = 16;
/// The longest word on a limit.
const LONGEST_VALUE: usize = 256;

/// What the headers say at `now`.
///
/// One rule reads most dialects: wherever a header is called `…ratelimit-remaining`, with the name of what is limited before
/// or behind the last word or in a header of its own, its siblings say the rest. The fields of the IETF's draft are read
/// besides.
pub fn read(headers: &HeaderMap, now: Timestamp) -> Vec<RateLimit> {
    let told = headers.keys().filter_map(|name| Family::of(name.as_str()));
    let told = told.filter_map(|family| family.read(headers, now));
    let mut limits: Vec<RateLimit> = Vec::new();
    for limit in told.chain(fields::read(headers, now)) {
        // Twice told is the tighter one's: a proxy may add its own beside the server's.
        match limits.iter().position(|known| known.resource == limit.resource) {
            Some(known) if limit.remaining < limits[known].remaining => limits[known] = limit,
            Some(_) => {}
            None if limits.len() == MOST => break,
            None => limits.push(limit),
        }
    }
    limits
}

/// A header that says what is left, taken apart.
struct Family<'a> {
    /// What the names of its siblings have in common.
    prefix: &'a str,
    /// Between that and the last word, with a hyphen.
    before: &'a str,
    /// Behind the last word, with a hyphen.
    behind: &'a str,
}

impl<'a> Family<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let at = FAMILIES
            .iter()
            .find_map(|family| Some(name.find(family)? + family.len()))?;
        let (prefix, rest) = name.split_at(at);
        let (before, behind) = match rest.strip_suffix(REMAINING) {
            Some(before) => (before, ""),
            None => ("", rest.strip_prefix(REMAINING)?),
        };
        let whole = (before.is_empty() || before.ends_with('-')) && (behind.is_empty() || behind.starts_with('-'));
        whole.then_some(Family { prefix, before, behind })
    }

    fn read(&self, headers: &HeaderMap, now: Timestamp) -> Option<RateLimit> {
        let text = |word: &str| {
            let name = [self.prefix, self.before, word, self.behind].concat();
            headers.get(name)?.to_str().ok().map(str::trim)
        };
        let number = |word| text(word).and_then(number);
        let named = [self.before, self.behind].concat();
        let named = match named.trim_matches('-') {
            "" => text("resource").or_else(|| text("name")).unwrap_or(REQUESTS),
            named => named,
        };
        let reset = text("reset").and_then(|text| waits::until_reset(text, now));
        Some(RateLimit {
            limit: number("limit"),
            used: number("used").or_else(|| number("observed")),
            ..limit(resource(named)?, number(REMAINING)?, reset, now)
        })
    }
}

/// Whether a header says something of a limit that no reader can make sense of: numbers beyond all counts and times, or below
/// nothing.
pub fn is_absurd(name: &str, text: &str) -> bool {
    let of_limits = FAMILIES.iter().any(|family| name.contains(family));
    let endless = text
        .split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() > MOST_DIGITS);
    of_limits && (endless || text.len() > LONGEST_VALUE || text.trim_start().starts_with('-'))
}

/// So much is left until `reset`.
fn limit(resource: Arc<str>, remaining: u64, reset: Option<Duration>, now: Timestamp) -> RateLimit {
    RateLimit {
        resource,
        limit: None,
        remaining: Some(remaining),
        used: None,
        reset_unix_ms: reset.map(|wait| ending(now, wait)),
        seen_unix_ms: unix_ms(now),
    }
}

/// When a window ends, in milliseconds since the Unix epoch. Both parts lose what is below a millisecond; a moment that was
/// told as a whole second is one again.
fn ending(now: Timestamp, wait: Duration) -> u64 {
    let ends = now.as_nanosecond().saturating_add_unsigned(wait.as_nanos());
    u64::try_from(ends.saturating_add(500_000) / 1_000_000).unwrap_or(0)
}

/// Milliseconds since the Unix epoch; no clock of ours is before it.
pub(super) fn unix_ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

/// A name as one word; none for what is longer than names are, or no plain text.
fn resource(named: &str) -> Option<Arc<str>> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let sound = !named.is_empty() && named.len() <= LONGEST_NAME && named.chars().all(plain);
    sound.then(|| Arc::from(named.to_ascii_lowercase().replace('-', "_")))
}

/// A count: digits, of which a fraction is cut off, and so is what early drafts put behind the number.
fn number(text: &str) -> Option<u64> {
    let first = text.split([',', ';']).next()?.trim();
    let (whole, fraction) = first.split_once('.').unwrap_or((first, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| whole.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    pub(super) const NOW: i64 = 1_700_000_000;

    /// A line for each limit: resource, limit, remaining, used, seconds until the reset.
    pub(super) fn said(words: &[(&str, &str)]) -> Vec<String> {
        let now = Timestamp::from_second(NOW).expect("in range");
        let header = |(name, value): &(&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in words.iter().map(header) {
            headers.append(name, value);
        }
        let shown = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        let line = |limit: RateLimit| {
            assert_eq!(limit.seen_unix_ms, NOW as u64 * 1000);
            let reset = limit.reset_unix_ms.map(|at| (at - NOW as u64 * 1000) / 1000);
            let numbers = [limit.limit, limit.remaining, limit.used, reset].map(shown).join(" ");
            format!("{} {numbers}", limit.resource)
        };
        let mut lines: Vec<String> = read(&headers, now).into_iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn github() {
        let words = [
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4987"),
            ("x-ratelimit-used", "13"),
            ("x-ratelimit-reset", "1700000600"),
            ("x-ratelimit-resource", "code_search"),
        ];
        assert_eq!(said(&words), ["code_search 5000 4987 13 600"]);
        assert_eq!(
            said(&words[..4]),
            ["requests 5000 4987 13 600"],
            "older servers name none"
        );
    }

    #[test]
    fn gitlab() {
        let words = [
            ("RateLimit-Limit", "2000"),
            ("RateLimit-Name", "throttle_authenticated_api"),
            ("RateLimit-Observed", "5"),
            ("RateLimit-Remaining", "1995"),
            ("RateLimit-Reset", "1700000060"),
            ("RateLimit-ResetTime", "Tue, 14 Nov 2023 22:14:20 GMT"),
        ];
        assert_eq!(said(&words), ["throttle_authenticated_api 2000 1995 5 60"]);
    }

    #[test]
    fn bookstack() {
        let words = [("X-RateLimit-Limit", "180"), ("X-RateLimit-Remaining", "179")];
        assert_eq!(said(&words), ["requests 180 179 - -"]);
    }

    #[test]
    fn openai() {
        let words = [
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        assert_eq!(said(&words), ["requests 60 59 - 1", "tokens 150000 149984 - 360"]);
    }

    #[test]
    fn anthropic() {
        let words = [
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2023-11-14T22:13:30Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "39000"),
            ("anthropic-ratelimit-input-tokens-reset", "2023-11-14T22:14:20Z"),
        ];
        assert_eq!(said(&words), ["input_tokens 40000 39000 - 60", "requests 50 49 - 10"]);
    }

    #[test]
    fn gateways_and_early_drafts() {
        let kong = [
            ("X-RateLimit-Limit-Minute", "10"),
            ("X-RateLimit-Remaining-Minute", "7"),
        ];
        assert_eq!(said(&kong), ["minute 10 7 - -"]);
        let hyphens = [
            ("x-rate-limit-limit", "15"),
            ("x-rate-limit-remaining", "14"),
            ("x-rate-limit-reset", "9"),
        ];
        assert_eq!(said(&hyphens), ["requests 15 14 - 9"]);
        let draft = [
            ("RateLimit-Limit", "10, 10;w=1, 50;w=60"),
            ("RateLimit-Remaining", "9"),
            ("RateLimit-Reset", "5"),
        ];
        assert_eq!(said(&draft), ["requests 10 9 - 5"]);
        // Both tell of requests: less is left of the second.
        let both = [
            draft.as_slice(),
            &[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "3")],
        ]
        .concat();
        assert_eq!(said(&both), ["requests 100 3 - -"]);
    }

    #[test]
    fn what_cannot_be_read_is_not_said() {
        for odd in ["", "-1", "many", "18446744073709551616", "0x10", "1.", ".5", "+5"] {
            assert_eq!(said(&[("x-ratelimit-remaining", odd)]), [""; 0], "{odd}");
            let line = said(&[("x-ratelimit-limit", odd), ("x-ratelimit-remaining", "4.0")]);
            assert_eq!(line, ["requests - 4 - -"], "{odd}");
        }
        let long = "x".repeat(41);
        for name in ["", "a b", "{}", &long] {
            let words = [("x-ratelimit-remaining", "4"), ("x-ratelimit-resource", name)];
            let Ok(_) = HeaderValue::from_str(name) else { continue };
            assert_eq!(said(&words), [""; 0], "{name}");
        }
        for other in [
            "x-ratelimit-remaininglimit",
            "x-ratelimit-notremaining",
            "ratelimit",
            "remaining",
        ] {
            assert_eq!(said(&[(other, "4")]), [""; 0], "{other}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_provider_writes_makes_more_than_a_few_readings(
            headers in proptest::collection::vec(
                ("(x-|a-)?rate-?limit-?(remaining|limit|reset|policy)?(-[a-z]{1,3})?", "[ -~]{0,60}"), 0..60),
        ) {
            let words: Vec<(&str, &str)> = headers.iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .filter(|(name, _)| HeaderName::from_bytes(name.as_bytes()).is_ok())
                .collect();
            let mut lines = said(&words);
            prop_assert!(lines.len() <= MOST);
            lines.dedup_by_key(|line| line.split(' ').next().map(str::to_owned));
            prop_assert!(lines.len() <= MOST);
        }
    }
}
