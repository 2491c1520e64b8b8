//! Failures as HTTP: RFC 9457 problem details.
//!
//! Invariant: every refusal of every surface has this one shape; its code, status and meaning come from
//! [`failures`](crate::failures).

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use mosaic_actors::error::{Failure, FromCache, Source};
use mosaic_actors::stream::UPLOAD_FIELD;
use serde::Serialize;
use serde_json::{Value, json};

use super::cache_status::{self, CACHE_STATUS};
use super::decisions;
use super::request_id::RequestId;
use super::trace::Trace;
use crate::dispatch::MissingScope;
use crate::failures::{self, status};

pub use crate::failures::{Fault, status_of};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// Where a code is explained, below the surface's mount; with the code appended it is the problem's type.
pub const TYPES: &str = "/docs/errors/";

/// `true` on what is replayed from the record of a keyed write, be it an answer or a problem.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// One problem, on its way to the wire.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    source: Source,
    retryable: bool,
    retry_after: Option<Duration>,
    provider: Option<Box<str>>,
    field: Option<Box<str>>,
    errors: Box<[FieldError]>,
    in_doubt: bool,
    replayed: bool,
    beside: Option<Box<Beside>>,
}

/// What few problems have, in one place so that a problem stays small.
#[derive(Clone, Debug, Default)]
struct Beside {
    cached: Option<FromCache>,
    tried: Vec<Tried>,
    decision: Option<Value>,
    missing: Option<MissingScope>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tried {
    provider: Arc<str>,
    code: &'static str,
}

/// The attempts that were made in vain, where there were several: of one alone the problem itself tells.
pub(crate) fn tried(failure: &Failure) -> Vec<Tried> {
    let all = failure.tried().iter().map(|at| Tried {
        provider: at.instance.clone(),
        code: at.kind.code(),
    });
    match failure.tried().len() {
        0 | 1 => Vec::new(),
        _ => all.collect(),
    }
}

/// One of several faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where.
    pub field: String,
    /// What is wrong there.
    pub message: String,
    /// The nearest right name, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

#[derive(Serialize)]
struct Wire<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    source: Source,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Of a write: what is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// Who was asked in vain, in order.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tried: &'a [Tried],
    request_id: &'a str,
    /// The trace that the request is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// What was decided, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a Value>,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let beside = Beside {
            tried: tried(&failure),
            cached: failure.cached.as_deref().copied(),
            decision: failure.decision.as_deref().map(|decision| json!(decision)),
            missing: MissingScope::of(&failure),
        };
        let has_any = beside.cached.is_some()
            || beside.decision.is_some()
            || beside.missing.is_some()
            || !beside.tried.is_empty();
        Problem {
            status: status(&failure),
            code: failure.kind.code(),
            detail: failures::detail(&failure).into_owned(),
            source: failure.source,
            retryable: failure.retryable,
            retry_after: failure.retry_after,
            provider: failure.provider.as_deref().map(Box::from),
            field: failure.field.as_deref().map(Box::from),
            errors: Box::default(),
            in_doubt: failure.in_doubt,
            replayed: failure.replayed,
            beside: has_any.then(|| Box::new(beside)),
        }
    }
}

impl Problem {
    /// A body of more bytes than `server.max_body`.
    pub(crate) fn too_large(limit: usize) -> Self {
        let detail = format!("the body may have at most {limit} bytes (server.max_body)");
        Problem {
            field: Some(UPLOAD_FIELD.into()),
            ..Problem::fault(Fault::PayloadTooLarge, detail)
        }
    }

    /// A file of more bytes than `gateway.max_transfer_size`.
    pub(crate) fn file_too_large(limit: usize) -> Self {
        let detail =
            format!("the body, which is passed on, may have at most {limit} bytes (gateway.max_transfer_size)");
        Problem {
            field: Some(UPLOAD_FIELD.into()),
            ..Problem::fault(Fault::PayloadTooLarge, detail)
        }
    }

    /// A problem with the request as HTTP.
    pub fn fault(fault: Fault, detail: impl Into<String>) -> Self {
        Problem {
            status: fault.status(),
            code: fault.code(),
            detail: detail.into(),
            source: Source::Caller,
            retryable: false,
            retry_after: None,
            provider: None,
            field: None,
            errors: Box::default(),
            in_doubt: false,
            replayed: false,
            beside: None,
        }
    }

    /// Names each of several faults.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors.into();
        self
    }

    /// The same problem, with what was decided for its call.
    #[must_use]
    pub(crate) fn explained(mut self, decision: Option<Value>) -> Self {
        if decision.is_some() {
            self.beside.get_or_insert_default().decision = decision;
        }
        self
    }

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence for people.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The field at fault.
    pub(super) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Whether the same may be asked for again.
    pub(super) fn retryable(&self) -> bool {
        self.retryable
    }

    /// How long to wait before that.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Has a response tell those around all surfaces for want of which scope it is a refusal.
    pub(super) fn tell_missing(&self, response: &mut Response) {
        if let Some(missing) = self.beside.as_ref().and_then(|beside| beside.missing) {
            response.extensions_mut().insert(missing);
        }
    }

    /// The same problem with another status, where somebody else has answered with it.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Its JSON, for streams and responses alike.
    pub fn json(&self, id: &RequestId) -> String {
        let wire = Wire {
            r#type: format!("{}{TYPES}{}", id.mount().path(), self.code),
            title: title(self.code),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: id.text(),
            code: self.code,
            source: self.source,
            retryable: self.retryable,
            retry_after_ms: self
                .retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            provider: self.provider.as_deref(),
            field: self.field.as_deref(),
            outcome: self.in_doubt.then_some(failures::UNKNOWN),
            errors: &self.errors,
            tried: self.beside.as_ref().map_or(&[], |beside| &beside.tried),
            request_id: id.text(),
            trace_id: id.trace().map(Trace::id),
            decision: self.beside.as_ref().and_then(|beside| beside.decision.as_ref()),
        };
        serde_json::to_string(&wire).expect("texts, numbers and booleans under text keys always serialise")
    }

    /// The response.
    pub fn response(&self, id: &RequestId) -> Response {
        let mut response = (self.status, self.json(id)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        let is_explained = self.beside.as_ref().is_some_and(|beside| beside.decision.is_some());
        if let Some(link) = decisions::link(id).filter(|_| is_explained) {
            headers.insert(LINK, link);
        }
        if let Some(from) = self.beside.as_ref().and_then(|beside| beside.cached.as_ref()) {
            headers.insert(AGE, HeaderValue::from(from.age.as_secs()));
            if let Ok(status) = HeaderValue::try_from(cache_status::text(from.status, Some(from.by))) {
                headers.insert(CACHE_STATUS, status);
            }
        }
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mosaic\""));
        }
        self.tell_missing(&mut response);
        response
    }
}

/// `rate_limited` as people read it: `Rate limited`.
pub fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

/// Rounded up, since a client that comes a moment early is refused again.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_actors::error::Kind;

    #[test]
    fn a_problem_tells_what_to_do_next() {
        let failure = Failure::new(Kind::UpstreamRateLimited, "slow down")
            .by(&Arc::from("forge-a"))
            .after(Duration::from_millis(1500));
        let id = RequestId::of(&http::HeaderMap::new());
        let problem = Problem::from(failure);
        let json: serde_json::Value = serde_json::from_str(&problem.json(&id)).unwrap();
        assert_eq!(json["type"], "/docs/errors/upstream_rate_limited");
        assert_eq!(json["title"], "Upstream rate limited");
        assert_eq!(json["status"], 429);
        assert_eq!(json["retry_after_ms"], 1500);
        assert_eq!(json["provider"], "forge-a");
        assert_eq!(json["request_id"], **id.text());
        assert!(json.get("field").is_none());
        assert_eq!(problem.response(&id).headers()[RETRY_AFTER], "2");
    }
}
