//! What Anthropic checks before any route, and the headers that it puts on every answer.
//!
//! Invariant: a request without the right key takes nothing from the limits.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;

use super::problem::Problem;
use super::{Anthropic, Limits};
use crate::sandbox::kit::credential;
use crate::sandbox::kit::quota::Standing;

/// The only version of the API that is in use.
const VERSION: &str = "2023-06-01";

pub(crate) async fn pass(State(anthropic): State<Arc<Anthropic>>, request: Request, next: Next) -> Response<Body> {
    let now = SystemTime::now();
    let response = match admit(&anthropic, request.headers(), now) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    anthropic.finish(response, anthropic.limits(now))
}

fn admit(anthropic: &Anthropic, headers: &HeaderMap, now: SystemTime) -> Result<(), Problem> {
    let bare = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| credential::token(value, &["bearer"]));
    if !bare.or(bearer).is_some_and(|key| anthropic.instance.accepts(key)) {
        return Err(Problem::of(StatusCode::UNAUTHORIZED));
    }
    match headers.get("anthropic-version").map(HeaderValue::as_bytes) {
        Some(version) if version == VERSION.as_bytes() => {}
        Some(_) => return Err(Problem::invalid("anthropic-version: is not a valid version")),
        None => return Err(Problem::invalid("anthropic-version: header is required")),
    }
    anthropic.requests.take(1, now).map_err(Problem::rate_limited)
}

impl Anthropic {
    pub(crate) fn dress(&self, problem: Problem, limits: Limits) -> Response<Body> {
        self.finish(problem.into_response(), limits)
    }

    /// Puts on what every answer of Anthropic carries. The request's id stands in the body of a refusal, too.
    fn finish(&self, response: Response<Body>, limits: Limits) -> Response<Body> {
        let id = self.next_request_id();
        let mut response = match response.extensions().get::<Problem>().cloned() {
            Some(problem) => {
                let mut said = problem.said(&id);
                // Which route it is of.
                said.extensions_mut().extend(response.extensions().clone());
                said
            }
            None => response,
        };
        let organization = ("anthropic-organization-id".to_owned(), "sandbox".to_owned());
        let tokens = Standing {
            limit: limits.input.limit + limits.output.limit,
            used: limits.input.used + limits.output.used,
            reset: limits.input.reset,
        };
        let families = [
            ("requests", limits.requests),
            ("tokens", tokens),
            ("input-tokens", limits.input),
            ("output-tokens", limits.output),
        ];
        let limits = families
            .into_iter()
            .flat_map(|(kind, standing)| limit_headers(kind, standing));
        for (name, value) in [("request-id".to_owned(), id), organization].into_iter().chain(limits) {
            // Names and values are made here, of ASCII.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn limit_headers(kind: &str, standing: Standing) -> [(String, String); 3] {
    let reset = i64::try_from(standing.reset_epoch_s())
        .ok()
        .and_then(|at| Timestamp::from_second(at).ok());
    // What is left of tokens is told to the thousand.
    let remaining = match kind {
        "requests" => standing.remaining(),
        _ => standing.remaining() / 1000 * 1000,
    };
    [
        (format!("anthropic-ratelimit-{kind}-limit"), standing.limit.to_string()),
        (format!("anthropic-ratelimit-{kind}-remaining"), remaining.to_string()),
        (
            format!("anthropic-ratelimit-{kind}-reset"),
            reset.unwrap_or_default().to_string(),
        ),
    ]
}
