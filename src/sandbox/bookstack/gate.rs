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

/// The server's token with this after it is that of somebody who may only read and write pages.
const READER: &str = "-reader";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewer {
    Admin,
    Reader,
}

impl Viewer {
    /// The number of the account.
    pub fn number(self) -> u64 {
        match self {
            Viewer::Admin => 1,
            Viewer::Reader => 2,
        }
    }

    /// The account's name.
    pub fn name(self) -> &'static str {
        match self {
            Viewer::Admin => "Sandbox User",
            Viewer::Reader => "Sandbox Reader",
        }
    }

    /// Refuses who may not manage anything.
    pub fn must_manage(self) -> Result<(), Problem> {
        match self {
            Viewer::Admin => Ok(()),
            Viewer::Reader => Err(Problem::forbidden()),
        }
    }
}

pub(crate) async fn pass(State(bookstack): State<Arc<BookStack>>, mut request: Request, next: Next) -> Response<Body> {
    let response = match admit(&bookstack, request.headers()) {
        Ok(viewer) => {
            request.extensions_mut().insert(viewer);
            next.run(request).await
        }
        Err(problem) => problem.into_answer(),
    };
    bookstack.dress(response, bookstack.standing())
}

fn admit(bookstack: &BookStack, headers: &HeaderMap) -> Result<Viewer, Problem> {
    let offered = headers.get(header::AUTHORIZATION).ok_or_else(Problem::no_token)?;
    let token = offered.to_str().ok().and_then(|value| value.strip_prefix("Token "));
    let token = token.ok_or_else(Problem::odd_token)?;
    let accepts = |token: &str| bookstack.instance.accepts(token);
    let viewer = match token.strip_suffix(READER) {
        Some(token) if accepts(token) => Viewer::Reader,
        _ if accepts(token) => Viewer::Admin,
        _ => return Err(Problem::unknown_token()),
    };
    let taken = bookstack.quota.take(1, SystemTime::now());
    taken.map_err(Problem::rate_limited)?;
    Ok(viewer)
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
