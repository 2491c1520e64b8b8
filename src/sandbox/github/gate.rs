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
use jiff::Timestamp;

use super::place;
use super::problem::Problem;
use super::version::{VERSIONS, Version};
use super::{Caller, GitHub, MAX_BODY, apps};
use crate::sandbox::kit::credential;
use crate::sandbox::kit::quota::Standing;

/// The largest answer: the largest file that can be written, and room.
const MAX_ANSWER: usize = 2 * MAX_BODY;

const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
const VERSION_SELECTED: HeaderName = HeaderName::from_static("x-github-api-version-selected");
const MEDIA_TYPE: HeaderName = HeaderName::from_static("x-github-media-type");
/// The representation that is usual.
const PLAIN: HeaderValue = HeaderValue::from_static("github.v3; format=json");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-github-request-id");

/// Where is searched.
const SEARCH: &str = "/search/";

pub(crate) async fn pass(State(github): State<Arc<GitHub>>, request: Request, next: Next) -> Response<Body> {
    if !request.uri().path().starts_with(SEARCH) {
        return admitted(&github, request, next).await;
    }
    // What a search costs is counted apart, and so it is told.
    let now = SystemTime::now();
    let spent = github.search_quota.take(1, now).is_err();
    let response = match spent {
        true => Problem::rate_limited(StatusCode::FORBIDDEN).into_answer(),
        false => admitted(&github, request, next).await,
    };
    let mut response = github.dress(response, Version::USUAL, github.search_quota.standing(now));
    response
        .headers_mut()
        .insert("x-ratelimit-resource", HeaderValue::from_static("search"));
    response
}

async fn admitted(github: &Arc<GitHub>, mut request: Request, next: Next) -> Response<Body> {
    let version = match spoken(&request) {
        Ok(version) => version,
        Err(problem) => {
            let standing = github.standing(Caller::Anonymous);
            return github.dress(problem.into_answer(), Version::USUAL, standing);
        }
    };
    let caller = match admit(github, &request) {
        Ok(caller) => caller,
        Err(refusal) => return github.dress(*refusal, version, github.standing(Caller::Anonymous)),
    };
    // Asking how much is left is free.
    let path = request.uri().path();
    let free = path == "/rate_limit" || path.starts_with(SEARCH);
    if !free && github.quota(caller).take(1, SystemTime::now()).is_err() {
        let spent = Problem::rate_limited(StatusCode::FORBIDDEN).into_answer();
        return github.dress(spent, version, github.standing(caller));
    }
    request = match place::found(github, request, caller) {
        Ok(request) => request,
        Err(answer) => return github.dress(*answer, version, github.standing(caller)),
    };
    if let Err(problem) = apps::check(github, caller, request.method(), request.uri().path()) {
        return github.dress(problem.into_answer(), version, github.standing(caller));
    }
    let response = answer(github, request, caller, version, next).await;
    if !free && caller != Caller::Anonymous && response.status() == StatusCode::NOT_MODIFIED {
        github.quota(caller).give_back(1);
    }
    github.dress(response, version, github.standing(caller))
}

/// What the route answers, in the asked version; a push that it made starts what listens to it.
async fn answer(github: &GitHub, mut request: Request, caller: Caller, version: Version, next: Next) -> Response<Body> {
    let media_type = media_type(request.headers());
    let readable = request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let path = request.uri().path().to_owned();
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(version);
    let mut response = next.run(request).await;
    if !readable && response.status().is_success() {
        let state = github.state();
        github.ci().follow(&state, Timestamp::now());
    }
    if version.is_later() {
        response = cut(response, version, &path).await;
    }
    if readable && response.status() == StatusCode::OK {
        response = conditional(response, known.as_ref()).await;
    }
    response.headers_mut().insert(MEDIA_TYPE, media_type);
    response
}

/// The version that a request asks for, or the refusal of one that is not spoken.
fn spoken(request: &Request) -> Result<Version, Problem> {
    let Some(asked) = request.headers().get(API_VERSION) else {
        return Ok(Version::USUAL);
    };
    Version::asked(asked).ok_or_else(|| {
        let known = VERSIONS.join(", ");
        let message = format!("{asked:?} is not a supported API version. Supported: {known}");
        Problem::new(StatusCode::BAD_REQUEST, message)
    })
}

/// Who calls, or why not.
fn admit(github: &GitHub, request: &Request) -> Result<Caller, Box<Response<Body>>> {
    let headers = request.headers();
    if headers.get(header::USER_AGENT).is_none_or(|agent| agent.is_empty()) {
        let text =
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n";
        return Err(Box::new((StatusCode::FORBIDDEN, text).into_response()));
    }
    let path = request.uri().path();
    let for_app = apps::is_for_the_app(path);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let open_to_all = reads && !for_app && !path.starts_with("/user") && !path.starts_with("/installation");
    let caller = match headers.get(header::AUTHORIZATION) {
        None if open_to_all => Ok(Caller::Anonymous),
        None => Err(Problem::requires_authentication()),
        Some(value) => known(github, value, for_app),
    };
    caller.map_err(|problem| Box::new(problem.into_answer()))
}

/// Whose credential this is.
fn known(github: &GitHub, value: &HeaderValue, for_app: bool) -> Result<Caller, Problem> {
    let token = credential::token(value, &["bearer", "token"]).ok_or_else(Problem::bad_credentials)?;
    if for_app || apps::jwt::is_one(token) {
        apps::jwt::check(token, Timestamp::now())?;
        return match for_app {
            true => Ok(Caller::App),
            false => Err(Problem::bad_credentials()),
        };
    }
    if github.instance.accepts(token) {
        return Ok(Caller::User);
    }
    let number = github.apps().spend(token);
    number.map(Caller::Installation).ok_or_else(Problem::bad_credentials)
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

/// An answer without what its version leaves out.
async fn cut(response: Response<Body>, version: Version, path: &str) -> Response<Body> {
    let json = response.headers().get(header::CONTENT_TYPE);
    let json = json.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !json {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = match to_bytes(body, MAX_ANSWER).await {
        Ok(body) => body,
        Err(error) => return unreadable(&error),
    };
    head.headers.remove(header::CONTENT_LENGTH);
    let body = match serde_json::from_slice(&body) {
        Ok(answer) => version.cut(path, answer).to_string().into(),
        // A file that is served as it is.
        Err(_) => body,
    };
    Response::from_parts(head, Body::from(body))
}

fn unreadable(error: &axum::Error) -> Response<Body> {
    tracing::error!(%error, "sandbox: an answer of the sandbox itself could not be read");
    Problem::of(StatusCode::INTERNAL_SERVER_ERROR).into_answer()
}

/// Adds the entity tag; 304 when the client holds this version.
async fn conditional(response: Response<Body>, known: Option<&HeaderValue>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let body = match to_bytes(body, MAX_ANSWER).await {
        Ok(body) => body,
        Err(error) => return unreadable(&error),
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
    pub(crate) fn dress(&self, mut response: Response<Body>, version: Version, standing: Standing) -> Response<Body> {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.next_request_id()) {
            headers.insert(REQUEST_ID, id);
        }
        headers.entry(MEDIA_TYPE).or_insert(PLAIN);
        headers.insert(VERSION_SELECTED, HeaderValue::from_static(version.name()));
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
