//! What most routes begin and end with: the repository that a path names, and the answer to what was made.
//!
//! Invariant: what was made is answered with where it is.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::problem::Problem;
use crate::sandbox::forge::{Repo, State};

/// Finds what a path names, in GitHub's way.
pub(crate) trait Named {
    fn named(&self, owner: &str, name: &str) -> Result<&Repo, Problem>;
}

impl Named for State {
    fn named(&self, owner: &str, name: &str) -> Result<&Repo, Problem> {
        self.repo(owner, name).ok_or_else(Problem::not_found)
    }
}

/// A number in a path; what is none names nothing.
pub(crate) fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// 201, with the place of what was made.
pub(crate) fn created(object: Value) -> Response<Body> {
    let place = object["url"].as_str().and_then(|url| HeaderValue::from_str(url).ok());
    let mut response = (StatusCode::CREATED, Json(object)).into_response();
    if let Some(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}
