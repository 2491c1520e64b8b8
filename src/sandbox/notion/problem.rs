//! Notion's error bodies.
//!
//! Invariant: `code` decides, and fits the status.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

/// Codes and their statuses.
const CODES: [(&str, u16); 14] = [
    ("invalid_json", 400),
    ("invalid_request_url", 400),
    ("invalid_request", 400),
    ("validation_error", 400),
    ("missing_version", 400),
    ("unauthorized", 401),
    ("restricted_resource", 403),
    ("object_not_found", 404),
    ("conflict_error", 409),
    ("rate_limited", 429),
    ("internal_server_error", 500),
    ("service_unavailable", 503),
    ("gateway_timeout", 504),
    ("service_overload", 529),
];

impl Problem {
    pub fn of_code(code: &'static str, message: impl Into<String>) -> Self {
        let status = CODES.iter().find(|(name, _)| *name == code).map(|(_, status)| *status);
        Self {
            status: status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or(StatusCode::BAD_REQUEST),
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The code that a status mostly has.
    pub fn of(status: StatusCode) -> Self {
        let code = CODES.iter().rev().find(|(_, known)| *known == status.as_u16());
        let code = code.map_or("internal_server_error", |(code, _)| code);
        Self {
            status,
            ..Self::of_code(code, status.canonical_reason().unwrap_or("Error"))
        }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::of_code("validation_error", message)
    }

    /// What is wrong with a part of the body.
    pub fn body(place: &str, rule: impl std::fmt::Display) -> Self {
        Self::invalid(format!("body failed validation: body.{place} should be {rule}."))
    }

    pub fn not_found(what: &str, id: &str) -> Self {
        let message = format!(
            "Could not find {what} with ID: {id}. Make sure the relevant pages and databases are shared with your integration."
        );
        Self::of_code("object_not_found", message)
    }

    pub fn unauthorized() -> Self {
        Self::of_code("unauthorized", "API token is invalid.")
    }

    pub fn archived() -> Self {
        Self::invalid("Can't edit block that is archived. You must unarchive the block before editing.")
    }

    pub fn rate_limited(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::of_code(
                "rate_limited",
                "You have been rate limited. Please try again in a few minutes.",
            )
        }
    }

    pub fn into_answer(self) -> Response<Body> {
        let body = json!({
            "object": "error",
            "status": self.status.as_u16(),
            "code": self.code,
            "message": self.message,
            "request_id": "00000000-0000-4000-8000-00000000e000",
        });
        let mut response = (self.status, Json(body)).into_response();
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
