//! What Notion checks before any route, and the header that it puts on every answer.
//!
//! Invariant: a request without the right token, or without a version, takes nothing from the limit.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::Notion;
use super::problem::Problem;
use crate::sandbox::kit::credential;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-notion-request-id");
const VERSION: HeaderName = HeaderName::from_static("notion-version");

/// The version that a request names: it decides how some things are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// 2025-09-03
    DataSources,
    /// 2026-03-11
    Positions,
}

pub(crate) async fn pass(State(notion): State<Arc<Notion>>, mut request: Request, next: Next) -> Response<Body> {
    let mut response = match admit(&notion, request.headers()) {
        Ok(version) => {
            request.extensions_mut().insert(version);
            next.run(request).await
        }
        Err(problem) => problem.into_answer(),
    };
    let id = HeaderValue::from_static("00000000-0000-4000-8000-00000000e000");
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn admit(notion: &Notion, headers: &HeaderMap) -> Result<Version, Problem> {
    let offered = headers.get(header::AUTHORIZATION);
    let token = offered.and_then(|value| credential::token(value, &["bearer"]));
    if !token.is_some_and(|token| notion.instance.accepts(token)) {
        return Err(Problem::unauthorized());
    }
    let named = headers.get(VERSION).and_then(|value| value.to_str().ok());
    let version = match named {
        None => {
            let message = "Notion-Version header failed validation: Notion-Version header should be defined, instead was `undefined`.";
            return Err(Problem::of_code("missing_version", message));
        }
        Some("2025-09-03") => Version::DataSources,
        Some("2026-03-11") => Version::Positions,
        Some(_) => {
            return Err(Problem::invalid(
                "Notion-Version header failed validation: it is no known version.",
            ));
        }
    };
    let taken = notion.quota.take(1, SystemTime::now());
    taken.map_err(Problem::rate_limited)?;
    Ok(version)
}
