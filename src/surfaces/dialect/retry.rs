//! When a refused client may come again, in the words that the vendors' clients heed.
//!
//! Invariant: what cannot succeed again, or not within the few attempts of such a client, is not asked for again by itself.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::problem::{Problem, whole_seconds};

/// What these clients go by before they look at the status.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// The longest wait that all of them heed; at a longer one they come back sooner than they were told.
const LONGEST: Duration = Duration::from_secs(60);

/// Adds what a problem says of another attempt.
pub fn advise(problem: &Problem, headers: &mut HeaderMap) {
    let wait = problem.retry_after();
    if let Some(wait) = wait {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    }
    if !problem.retryable() || wait.is_some_and(|wait| wait > LONGEST) {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_actors::error::{Failure, Kind};

    #[test]
    fn a_client_comes_again_where_that_can_help_and_not_where_it_cannot() {
        let told = |failure: Failure| {
            let mut headers = HeaderMap::new();
            advise(&failure.into(), &mut headers);
            let text = |name| headers.get(name).map(|value| value.to_str().expect("ASCII").to_owned());
            (text(RETRY_AFTER), text(SHOULD_RETRY))
        };
        let no = Some("false".to_owned());
        let busy = |wait| Failure::new(Kind::RateLimited, "busy").after(Duration::from_millis(wait));
        assert_eq!(told(busy(1500)), (Some("2".to_owned()), None));
        assert_eq!(told(busy(60_000)), (Some("60".to_owned()), None));
        assert_eq!(told(busy(60_001)), (Some("61".to_owned()), no.clone()));
        assert_eq!(told(Failure::new(Kind::UpstreamFailed, "failed")), (None, None));
        for kind in [
            Kind::BudgetExhausted,
            Kind::QuotaExceeded,
            Kind::Conflict,
            Kind::Unsupported,
        ] {
            assert_eq!(told(Failure::new(kind, "no")).1, no, "{kind}");
        }
    }
}
