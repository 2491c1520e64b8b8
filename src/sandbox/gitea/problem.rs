//! Gitea's error bodies.
//!
//! Invariant: a body has `message` and `url`, or there is none at all.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// A refused request. The gate, which knows the origin, makes an answer of it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// A status without a reason of its own. In production Gitea keeps the reason of a failure to itself.
    pub fn of(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "",
            other => other.canonical_reason().unwrap_or_default(),
        };
        Self::new(status, message)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found")
    }

    pub fn token_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token is required")
    }

    pub fn bad_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid username, password or token")
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub fn into_answer(self, origin: &str) -> Response<Body> {
        // Conflicts are among what Gitea refuses without a word.
        if self.status == StatusCode::CONFLICT {
            return self.status.into_response();
        }
        let body = json!({ "message": self.message, "url": format!("{origin}/api/swagger") });
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json;charset=utf-8"),
        );
        response
    }
}

impl IntoResponse for Problem {
    /// Its status, and itself for the gate to find.
    fn into_response(self) -> Response<Body> {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The refusal of a proxy in front of Gitea, which has no limit of its own.
pub(crate) fn by_proxy(retry_after: Duration) -> Response<Body> {
    let page = "<html><head><title>429 Too Many Requests</title></head></html>\n";
    let mut response = (StatusCode::TOO_MANY_REQUESTS, page).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
    response
}
