//! GitHub's error bodies.
//!
//! Invariant: every body has `message`, `documentation_url` and `status` (a string).

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::sandbox::forge::{MAX_CREATED, Refused};

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
    errors: Vec<Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// The status's own words.
    pub fn of(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "Server Error",
            StatusCode::PAYLOAD_TOO_LARGE => "Request body is too large",
            other => other.canonical_reason().unwrap_or("Error"),
        };
        Self::new(status, message)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Bad credentials")
    }

    pub fn requires_authentication() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Requires authentication")
    }

    /// The limit per hour. GitHub answers it with 403 or 429.
    pub fn rate_limited(status: StatusCode) -> Self {
        Self::new(status, "API rate limit exceeded for user ID 1.")
    }

    /// The limit on bursts; clients tell it from a missing permission by its words and by retry-after.
    pub fn secondary_limit(retry_after: Duration) -> Self {
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::FORBIDDEN, message)
        }
    }

    /// One field of a written resource is wrong; `code` as in GitHub's list: missing_field, invalid, ….
    pub fn field(resource: &str, field: &str, code: &str) -> Self {
        let errors = vec![json!({ "resource": resource, "field": field, "code": code })];
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed")
        }
    }

    /// As [`Problem::field`], with the value that was refused.
    pub fn invalid(resource: &str, field: &str, value: &str) -> Self {
        let errors = vec![json!({ "resource": resource, "field": field, "code": "invalid", "value": value })];
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed")
        }
    }

    /// One field of a written resource is wrong in a way that its own words tell.
    pub fn custom(resource: &str, field: &str, message: &str) -> Self {
        let error = json!({ "resource": resource, "field": field, "code": "custom", "message": message });
        Self {
            errors: vec![error],
            ..Self::unprocessable("Validation Failed")
        }
    }

    /// The same where it is no field that is wrong.
    pub fn custom_of(resource: &str, message: &str) -> Self {
        let error = json!({ "resource": resource, "code": "custom", "message": message });
        Self {
            errors: vec![error],
            ..Self::unprocessable("Validation Failed")
        }
    }

    /// What some routes say instead: plain sentences.
    pub fn plain(message: &str) -> Self {
        Self {
            errors: vec![json!(message)],
            ..Self::unprocessable("Unprocessable Entity")
        }
    }

    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// The same with another message above the errors.
    pub fn saying(self, message: &str) -> Self {
        Self {
            message: message.to_owned(),
            ..self
        }
    }

    /// What was asked for has another place now.
    pub fn moved(method: &Method, place: &str) -> Response<Body> {
        // Others than reads are repeated as they are.
        let status = match *method {
            Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
            _ => StatusCode::TEMPORARY_REDIRECT,
        };
        let words = status.canonical_reason().unwrap_or_default();
        let body = json!({ "message": words, "url": place, "documentation_url": DOCUMENTATION });
        let mut response = (status, Json(body)).into_response();
        if let Ok(place) = HeaderValue::from_str(place) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        response
    }

    pub fn into_answer(self) -> Response<Body> {
        let mut body = json!({
            "message": self.message,
            "documentation_url": DOCUMENTATION,
            "status": self.status.as_str(),
        });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors);
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }
}

/// What is refused alike everywhere. A handler that has other words for a refusal says them first.
impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (status, message) = match refused {
            Refused::Full => {
                let message =
                    format!("This sandbox holds at most {MAX_CREATED} created items; restart it to empty it.");
                (StatusCode::UNPROCESSABLE_ENTITY, message)
            }
            Refused::Archived => (
                StatusCode::FORBIDDEN,
                "Repository was archived so is read-only.".to_owned(),
            ),
            Refused::Empty => (StatusCode::CONFLICT, "Git Repository is empty.".to_owned()),
            Refused::Missing(_) => return Self::not_found(),
            _ => return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed"),
        };
        Self::new(status, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_answer()
    }
}
