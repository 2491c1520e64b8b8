//! What a refusal means, by its status alone.
//!
//! Invariant: a status of the 400s is never evidence against the provider, but for 408, by which it says that it waited in vain.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind, Source};
use serde::de::DeserializeOwned;

use super::{Fault, lenient, waits};

/// An answer that is no success.
pub struct Refusal<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The first bytes of its body.
    pub body: &'a [u8],
    /// The body of what was refused; empty where it is no bytes.
    pub sent: &'a [u8],
    /// How was asked.
    pub method: &'a Method,
    /// The path that was asked for, as it was sent: one status may mean this here and that there.
    pub path: &'a str,
    /// When it came, for waits that are given as a point in time.
    pub now: Timestamp,
}

impl<'a> Refusal<'a> {
    /// The body as JSON, where it is that: proxies in between answer in any form.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        lenient::read(self.body).ok()
    }

    /// What was refused, where it was JSON.
    pub fn sent<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.sent).ok()
    }

    /// What the body says, whatever its form.
    pub fn fault(&self) -> Fault {
        Fault::read(self.body)
    }

    /// What holds for every refusal, whatever its dialect makes of it: what was refused was not billed, an account that is
    /// spent is left alone for `spent`, and the provider's own word on whether a repeat makes sense goes before the status.
    pub(super) fn heed(&self, mut failure: Failure, spent: Duration) -> Failure {
        failure.unbilled |= refused(self.status.as_u16());
        failure = left_alone(failure, spent);
        let word = self.header("x-should-retry").unwrap_or_default().trim();
        if let Ok(retryable) = word.to_ascii_lowercase().parse() {
            failure.retryable = retryable;
        }
        failure
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Of an account that is spent: nobody asks it again for `spent`, so that not every call has to find out.
pub fn left_alone(mut failure: Failure, spent: Duration) -> Failure {
    if failure.kind == Kind::UpstreamRateLimited && !failure.retryable {
        failure.retry_after.get_or_insert(spent);
    }
    failure
}

/// Whether a status says that nothing was done for the request. One that the provider gave up on may have been, in part;
/// where a dialect knows better, it says so itself.
fn refused(status: u16) -> bool {
    (400..500).contains(&status) && status != 408
}

/// The failure that a status means where nothing more is known; the wait is taken from `Retry-After`.
pub fn by_status(refusal: &Refusal<'_>) -> Failure {
    let mut failure = status(refusal.status.as_u16());
    if failure.retryable {
        failure.retry_after = waits::retry_after(refusal.headers, refusal.now);
    }
    failure
}

/// The failure that a status means, wherever it was told.
pub fn status(status: u16) -> Failure {
    let (kind, sentence) = match status {
        401 => (Kind::UpstreamAuth, "the provider refused our credential"),
        402 => (Kind::UpstreamRateLimited, "the account at the provider is spent"),
        403 => (Kind::Forbidden, "the provider forbids this to our credential"),
        404 => (
            Kind::NotFound,
            "the provider does not know it, or does not show it to us",
        ),
        405 => (Kind::Unsupported, "the provider has no such request"),
        407 => (
            Kind::UpstreamAuth,
            "a proxy before the provider wants a credential of its own",
        ),
        408 => (Kind::Timeout, "the provider waited too long for the request"),
        409 | 423 => (Kind::Conflict, "its state at the provider forbids this"),
        410 => (Kind::NotFound, "it is gone, or switched off, at the provider"),
        413 => (Kind::InvalidInput, "it is larger than the provider takes"),
        412 => (Kind::PreconditionFailed, "it has changed at the provider"),
        429 => (Kind::UpstreamRateLimited, "the provider's rate limit is reached"),
        451 => (Kind::Forbidden, "the provider may not show it, by law"),
        400..=499 => (Kind::InvalidInput, "the provider refused the request as wrong"),
        300..=399 => (Kind::UpstreamFailed, "the provider sent us elsewhere"),
        _ => (Kind::UpstreamFailed, "the provider failed"),
    };
    let mut failure = Failure::new(kind, format!("{sentence} (status {status})"));
    // A redirect that was not followed will not be followed next time either.
    failure.retryable &= status >= 400 && status != 402;
    failure.unreadable = status < 400;
    failure.sound = failure.unreadable;
    failure.unbilled = refused(status);
    if status == 405 {
        // How it is asked is ours to know, not the caller's.
        failure.source = Source::Provider;
    }
    failure
}

/// Of a file that is larger than `bound` gives or holds: it is there, and whoever asks for it is not at fault.
pub fn too_large(sentence: &str, bound: Source) -> Failure {
    let mut failure = Failure::new(Kind::Unsupported, sentence);
    failure.source = bound;
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
                sent: b"",
                method: &Method::GET,
                path: "/",
                now: Timestamp::UNIX_EPOCH,
            };
            let failure = by_status(&refusal);
            let blames = !(400..500).contains(&status) || status == 408;
            assert_eq!(failure.kind.blames_provider(), blames, "{status}");
            assert_eq!(
                failure.unbilled,
                (400..500).contains(&status) && status != 408,
                "{status}"
            );
        }
    }

    #[test]
    fn the_providers_own_word_goes_before_the_status() {
        for (status, word, retryable) in [
            (500, "false", false),
            (500, "False", false),
            (400, "true", true),
            (400, "TRUE", true),
            (503, "maybe", true),
        ] {
            let headers = HeaderMap::from_iter([("x-should-retry".parse().unwrap(), word.parse().unwrap())]);
            let refusal = Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                headers: &headers,
                body: b"",
                sent: b"",
                method: &Method::GET,
                path: "/",
                now: Timestamp::UNIX_EPOCH,
            };
            // Whatever a dialect makes of it.
            for made in [by_status(&refusal), Failure::new(by_status(&refusal).kind, "its own")] {
                let failure = refusal.heed(made, Duration::ZERO);
                let expected = (retryable, status == 400);
                assert_eq!((failure.retryable, failure.unbilled), expected, "{status} {word}");
            }
        }
    }

    #[test]
    fn a_spent_account_is_left_alone_for_a_while() {
        let refusal = Refusal {
            status: StatusCode::PAYMENT_REQUIRED,
            headers: &HeaderMap::new(),
            body: b"",
            sent: b"",
            method: &Method::GET,
            path: "/",
            now: Timestamp::UNIX_EPOCH,
        };
        let failure = refusal.heed(by_status(&refusal), Duration::from_secs(300));
        assert_eq!(
            (failure.kind, failure.source),
            (Kind::UpstreamRateLimited, Source::Provider)
        );
        assert_eq!((failure.retryable, failure.unbilled), (false, true));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(300)));
    }
}
