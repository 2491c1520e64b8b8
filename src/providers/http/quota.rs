//! What a provider says of its limits on whoever comes with one credential.
//!
//! Invariant: it is scarce only on the provider's own word, and no longer than that holds; a credential has at most
//! [`NAMES`] limits, and one more for whatever else a provider thinks of, and at most [`PARTS`] parts with limits of their own.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::rate_limit::RateLimit;
use tokio::time::Instant;

use super::limits::{self, unix_ms};
use super::strikes::Strikes;

/// Less than such a part of what is granted is little.
const LITTLE: u64 = 10;
/// How long a word holds that does not say when the next window begins: the shortest window in use, in milliseconds.
const WINDOW: u64 = 60_000;
/// What is left alone of a window's end: their clock may be behind ours.
const SKEW: u64 = 1_000;
/// The limits that a credential may have by name.
const NAMES: usize = 16;
/// The name of those beyond.
const OTHER: &str = "other";
/// The parts of a credential that are kept: as many as an app's tokens.
const PARTS: usize = 256;

/// The quota of one credential. It outlives the drivers that come with it, and is shared by those that do.
#[derive(Debug, Default)]
pub struct Quota {
    heard: Mutex<Heard>,
    /// Until when it is scarce, in milliseconds since the Unix epoch.
    scarce_until: AtomicU64,
    /// Those of an app's installations, by their ids.
    parts: Mutex<HashMap<u64, Arc<Quota>>>,
}

#[derive(Debug, Default)]
struct Heard {
    /// In the order of their names' first coming.
    limits: Vec<RateLimit>,
    strikes: Strikes,
    /// Until when nothing is asked.
    closed: Option<Instant>,
}

impl Quota {
    /// Takes an answer's word.
    pub(super) fn hear(&self, status: StatusCode, headers: &HeaderMap, now: Timestamp) {
        let said = limits::read(headers, now);
        let mut heard = self.heard();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            heard.strikes.answered(unix_ms(now));
        }
        if said.is_empty() {
            return;
        }
        for limit in said {
            heard.take(limit);
        }
        let until = heard.limits.iter().map(scarce_until).max();
        self.scarce_until.store(until.unwrap_or(0), Relaxed);
    }

    /// The limits of one installation of an app, which spends nothing of another's.
    pub(super) fn part(&self, installation: u64) -> Arc<Quota> {
        let mut parts = self.parts();
        if let Some(part) = parts.get(&installation) {
            return part.clone();
        }
        if parts.len() >= PARTS {
            parts.retain(|_, part| Arc::strong_count(part) > 1);
        }
        let part = Arc::<Quota>::default();
        // One that finds no room is known by its own token alone.
        if parts.len() < PARTS {
            parts.insert(installation, part.clone());
        }
        part
    }

    /// A rate limit holds for all who come with the credential, for as long as it is to be waited out.
    pub(super) fn close(&self, failure: &Failure) {
        if let (Kind::UpstreamRateLimited, Some(wait)) = (failure.kind, failure.retry_after) {
            let until = Instant::now() + wait;
            let mut heard = self.heard();
            heard.closed = Some(heard.closed.map_or(until, |closed| closed.max(until)));
        }
    }

    /// Whether anything may be asked.
    ///
    /// # Errors
    /// `upstream_rate_limited` while a limit is waited out that another call has met.
    pub(super) fn open(&self) -> Result<(), Failure> {
        let mut heard = self.heard();
        let left = heard
            .closed
            .map(|until| until.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => {
                let sentence = "a rate limit of the provider on this credential is being waited out";
                Err(Failure::new(Kind::UpstreamRateLimited, sentence)
                    .after(left)
                    .never_sent())
            }
            None => {
                heard.closed = None;
                Ok(())
            }
        }
    }

    /// Little is left of something; of an app's installations, of each.
    pub fn is_scarce(&self, now: Timestamp) -> bool {
        let own = |quota: &Quota| unix_ms(now) < quota.scarce_until.load(Relaxed);
        let parts = self.parts();
        own(self) || (!parts.is_empty() && parts.values().all(|part| own(part)))
    }

    /// The limits as they stand, and of an app's installations the tightest.
    pub fn limits(&self, now: Timestamp) -> Vec<RateLimit> {
        let mut limits = self.own_limits(now);
        for said in self.parts().values().flat_map(|part| part.own_limits(now)) {
            let left = |limit: &RateLimit| (limit.remaining.is_none(), limit.remaining);
            match limits.iter().position(|limit| limit.resource == said.resource) {
                Some(known) if left(&said) < left(&limits[known]) => limits[known] = said,
                None if limits.len() <= NAMES => limits.push(said),
                _ => {}
            }
        }
        limits
    }

    /// The limit that a call draws on: the one that is named, else the only one that there is. None where that window has
    /// passed, nor where an app's installations have a limit each.
    pub fn drawn_on(&self, named: Option<&str>, now: Timestamp) -> Option<Arc<str>> {
        if !self.parts().is_empty() {
            return None;
        }
        let heard = self.heard();
        let its = match (named, &heard.limits[..]) {
            (Some(named), limits) => limits.iter().find(|limit| *limit.resource == *named),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        its.filter(|limit| unix_ms(now) < ends(limit))
            .map(|limit| limit.resource.clone())
    }

    /// Of a window that has passed, nobody knows what is left of the next.
    fn own_limits(&self, now: Timestamp) -> Vec<RateLimit> {
        let now = unix_ms(now);
        let standing = |limit: &RateLimit| match now < ends(limit) {
            true => limit.clone(),
            false => RateLimit {
                remaining: None,
                used: None,
                ..limit.clone()
            },
        };
        self.heard().limits.iter().map(standing).collect()
    }

    /// Of a rate limit that names no time: `least` is waited at least, and the longer the more often in a row it comes.
    pub fn patient(&self, mut failure: Failure, least: Option<Duration>, now: Timestamp) -> Failure {
        let untold = failure.kind == Kind::UpstreamRateLimited && failure.retryable && failure.retry_after.is_none();
        if let Some(least) = least.filter(|_| untold) {
            failure.retry_after = Some(self.heard().strikes.refused(least, unix_ms(now)));
        }
        failure
    }

    /// As [`heard`](Quota::heard).
    fn parts(&self) -> MutexGuard<'_, HashMap<u64, Arc<Quota>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for a look or an insertion; no panic leaves half of one.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn take(&mut self, mut said: RateLimit) {
        let named = self.limits.iter().filter(|limit| &*limit.resource != OTHER).count();
        if named == NAMES && !self.limits.iter().any(|limit| limit.resource == said.resource) {
            said.resource = Arc::from(OTHER);
        }
        match self.limits.iter_mut().find(|limit| limit.resource == said.resource) {
            Some(known) => *known = later(known, said),
            None => self.limits.push(said),
        }
    }
}

/// What was said last. Answers overtake each other: within one window, less and less is left.
fn later(known: &RateLimit, said: RateLimit) -> RateLimit {
    let same = known.reset_unix_ms.is_some() && known.reset_unix_ms == said.reset_unix_ms && known.limit == said.limit;
    match same && known.remaining < said.remaining {
        true => RateLimit {
            remaining: known.remaining,
            used: known.used,
            ..said
        },
        false => said,
    }
}

/// When its window ends.
fn ends(limit: &RateLimit) -> u64 {
    limit.reset_unix_ms.unwrap_or(limit.seen_unix_ms.saturating_add(WINDOW))
}

/// Until when little is left; 0: enough is.
fn scarce_until(limit: &RateLimit) -> u64 {
    let little = match (limit.remaining, limit.limit) {
        (Some(0), _) => true,
        (Some(remaining), Some(limit)) => remaining.saturating_mul(LITTLE) < limit,
        _ => false,
    };
    if little { ends(limit).saturating_add(SKEW) } else { 0 }
}

/// The quotas of a gateway, by credential.
#[derive(Debug, Default)]
pub struct Quotas(Mutex<HashMap<u64, Weak<Quota>>>);

impl Quotas {
    /// The quota of the credential that `scope` tells apart from others: the same for all who ask while one of them has it.
    pub fn of(&self, scope: u64) -> Arc<Quota> {
        // Held for a look or an insertion; no panic leaves half of one.
        let mut quotas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(quota) = quotas.get(&scope).and_then(Weak::upgrade) {
            return quota;
        }
        quotas.retain(|_, quota| quota.strong_count() > 0);
        let quota = Arc::default();
        quotas.insert(scope, Arc::downgrade(&quota));
        quota
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn headers(words: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        words.iter().map(header).collect()
    }

    fn scarce_for(words: &[(&str, &str)]) -> Option<i64> {
        let quota = Quota::default();
        quota.hear(StatusCode::OK, &headers(words), now());
        (0..100_000)
            .find(|second| !quota.is_scarce(now() + Duration::from_secs(*second as u64)))
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
                ("x-ratelimit-limit-tokens", "1000"),
                ("x-ratelimit-remaining-tokens", "999"),
            ]
        };
        assert_eq!(scarce_for(&openai("1", "2m0s")), Some(121));
        assert_eq!(scarce_for(&openai("59", "1s")), None);
        assert_eq!(
            scarce_for(&[("x-ratelimit-limit", "180"), ("x-ratelimit-remaining", "0")]),
            Some(61)
        );
        assert_eq!(
            scarce_for(&[("ratelimit", "\"hour\";r=0;t=5")]),
            Some(6),
            "nothing is little of anything"
        );
        assert_eq!(scarce_for(&[("ratelimit", "\"hour\";r=1;t=5")]), None);
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
            assert!(matches!(told, Some(90..=91)), "{reset}: {told:?}");
        }
    }

    #[test]
    fn a_window_that_begins_anew_is_enough_again() {
        let quota = Quota::default();
        for (left, scarce) in [("0", true), ("9", false)] {
            let words = [("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", left)];
            quota.hear(StatusCode::OK, &headers(&words), now());
            assert_eq!(quota.is_scarce(now()), scarce);
        }
    }

    fn core(left: &str, reset: &str) -> HeaderMap {
        headers(&[
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", left),
            ("x-ratelimit-reset", reset),
            ("x-ratelimit-resource", "core"),
        ])
    }

    #[test]
    fn what_has_passed_is_neither_scarce_nor_known() {
        let quota = Quota::default();
        quota.hear(StatusCode::FORBIDDEN, &core("0", "1700000600"), now());
        let at = |seconds| now() + Duration::from_secs(seconds);
        let left = |seconds| quota.limits(at(seconds))[0].remaining;
        assert_eq!((left(0), left(599), left(600)), (Some(0), Some(0), None));
        let passed = &quota.limits(at(600))[0];
        assert_eq!(
            (passed.limit, passed.reset_unix_ms),
            (Some(5000), Some(1_700_000_600_000))
        );
        assert!(quota.is_scarce(at(600)) && !quota.is_scarce(at(601)));
    }

    #[test]
    fn an_answer_that_was_overtaken_gives_nothing_back() {
        let quota = Quota::default();
        let hear = |left, reset| {
            quota.hear(StatusCode::OK, &core(left, reset), now());
            quota.limits(now())[0].remaining
        };
        assert_eq!(hear("10", "1700000600"), Some(10));
        assert_eq!(hear("11", "1700000600"), Some(10), "sent before");
        assert_eq!(hear("4999", "1700004200"), Some(4999), "the next window");
    }

    #[test]
    fn resources_are_apart_and_few() {
        let quota = Quota::default();
        quota.hear(StatusCode::OK, &core("4000", "1700000600"), now());
        let named = |name: &str| {
            headers(&[
                ("x-ratelimit-limit", "30"),
                ("x-ratelimit-remaining", "1"),
                ("x-ratelimit-resource", name),
            ])
        };
        for number in 0..1_000 {
            quota.hear(StatusCode::OK, &named(&format!("r{number}")), now());
        }
        let limits = quota.limits(now());
        assert_eq!(limits.len(), NAMES + 1);
        assert_eq!((&*limits[0].resource, limits[0].remaining), ("core", Some(4000)));
        assert_eq!(&*limits[NAMES].resource, OTHER);
        assert!(quota.is_scarce(now()), "whatever little is left of");
    }

    #[test]
    fn a_limit_that_names_no_time_is_waited_out_ever_longer() {
        let (quota, minute) = (Quota::default(), Duration::from_secs(60));
        let limited = || Failure::new(Kind::UpstreamRateLimited, "as told");
        let waits = |failure: Failure, least, after| quota.patient(failure, least, now() + after).retry_after;
        assert_eq!(waits(limited(), None, Duration::ZERO), None);
        assert_eq!(waits(limited(), Some(minute), Duration::ZERO), Some(minute));
        assert_eq!(waits(limited(), Some(minute), minute), Some(minute * 2));
        // One that names its time is obeyed, and what is no rate limit is none.
        let told = limited().after(Duration::from_secs(7));
        assert_eq!(waits(told, Some(minute), minute * 3), Some(Duration::from_secs(7)));
        assert_eq!(
            waits(Failure::new(Kind::Forbidden, "no"), Some(minute), minute * 3),
            None
        );
        // Answers to other requests go on meanwhile; only a time without refusals ends the row.
        quota.hear(StatusCode::OK, &HeaderMap::new(), now() + minute * 3);
        assert_eq!(waits(limited(), Some(minute), minute * 3), Some(minute * 4));
        quota.hear(StatusCode::OK, &HeaderMap::new(), now() + minute * 11);
        assert_eq!(waits(limited(), Some(minute), minute * 11), Some(minute));
    }

    #[test]
    fn installations_of_an_app_spend_nothing_of_each_others() {
        let quota = Quota::default();
        let (one, other) = (quota.part(1), quota.part(2));
        assert!(Arc::ptr_eq(&one, &quota.part(1)));
        one.hear(StatusCode::OK, &core("0", "1700000600"), now());
        other.hear(StatusCode::OK, &core("4000", "1700000600"), now());
        assert_eq!(other.limits(now())[0].remaining, Some(4000));
        // Of the whole the tightest is shown, and it is scarce only where each is.
        assert_eq!(quota.limits(now())[0].remaining, Some(0));
        assert!(!quota.is_scarce(now()));
        other.hear(StatusCode::OK, &core("1", "1700000600"), now());
        assert!(quota.is_scarce(now()));
        one.close(&Failure::new(Kind::UpstreamRateLimited, "as told").after(Duration::from_secs(60)));
        assert!(one.open().is_err() && other.open().is_ok() && quota.open().is_ok());
        drop(other);
        for installation in 3..3 * PARTS as u64 {
            quota.part(installation);
        }
        let kept = quota.parts().len();
        assert!(kept <= PARTS && Arc::ptr_eq(&one, &quota.part(1)));
        // And whatever they call their limits, these are few.
        let held: Vec<_> = (3..20).map(|installation| quota.part(installation)).collect();
        for (number, part) in held.iter().enumerate() {
            let words = [
                ("x-ratelimit-remaining", "1"),
                ("x-ratelimit-resource", &format!("r{number}")),
            ];
            part.hear(StatusCode::OK, &headers(&words), now());
        }
        assert!(quota.limits(now()).len() <= NAMES + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_on_all_is_waited_out_by_all() {
        let quota = Quota::default();
        let limited = |seconds| Failure::new(Kind::UpstreamRateLimited, "as told").after(Duration::from_secs(seconds));
        quota.close(&Failure::new(Kind::Forbidden, "no").after(Duration::from_secs(60)));
        assert!(quota.open().is_ok());
        quota.close(&limited(60));
        quota.close(&limited(1));
        tokio::time::advance(Duration::from_secs(20)).await;
        let held = quota.open().expect_err("it is waited out");
        assert_eq!((held.retry_after, held.unsent), (Some(Duration::from_secs(40)), true));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert!(quota.open().is_ok());
    }

    #[test]
    fn who_comes_with_one_credential_shares_its_quota() {
        let quotas = Quotas::default();
        let (one, other) = (quotas.of(1), quotas.of(2));
        assert!(Arc::ptr_eq(&one, &quotas.of(1)) && !Arc::ptr_eq(&one, &other));
        drop(one);
        for scope in 0..1_000 {
            quotas.of(scope);
        }
        assert!(quotas.0.lock().unwrap().len() <= 2, "nobody has those");
    }
}
