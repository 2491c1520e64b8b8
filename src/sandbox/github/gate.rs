//! What GitHub checks before any route, and the headers that it puts on every answer.
//!
//! Invariant: a conditional request that is answered 304 with a valid credential costs no quota.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::place;
use super::problem::Problem;
use super::{Caller, GitHub, MAX_BODY};
use crate::sandbox::kit::credential;
use crate::sandbox::kit::quota::Standing;

/// The API versions that are spoken here.
pub(crate) const VERSIONS: &[&str] = &["2022-11-28"];
/// The largest answer: the largest file that can be written, and room.
const MAX_ANSWER: usize = 2 * MAX_BODY;

const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
const VERSION_SELECTED: HeaderName = HeaderName::from_static("x-github-api-version-selected");
const MEDIA_TYPE: HeaderName = HeaderName::from_static("x-github-media-type");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-github-request-id");

pub(crate) async fn pass(State(github): State<Arc<GitHub>>, mut request: Request, next: Next) -> Response<Body> {
    let caller = match admit(&github, &request) {
        Ok(caller) => caller,
        Err(refusal) => return github.dress(*refusal, github.standing(Caller::Anonymous)),
    };
    // Asking how much is left is free.
    let free = request.uri().path() == "/rate_limit";
    if !free && github.quota(caller).take(1, SystemTime::now()).is_err() {
        let spent = Problem::rate_limited(StatusCode::FORBIDDEN).into_answer();
        return github.dress(spent, github.standing(caller));
    }
    request = match place::found(&github, request, caller) {
        Ok(request) => request,
        Err(answer) => return github.dress(*answer, github.standing(caller)),
    };
    let media_type = media_type(request.headers());
    let readable = request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if readable && response.status() == StatusCode::OK {
        response = conditional(response, known.as_ref()).await;
        if !free && caller == Caller::User && response.status() == StatusCode::NOT_MODIFIED {
            github.quota(caller).give_back(1);
        }
    }
    response.headers_mut().insert(MEDIA_TYPE, media_type);
    github.dress(response, github.standing(caller))
}

/// Who calls, or why not.
fn admit(github: &GitHub, request: &Request) -> Result<Caller, Box<Response<Body>>> {
    let headers = request.headers();
    if headers.get(header::USER_AGENT).is_none_or(|agent| agent.is_empty()) {
        let text =
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n";
        return Err(Box::new((StatusCode::FORBIDDEN, text).into_response()));
    }
    let refuse = |problem: Problem| Err(Box::new(problem.into_answer()));
    if let Some(asked) = headers.get(API_VERSION)
        && !VERSIONS.iter().any(|version| version.as_bytes() == asked.as_bytes())
    {
        let message = format!(
            "{:?} is not a supported API version. Supported: {}",
            asked,
            VERSIONS.join(", ")
        );
        return refuse(Problem::new(StatusCode::BAD_REQUEST, message));
    }
    let path = request.uri().path();
    let open_to_all = matches!(*request.method(), Method::GET | Method::HEAD) && !path.starts_with("/user");
    match headers.get(header::AUTHORIZATION) {
        None if open_to_all => Ok(Caller::Anonymous),
        None => refuse(Problem::requires_authentication()),
        Some(value)
            if credential::token(value, &["bearer", "token"]).is_some_and(|token| github.instance.accepts(token)) =>
        {
            Ok(Caller::User)
        }
        Some(_) => refuse(Problem::bad_credentials()),
    }
}

/// How GitHub names the representation that it chose.
fn media_type(headers: &HeaderMap) -> HeaderValue {
    let forms = [
        ("raw", "github.v3; param=raw"),
        ("diff", "github.v3; param=diff"),
        ("patch", "github.v3; param=patch"),
        ("sha", "github.v3; param=sha"),
        ("object", "github.v3; param=object; format=json"),
    ];
    let form = forms.into_iter().find(|(form, _)| asks(headers, form));
    HeaderValue::from_static(form.map_or("github.v3; format=json", |(_, name)| name))
}

/// Whether a request asks for one of GitHub's own forms: `raw`, `object`, `diff`, ….
pub(crate) fn asks(headers: &HeaderMap, form: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    wants(accept.unwrap_or_default(), form)
}

/// The same of an Accept header, in any of the form's spellings.
fn wants(accept: &str, form: &str) -> bool {
    accept.split(',').any(|entry| {
        let name = entry.split(';').next().unwrap_or_default().trim();
        let name = name.strip_prefix("application/vnd.github.").unwrap_or_default();
        let name = name.strip_prefix("v3.").unwrap_or(name);
        name.strip_suffix("+json").unwrap_or(name) == form
    })
}

/// Adds the entity tag; 304 when the client holds this version.
async fn conditional(response: Response<Body>, known: Option<&HeaderValue>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let body = match to_bytes(body, MAX_ANSWER).await {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "sandbox: an answer of the sandbox itself could not be read");
            return Problem::of(StatusCode::INTERNAL_SERVER_ERROR).into_answer();
        }
    };
    let tag = format!("\"{}\"", blake3::hash(&body).to_hex());
    if let Ok(value) = HeaderValue::from_str(&format!("W/{tag}")) {
        head.headers.insert(header::ETAG, value);
    }
    head.headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=60, s-maxage=60"),
    );
    head.headers.insert(
        header::VARY,
        HeaderValue::from_static("Accept, Authorization, X-GitHub-OTP"),
    );
    let held = known.and_then(|value| value.to_str().ok()).is_some_and(|list| {
        list.split(',')
            .map(str::trim)
            .any(|entry| entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == tag)
    });
    if !held {
        return Response::from_parts(head, Body::from(body));
    }
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(header::CONTENT_TYPE);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::empty())
}

impl GitHub {
    /// Puts on what every answer of GitHub carries.
    pub(crate) fn dress(&self, mut response: Response<Body>, standing: Standing) -> Response<Body> {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.next_request_id()) {
            headers.insert(REQUEST_ID, id);
        }
        headers
            .entry(MEDIA_TYPE)
            .or_insert(HeaderValue::from_static("github.v3; format=json"));
        headers.insert(VERSION_SELECTED, HeaderValue::from_static(VERSIONS[0]));
        let mut number = |name, value: u64| headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        number("x-ratelimit-limit", standing.limit);
        number("x-ratelimit-remaining", standing.remaining());
        number("x-ratelimit-used", standing.used);
        number("x-ratelimit-reset", standing.reset_epoch_s());
        headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::wants;

    #[test]
    fn every_spelling_of_the_raw_form_is_known() {
        for accept in [
            "application/vnd.github.raw+json",
            "application/vnd.github.v3.raw",
            "text/html, application/vnd.github.raw;q=1",
        ] {
            assert!(wants(accept, "raw"), "{accept}");
        }
        for accept in ["application/vnd.github+json", "application/json", "*/*", "raw"] {
            assert!(!wants(accept, "raw"), "{accept}");
        }
    }
}
