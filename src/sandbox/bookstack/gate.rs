//! What BookStack checks before any route, and the headers that it puts on every answer.
//!
//! Invariant: a request without the right token takes nothing from the limit.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::BookStack;
use super::problem::Problem;
use crate::sandbox::kit::quota::Standing;

pub(crate) async fn pass(State(bookstack): State<Arc<BookStack>>, request: Request, next: Next) -> Response<Body> {
    let response = match admit(&bookstack, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_answer(),
    };
    bookstack.dress(response, bookstack.standing())
}

fn admit(bookstack: &BookStack, headers: &HeaderMap) -> Result<(), Problem> {
    let offered = headers.get(header::AUTHORIZATION).ok_or_else(Problem::no_token)?;
    let token = offered.to_str().ok().and_then(|value| value.strip_prefix("Token "));
    if !bookstack.instance.accepts(token.ok_or_else(Problem::odd_token)?) {
        return Err(Problem::unknown_token());
    }
    bookstack
        .quota
        .take(1, SystemTime::now())
        .map_err(Problem::rate_limited)
}

impl BookStack {
    pub(crate) fn standing(&self) -> Standing {
        self.quota.standing(SystemTime::now())
    }

    /// Puts on what every answer of BookStack carries.
    pub(crate) fn dress(&self, mut response: Response<Body>, standing: Standing) -> Response<Body> {
        let mut number = |name, value: u64| {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, HeaderValue::from(value));
        };
        number("x-ratelimit-limit", standing.limit);
        number("x-ratelimit-remaining", standing.remaining());
        response
    }
}
