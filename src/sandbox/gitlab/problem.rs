//! GitLab's refusals: `message` from its API, `error` from the layer that checks parameters and tokens, a map where fields
//! are wrong, plain text from the throttle.
//!
//! Invariant: a refusal has exactly one of these forms.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::sandbox::forge::{MAX_CREATED, Refused, What};

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    body: Value,
    /// What a client is to do about its credential.
    challenge: Option<&'static str>,
    location: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body,
            challenge: None,
            location: None,
        }
    }

    /// What the API itself refuses.
    pub fn message(status: StatusCode, words: impl Into<Value>) -> Self {
        Self::new(status, json!({ "message": words.into() }))
    }

    /// What is refused before the API looks at it.
    pub fn error(status: StatusCode, words: impl Into<Value>) -> Self {
        Self::new(status, json!({ "error": words.into() }))
    }

    /// 400 of the API.
    pub fn bad(words: impl Into<Value>) -> Self {
        Self::message(StatusCode::BAD_REQUEST, words)
    }

    /// A parameter that is absent or of the wrong form.
    pub fn parameter(words: impl Into<Value>) -> Self {
        Self::error(StatusCode::BAD_REQUEST, words)
    }

    /// Fields whose values cannot be kept, each with what is wrong.
    pub fn field(name: &str, wrong: &str) -> Self {
        Self::bad(json!({ name: [wrong] }))
    }

    /// A name that somebody has, as the models of a project word it.
    pub fn taken() -> Self {
        let taken = json!(["has already been taken"]);
        Self::bad(json!({ "project_namespace.name": taken, "name": taken, "path": taken }))
    }

    /// Nothing of this kind is there.
    pub fn missing(what: &str) -> Self {
        Self::message(StatusCode::NOT_FOUND, format!("404 {what} Not Found"))
    }

    pub fn not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "404 Not found")
    }

    pub fn unauthorized() -> Self {
        Self::message(StatusCode::UNAUTHORIZED, "401 Unauthorized")
    }

    pub fn forbidden() -> Self {
        Self::message(StatusCode::FORBIDDEN, "403 Forbidden")
    }

    pub fn not_allowed() -> Self {
        Self::message(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed")
    }

    /// A token that is not valid any more, and why.
    pub fn invalid_token(why: &str) -> Self {
        let body = json!({ "error": "invalid_token", "error_description": why });
        Self {
            challenge: Some("Bearer realm=\"Protected by OAuth 2.0\", error=\"invalid_token\""),
            ..Self::new(StatusCode::UNAUTHORIZED, body)
        }
    }

    pub fn expired_token() -> Self {
        Self::invalid_token("Token is expired. You can either do re-authorization or token refresh.")
    }

    pub fn revoked_token() -> Self {
        Self::invalid_token("Token was revoked. You have to re-authorize from the user.")
    }

    /// A token that may do less.
    pub fn insufficient_scope() -> Self {
        let body = json!({
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": "api",
        });
        Self::new(StatusCode::FORBIDDEN, body)
    }

    /// What the OAuth endpoint refuses.
    pub fn oauth(status: StatusCode, error: &str, description: &str) -> Self {
        Self::new(status, json!({ "error": error, "error_description": description }))
    }

    /// The project has another path now: the way there is by its number.
    pub fn moved(place: String) -> Self {
        Self {
            location: Some(place),
            ..Self::new(StatusCode::MOVED_PERMANENTLY, Value::Null)
        }
    }

    /// Any status that no handler chose.
    pub fn of(status: StatusCode) -> Self {
        let words = status.canonical_reason().unwrap_or("Error");
        Self::message(status, format!("{} {words}", status.as_u16()))
    }

    pub fn into_answer(self) -> Response<Body> {
        let mut response = match &self.location {
            Some(place) => (
                self.status,
                format!("This resource has been moved permanently to {place}."),
            )
                .into_response(),
            None => (self.status, Json(self.body)).into_response(),
        };
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(place) = self.location.and_then(|place| HeaderValue::from_str(&place).ok()) {
            headers.insert(header::LOCATION, place);
        }
        response
    }
}

/// What is refused alike everywhere. A handler that has other words for a refusal says them first.
impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::message(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("This sandbox holds at most {MAX_CREATED} created items; restart it to empty it."),
            ),
            Refused::Archived => Self::forbidden(),
            Refused::Protected => Self::message(
                StatusCode::FORBIDDEN,
                "403 Forbidden - You are not allowed to push into this branch",
            ),
            Refused::Empty => Self::missing("Repository"),
            Refused::Missing(what) => Self::missing(match what {
                What::Repo => "Project",
                What::Branch => "Branch",
                What::Tag => "Tag",
                What::Commit => "Commit",
                What::File => "File",
                What::Pull => "Merge Request",
                What::Issue => "Issue",
                What::Release => "Release",
                What::Comment => "Note",
                What::Label => "Label",
                What::Milestone => "Milestone",
                What::Hook | What::Review => return Self::not_found(),
            }),
            _ => Self::bad("400 Bad request"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_answer()
    }
}
