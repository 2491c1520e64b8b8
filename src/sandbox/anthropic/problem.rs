//! Anthropic's error bodies.
//!
//! Invariant: an error has a type that stands for its status, and the request's id.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl Problem {
    /// What is asked cannot be done. The sentence begins with the field.
    pub fn invalid(message: impl Into<String>) -> Self {
        Problem {
            message: message.into(),
            ..Self::of(StatusCode::BAD_REQUEST)
        }
    }

    pub fn no_model(model: &str) -> Self {
        Problem {
            message: format!("model: {model}"),
            ..Self::of(StatusCode::NOT_FOUND)
        }
    }

    pub fn rate_limited(retry_after: Duration) -> Self {
        Problem {
            retry_after: Some(retry_after),
            ..Self::of(StatusCode::TOO_MANY_REQUESTS)
        }
    }

    /// The status's own words.
    pub fn of(status: StatusCode) -> Self {
        let (kind, message) = match status.as_u16() {
            401 => ("authentication_error", "invalid x-api-key (sandbox)"),
            402 => ("billing_error", "Your account has a problem with its billing (sandbox)"),
            403 => (
                "permission_error",
                "Your API key does not have permission to use this (sandbox)",
            ),
            404 => ("not_found_error", "Not Found"),
            409 => ("conflict_error", "Conflict"),
            413 => ("request_too_large", "Request exceeds the maximum size"),
            429 => ("rate_limit_error", "This request would exceed the rate limit (sandbox)"),
            504 => ("timeout_error", "Request timed out"),
            529 => ("overloaded_error", "Overloaded"),
            500..=599 => ("api_error", "Internal server error"),
            _ => ("invalid_request_error", "Invalid request"),
        };
        Problem {
            status,
            kind,
            message: message.to_owned(),
            retry_after: None,
        }
    }

    /// What it says, with the request's id.
    pub fn body(&self, request_id: &str) -> Value {
        let Problem { kind, message, .. } = self;
        json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": request_id })
    }

    /// The answer, with the request's id.
    pub fn said(self, request_id: &str) -> Response<Body> {
        let body = self.body(request_id);
        let Problem {
            status, retry_after, ..
        } = self;
        let mut response = (status, Json(body)).into_response();
        if let Some(wait) = retry_after {
            let seconds = u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// What is said of it is put on behind, where the request's id is known.
    fn into_response(self) -> Response<Body> {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
