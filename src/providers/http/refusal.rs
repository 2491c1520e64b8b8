//! What a refusal means, by its status alone.
//!
//! Invariant: a status of the 400s is never evidence against the provider, but for 408, by which it says that it waited in vain.

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::waits;

/// An answer that is no success.
pub struct Refusal<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The first bytes of its body.
    pub body: &'a [u8],
    /// When it came, for waits that are given as a point in time.
    pub now: Timestamp,
}

impl<'a> Refusal<'a> {
    /// The body as JSON, where it is that: proxies in between answer in any form.
    pub fn json<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_slice(self.body).ok()
    }

    /// What holds for every refusal, whatever its dialect makes of it: an error status means that nothing was billed, and
    /// the provider's own word on whether a repeat makes sense goes before the status.
    pub(super) fn heed(&self, mut failure: Failure) -> Failure {
        failure.unbilled |= self.status.as_u16() >= 400;
        match self.header("x-should-retry") {
            Some("true") => failure.retryable = true,
            Some("false") => failure.retryable = false,
            _ => {}
        }
        failure
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The failure that a status means where nothing more is known; the wait is taken from `Retry-After`.
pub fn by_status(refusal: &Refusal<'_>) -> Failure {
    let status = refusal.status.as_u16();
    let (kind, sentence) = match status {
        401 => (Kind::UpstreamAuth, "the provider refused our credential"),
        403 => (Kind::Forbidden, "the provider forbids this to our credential"),
        404 => (
            Kind::NotFound,
            "the provider does not know it, or does not show it to us",
        ),
        408 => (Kind::Timeout, "the provider waited too long for the request"),
        409 | 423 => (Kind::Conflict, "its state at the provider forbids this"),
        410 => (Kind::NotFound, "it is gone, or switched off, at the provider"),
        413 => (Kind::InvalidInput, "it is larger than the provider takes"),
        412 => (Kind::PreconditionFailed, "it has changed at the provider"),
        429 => (Kind::UpstreamRateLimited, "the provider's rate limit is reached"),
        400..=499 => (Kind::InvalidInput, "the provider refused the request as wrong"),
        300..=399 => (Kind::UpstreamFailed, "the provider sent us elsewhere"),
        _ => (Kind::UpstreamFailed, "the provider failed"),
    };
    let mut failure = Failure::new(kind, format!("{sentence} (status {status})"));
    // A redirect that was not followed will not be followed next time either.
    failure.retryable &= status >= 400;
    failure.unreadable = status < 400;
    failure.unbilled = status >= 400;
    if failure.retryable {
        failure.retry_after = waits::retry_after(refusal.headers, refusal.now);
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_error_blames_the_provider_except_a_wait_of_its_own() {
        for status in 300..600 {
            let refusal = Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                headers: &HeaderMap::new(),
                body: b"",
                now: Timestamp::UNIX_EPOCH,
            };
            let failure = by_status(&refusal);
            let blames = !(400..500).contains(&status) || status == 408;
            assert_eq!(failure.kind.blames_provider(), blames, "{status}");
        }
    }

    #[test]
    fn the_providers_own_word_goes_before_the_status_and_no_refusal_is_billed() {
        for (status, word, retryable) in [(500, "false", false), (400, "true", true), (503, "maybe", true)] {
            let headers = HeaderMap::from_iter([("x-should-retry".parse().unwrap(), word.parse().unwrap())]);
            let refusal = Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                headers: &headers,
                body: b"",
                now: Timestamp::UNIX_EPOCH,
            };
            // Whatever a dialect makes of it.
            for made in [by_status(&refusal), Failure::new(by_status(&refusal).kind, "its own")] {
                let failure = refusal.heed(made);
                assert_eq!(
                    (failure.retryable, failure.unbilled),
                    (retryable, true),
                    "{status} {word}"
                );
            }
        }
    }
}
