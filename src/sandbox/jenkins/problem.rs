//! Jenkins' refusals: pages for people, whose reason stands in the text and at times in a header.
//!
//! Invariant: no refusal is JSON, and no text of a client's gets into a page unescaped.

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    reason: String,
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    pub fn of(status: StatusCode) -> Self {
        Self::because(status, status.canonical_reason().unwrap_or_default())
    }

    pub fn because(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            headers: Vec::new(),
        }
    }

    pub fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND)
    }

    /// What Jenkins throws and does not catch.
    pub fn oops(reason: impl Into<String>) -> Self {
        Self::because(StatusCode::INTERNAL_SERVER_ERROR, reason)
    }

    pub fn post_required() -> Self {
        Self::because(StatusCode::METHOD_NOT_ALLOWED, "This URL requires POST").with("allow", "POST")
    }

    pub fn unauthorized(user: &str) -> Self {
        let reason = format!("Invalid password/token for user: {user}");
        Self::because(StatusCode::UNAUTHORIZED, reason).with("www-authenticate", "Basic realm=\"Jenkins\"")
    }

    /// Who has not said who they are is led to the login.
    pub fn anonymous() -> Self {
        Self::because(StatusCode::FORBIDDEN, "Authentication required")
            .permission("anonymous", "hudson.model.Hudson.Read")
    }

    pub fn no_crumb() -> Self {
        Self::because(StatusCode::FORBIDDEN, "No valid crumb was included in the request")
    }

    /// A user without a right.
    pub fn missing(user: &str, name: &str, permission: &str) -> Self {
        let reason = format!("{user} is missing the {name} permission");
        Self::because(StatusCode::FORBIDDEN, reason).permission(user, permission)
    }

    /// Jenkins itself has no limit: this is a proxy's in front of it.
    pub fn rate_limited(retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Self::of(StatusCode::TOO_MANY_REQUESTS).with("retry-after", &seconds.to_string())
    }

    pub fn starting() -> Self {
        let reason = "Please wait while Jenkins is getting ready to work ...";
        Self::because(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn permission(self, user: &str, permission: &str) -> Self {
        self.with("x-you-are-authenticated-as", user)
            .with("x-you-are-in-group-disabled", "JENKINS-39402: use -Dhudson.security.AccessDeniedException2.REPORT_GROUP_HEADERS=true or use /whoAmI to diagnose")
            .with("x-required-permission", permission)
    }

    pub fn into_answer(self) -> Response<Body> {
        let Self {
            status,
            reason,
            headers,
        } = self;
        let page = format!(
            "<html><head><title>Error {} {}</title></head><body><h2>HTTP ERROR {0} {}</h2></body></html>\n",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            escaped(&reason),
        );
        let mut response = html(status, page);
        for (name, value) in headers {
            // Values are our own words and users' names of visible ASCII.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A page.
pub(crate) fn html(status: StatusCode, text: String) -> Response<Body> {
    let kind = HeaderValue::from_static("text/html;charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Text as it may stand in a page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_answer()
    }
}
