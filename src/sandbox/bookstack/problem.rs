//! BookStack's error bodies.
//!
//! Invariant: `error` always has `message` and `code`, the status as a number.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
    validation: Map<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            validation: Map::new(),
            retry_after: None,
        }
    }

    /// The status's own words.
    pub fn of(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "An unknown error occurred",
            other => other.canonical_reason().unwrap_or("Error"),
        };
        Self::new(status, message)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    /// A permission that lacks.
    pub fn forbidden() -> Self {
        let message = "You do not have permission to access the requested page.";
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "No authorization token found on the request")
    }

    pub fn odd_token() -> Self {
        let message = "An authorization token was found on the request but the format appeared incorrect";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub fn unknown_token() -> Self {
        let message = "No matching API token was found for the provided authorization token";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403, not 401: only the sentence tells it from a missing permission.
    pub fn expired_token() -> Self {
        Self::new(StatusCode::FORBIDDEN, "The authorization token used has expired")
    }

    pub fn rate_limited(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Attempts.")
        }
    }

    /// Fields that cannot be used, each with what is wrong.
    pub fn invalid<'a>(faults: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let faults = faults.into_iter();
        Self {
            validation: faults
                .map(|(field, fault)| (field.to_owned(), json!([fault])))
                .collect(),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The given data was invalid.")
        }
    }

    pub fn into_answer(self) -> Response<Body> {
        let mut error = json!({ "message": self.message, "code": self.status.as_u16() });
        if !self.validation.is_empty() {
            error["validation"] = Value::Object(self.validation);
        }
        let mut response = (self.status, Json(json!({ "error": error }))).into_response();
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            let reset = HeaderName::from_static("x-ratelimit-reset");
            headers.insert(reset, HeaderValue::from(now + seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_answer()
    }
}
