//! What OpenAI checks before any route, and the headers that it puts on every answer.
//!
//! Invariant: a request without the right key takes nothing from the limits.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response};

use super::problem::Problem;
use super::{Limits, OpenAi};
use crate::sandbox::kit::credential;
use crate::sandbox::kit::quota::Standing;

const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");

pub(crate) async fn pass(State(openai): State<Arc<OpenAi>>, request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let now = SystemTime::now();
    let mut response = match admit(&openai, request.headers(), now) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_answer(),
    };
    let elapsed = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    response.headers_mut().insert(PROCESSING_MS, HeaderValue::from(elapsed));
    openai.dress(response, openai.limits(now), now)
}

fn admit(openai: &OpenAi, headers: &HeaderMap, now: SystemTime) -> Result<(), Problem> {
    let key = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| credential::token(value, &["bearer"]));
    if !key.is_some_and(|key| openai.instance.accepts(key)) {
        return Err(Problem::invalid_api_key());
    }
    let taken = openai.requests.take(1, now);
    taken.map_err(|wait| Problem::rate_limited("requests", wait))
}

/// A wait in OpenAI's form: `6m0s`, `1s`, `20ms`.
fn duration_text(wait: Duration) -> String {
    match (wait.as_secs(), wait.subsec_millis()) {
        (0, ms) => format!("{ms}ms"),
        (s @ 1..60, 0) => format!("{s}s"),
        (s @ 1..60, ms) => format!("{s}.{ms:03}s"),
        (s, _) => format!("{}m{}s", s / 60, s % 60),
    }
}

impl OpenAi {
    /// Puts on what every answer of OpenAI carries.
    pub(crate) fn dress(&self, mut response: Response<Body>, limits: Limits, now: SystemTime) -> Response<Body> {
        let id = self.next_request_id();
        let requests = limit_headers("requests", limits.requests, now);
        let tokens = limit_headers("tokens", limits.tokens, now);
        let version = ("openai-version".to_owned(), "2020-10-01".to_owned());
        let all = [("x-request-id".to_owned(), id), version]
            .into_iter()
            .chain(requests)
            .chain(tokens);
        for (name, value) in all {
            // Names and values are made here, of ASCII.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
            .headers_mut()
            .entry(PROCESSING_MS)
            .or_insert(HeaderValue::from_static("0"));
        response
    }
}

fn limit_headers(kind: &str, standing: Standing, now: SystemTime) -> [(String, String); 3] {
    // A full allowance needs no reset; OpenAI says so with 0.
    let reset = if standing.used == 0 {
        Duration::ZERO
    } else {
        standing.wait(now)
    };
    [
        (format!("x-ratelimit-limit-{kind}"), standing.limit.to_string()),
        (
            format!("x-ratelimit-remaining-{kind}"),
            standing.remaining().to_string(),
        ),
        (format!("x-ratelimit-reset-{kind}"), duration_text(reset)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_written_as_openai_does() {
        for (ms, text) in [
            (0, "0ms"),
            (20, "20ms"),
            (1_000, "1s"),
            (59_995, "59.995s"),
            (60_000, "1m0s"),
            (360_000, "6m0s"),
        ] {
            assert_eq!(duration_text(Duration::from_millis(ms)), text);
        }
    }
}
