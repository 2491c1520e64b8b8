//! What stands in the head of an answer, beside what its dialect says: who answered, after how many attempts, and for how much.
//!
//! Invariant: all of it is in headers, so that bodies are as their dialect's clients expect them.

use std::time::Duration;

use http::header::{AGE, CACHE_CONTROL, LINK, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use mosaic_actors::call::{CacheStatus, Head};

use super::super::cache_status::{self, CACHE_STATUS};
use super::super::decisions;
use super::super::rest::REPLAYED;
use super::super::rest::reply::{ATTEMPTS, PERSONAL, PROVIDER};
use super::desk::Visit;
use crate::catalogue::ai::{Usd, Warning};
use crate::dispatch::idempotency;

/// What the call cost, in US dollars; absent where nobody knows, and of streams, which are counted when they end.
pub const COST: HeaderName = HeaderName::from_static("x-mosaic-cost-usd");
/// By what the call's decision record is found, for as long as one is kept of it.
pub const DECISION: HeaderName = HeaderName::from_static("x-mosaic-decision-id");
/// What of the request was not passed on as it was said.
pub const WARNINGS: HeaderName = HeaderName::from_static("x-mosaic-warnings");

/// The most bytes of warnings.
const LONGEST: usize = 1024;

/// Adds it.
pub fn describe(head: &Head, visit: &Visit, warnings: &[Warning], headers: &mut HeaderMap) {
    headers.reserve(12);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(PERSONAL));
    headers.insert(ATTEMPTS, HeaderValue::from(head.attempts));
    if let Ok(status) = HeaderValue::try_from(cache_status::text(head.cache, head.cached_by)) {
        headers.insert(CACHE_STATUS, status);
    }
    if matches!(head.cache, CacheStatus::Hit | CacheStatus::Stale) && head.age > Duration::ZERO {
        headers.insert(AGE, HeaderValue::from(head.age.as_secs()));
    }
    if let Ok(provider) = HeaderValue::from_str(&head.provider)
        && !provider.is_empty()
    {
        headers.insert(PROVIDER, provider);
    }
    let cost = head.usage.and_then(|usage| usage.cost_nano_usd).map(Usd::of_nano);
    if let Some(cost) = cost.and_then(|cost| HeaderValue::try_from(cost.to_string()).ok()) {
        headers.insert(COST, cost);
    }
    headers.insert(DECISION, visit.id.header());
    warn(warnings, headers);
    if idempotency::replayed(head) {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    if let Some(link) = Some(&visit.id)
        .filter(|_| visit.options.explain)
        .and_then(decisions::link)
    {
        headers.insert(LINK, link);
    }
}

/// Adds warnings.
pub fn warn(warnings: &[Warning], headers: &mut HeaderMap) {
    if warnings.is_empty() {
        return;
    }
    let told: Vec<String> = warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.field, warning.message))
        .collect();
    let mut text = told.join("; ").replace(|c: char| !(' '..='~').contains(&c), "?");
    if text.len() > LONGEST {
        text.truncate(LONGEST - 3);
        text.push_str("...");
    }
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(WARNINGS, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_one_bounded_line() {
        let told = |warnings: &[Warning]| {
            let mut headers = HeaderMap::new();
            warn(warnings, &mut headers);
            headers
                .get(WARNINGS)
                .map(|value| value.to_str().expect("ASCII").to_owned())
        };
        assert_eq!(told(&[]), None);
        let two = [
            Warning::new("stop[0]", "left out"),
            Warning::new("tempér", "1\nis asked for"),
        ];
        assert_eq!(told(&two).as_deref(), Some("stop[0]: left out; temp?r: 1?is asked for"));
        let many = vec![Warning::new("field", "é".repeat(100)); 100];
        assert_eq!(told(&many).map(|text| text.len()), Some(LONGEST));
    }
}
