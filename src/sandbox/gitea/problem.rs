//! Gitea's error bodies.
//!
//! Invariant: a body has `message` and `url`, or there is none at all.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::sandbox::forge::{MAX_CREATED, Refused};

/// A refused request. The gate, which knows the origin, makes an answer of it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// `None`: it is refused without a word.
    message: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: Some(message.into()),
        }
    }

    /// A status without a reason of its own. In production Gitea keeps the reason of a failure to itself, and conflicts
    /// are among what it may refuse without a word.
    pub fn of(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::CONFLICT => None,
            StatusCode::INTERNAL_SERVER_ERROR => Some(""),
            other => Some(other.canonical_reason().unwrap_or_default()),
        };
        Self {
            status,
            message: message.map(str::to_owned),
        }
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

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// What Gitea did not foresee.
    pub fn internal() -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The sandbox's own bound.
    pub fn full() -> Self {
        let message = format!("this sandbox holds at most {MAX_CREATED} created items; restart it to empty it");
        Self::invalid(message)
    }

    pub fn into_answer(self, origin: &str) -> Response<Body> {
        let Some(message) = self.message else {
            return self.status.into_response();
        };
        let body = json!({ "message": message, "url": format!("{origin}/api/swagger") });
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json;charset=utf-8"),
        );
        response
    }
}

/// What is refused alike everywhere. A handler that has other words for a refusal says them first.
impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::full(),
            Refused::Archived => Self::new(StatusCode::LOCKED, "repo is archived"),
            Refused::Empty => Self::conflict("Git Repository is empty."),
            Refused::Missing(_) => Self::not_found(),
            _ => Self::internal(),
        }
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
