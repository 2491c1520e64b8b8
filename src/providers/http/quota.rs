//! What a provider says of what is left of the quota that it grants us.
//!
//! Invariant: it is scarce only on the provider's own word, and no longer than that holds.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use super::waits;

/// The headers that say what is granted in a window, what is left of it, and when the next begins.
const WORDS: [[&str; 3]; 3] = [
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ],
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
];
/// Less than such a part of what is granted is little.
const LITTLE: u64 = 10;
/// How long a word holds that does not say when the next window begins: the shortest window in use.
const WINDOW: Duration = Duration::from_secs(60);

/// One instance's quota. It outlives the drivers that are made for the instance.
#[derive(Debug, Default)]
pub struct Quota {
    /// Until which second of the Unix epoch it is scarce.
    scarce_until: AtomicI64,
}

impl Quota {
    /// Takes an answer's word.
    pub(super) fn hear(&self, headers: &HeaderMap, now: Timestamp) {
        let said = WORDS.iter().filter_map(|words| left(headers, *words, now));
        if let Some(until) = said.reduce(i64::max) {
            self.scarce_until.store(until, Relaxed);
        }
    }

    /// Little is left.
    pub fn is_scarce(&self, now: Timestamp) -> bool {
        now.as_second() < self.scarce_until.load(Relaxed)
    }
}

/// Until when little is left, by one set of headers; 0: enough is.
fn left(headers: &HeaderMap, [limit, remaining, reset]: [&str; 3], now: Timestamp) -> Option<i64> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name| text(name)?.parse::<u64>().ok();
    let (limit, remaining) = (number(limit)?, number(remaining)?);
    if remaining.saturating_mul(LITTLE) >= limit {
        return Some(0);
    }
    let wait = text(reset)
        .and_then(|text| waits::until_reset(text, now))
        .unwrap_or(WINDOW);
    Some(now.as_second().saturating_add_unsigned(wait.as_secs() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn scarce_for(words: &[(&'static str, &str)]) -> Option<i64> {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let quota = Quota::default();
        quota.hear(&words.iter().map(header).collect(), now);
        (0..100_000)
            .find(|second| !quota.is_scarce(now + Duration::from_secs(*second as u64)))
            .filter(|s| *s > 0)
    }

    #[test]
    fn the_words_of_the_vendors() {
        let github = |left| {
            [
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", left),
                ("x-ratelimit-reset", "1700000600"),
            ]
        };
        assert_eq!(scarce_for(&github("499")), Some(601));
        assert_eq!(scarce_for(&github("500")), None);
        let openai = |left, reset| {
            [
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-remaining-requests", left),
                ("x-ratelimit-reset-requests", reset),
            ]
        };
        assert_eq!(scarce_for(&openai("1", "2m0s")), Some(121));
        assert_eq!(scarce_for(&openai("59", "1s")), None);
        assert_eq!(
            scarce_for(&[("x-ratelimit-limit", "180"), ("x-ratelimit-remaining", "0")]),
            Some(61)
        );
        assert_eq!(
            scarce_for(&[
                ("ratelimit-limit", "10"),
                ("ratelimit-remaining", "0"),
                ("ratelimit-reset", "5")
            ]),
            Some(6)
        );
        // In the forms that a wait is read in wherever else one is told.
        for reset in [
            "89.5",
            "1700000090",
            "1700000089.5",
            "1700000090000",
            "1m30s",
            "Tue, 14 Nov 2023 22:14:50 GMT",
            "2023-11-14T22:14:50Z",
        ] {
            let words = [
                ("ratelimit-limit", "10"),
                ("ratelimit-remaining", "0"),
                ("ratelimit-reset", reset),
            ];
            let told = scarce_for(&words);
            assert!(matches!(told, Some(90 | 91)), "{reset}: {told:?}");
        }
        for odd in ["", "-1", "many", "18446744073709551616"] {
            assert_eq!(
                scarce_for(&[("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", odd)]),
                None,
                "{odd}"
            );
        }
    }

    #[test]
    fn a_window_that_begins_anew_is_enough_again() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let quota = Quota::default();
        for (left, scarce) in [("0", true), ("9", false)] {
            let headers = [("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", left)]
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
            quota.hear(&headers.into_iter().collect(), now);
            assert_eq!(quota.is_scarce(now), scarce);
        }
    }
}
