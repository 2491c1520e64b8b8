//! OpenAI's error bodies.
//!
//! Invariant: `error` always has `message`, `type`, `param` and `code`, the last two possibly null.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
    kind: &'static str,
    param: Option<String>,
    code: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Problem {
    pub fn invalid(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            message,
            kind: "invalid_request_error",
            param: None,
            code: None,
            retry_after: None,
        }
    }

    /// A field of the body cannot be used.
    pub fn field(param: &str, message: impl Into<String>, code: Option<&'static str>) -> Self {
        Self {
            param: Some(param.to_owned()),
            code,
            ..Self::invalid(StatusCode::BAD_REQUEST, message)
        }
    }

    pub fn invalid_api_key() -> Self {
        let message = "Incorrect API key provided, or none. This is a sandbox: its key is in its configuration.";
        Self {
            code: Some("invalid_api_key"),
            ..Self::invalid(StatusCode::UNAUTHORIZED, message)
        }
    }

    pub fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self {
            code: Some("model_not_found"),
            ..Self::invalid(StatusCode::NOT_FOUND, message)
        }
    }

    /// `kind` is what was exceeded: `requests` or `tokens`.
    pub fn rate_limited(kind: &'static str, retry_after: Duration) -> Self {
        Self {
            kind,
            code: Some("rate_limit_exceeded"),
            retry_after: Some(retry_after),
            ..Self::invalid(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Rate limit reached for {kind} per min (sandbox)."),
            )
        }
    }

    /// The status's own words.
    pub fn of(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "The server had an error while processing your request.",
            StatusCode::SERVICE_UNAVAILABLE => "The engine is currently overloaded, please try again later.",
            other => other.canonical_reason().unwrap_or("Error"),
        };
        let kind = if status.is_server_error() {
            "server_error"
        } else {
            "invalid_request_error"
        };
        Self {
            kind,
            ..Self::invalid(status, message)
        }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn body(&self) -> Value {
        let Self {
            message,
            kind,
            param,
            code,
            ..
        } = self;
        json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
    }

    pub fn into_answer(self) -> Response<Body> {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up; the exact wait beside it.
            let seconds = wait.as_millis().div_ceil(1_000);
            let exact = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let headers = response.headers_mut();
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)),
            );
            headers.insert(HeaderName::from_static("retry-after-ms"), HeaderValue::from(exact));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_answer()
    }
}
