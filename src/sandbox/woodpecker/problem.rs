//! Woodpecker's refusals: plain text, or nothing but a status.
//!
//! Invariant: no refusal is JSON.

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    text: Option<String>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// Nothing but a status, as most of Woodpecker's handlers refuse.
    pub fn of(status: StatusCode) -> Self {
        Self {
            status,
            text: None,
            retry_after: None,
        }
    }

    /// A status and a sentence.
    pub fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::of(status)
        }
    }

    pub fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND)
    }

    pub fn unauthorized() -> Self {
        Self::text(StatusCode::UNAUTHORIZED, "User not authorized")
    }

    /// Who is known, and no administrator.
    pub fn forbidden() -> Self {
        Self::text(StatusCode::FORBIDDEN, "User not authorized")
    }

    /// Woodpecker itself has no limit: this is a proxy's in front of it.
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::text(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
        }
    }

    pub fn into_answer(self) -> Response<Body> {
        let mut response = match self.text {
            Some(text) => (self.status, text).into_response(),
            None => self.status.into_response(),
        };
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_answer()
    }
}
