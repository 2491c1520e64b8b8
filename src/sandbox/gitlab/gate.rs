//! What GitLab checks before any route, and the headers that it puts on every answer.
//!
//! Invariant: a request that is answered 304 costs quota like any other, because the throttle stands before the application.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::caller::Caller;
use super::problem::Problem;
use super::tokens::Place;
use super::{BASE, GitLab, MAX_BODY, WINDOW};
use crate::sandbox::kit::credential;
use crate::sandbox::kit::query::Params;
use crate::sandbox::kit::quota::Standing;

/// The largest answer: the largest file that can be written, and room.
const MAX_ANSWER: usize = 2 * MAX_BODY;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const NAME: HeaderName = HeaderName::from_static("ratelimit-name");
const OBSERVED: HeaderName = HeaderName::from_static("ratelimit-observed");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const RESET_TIME: HeaderName = HeaderName::from_static("ratelimit-resettime");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const META: HeaderName = HeaderName::from_static("x-gitlab-meta");

pub(crate) async fn pass(State(gitlab): State<Arc<GitLab>>, mut request: Request, next: Next) -> Response<Body> {
    let admitted = admit(&gitlab, &request);
    let caller = *admitted.as_ref().unwrap_or(&Caller::Anonymous);
    if gitlab.quota(caller).take(1, SystemTime::now()).is_err() {
        let standing = gitlab.quota(caller).standing(SystemTime::now());
        return gitlab.throttled(caller, standing);
    }
    if let Some(problem) = admitted.err().or_else(|| barred(&request, caller)) {
        return gitlab.dress(problem.into_answer(), caller);
    }
    let readable = request.method() == Method::GET && request.uri().path().starts_with(BASE);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if readable && response.status() == StatusCode::OK {
        response = conditional(response, known.as_ref()).await;
    }
    gitlab.dress(response, caller)
}

/// Who calls, or why not. A job's token outside of what a job may do is no token at all.
fn admit(gitlab: &GitLab, request: &Request) -> Result<Caller, Problem> {
    // The OAuth endpoint reads its credentials from the body, and says itself whose token it is shown.
    if !request.uri().path().starts_with(BASE) {
        return Ok(Caller::Anonymous);
    }
    let headers = request.headers();
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let params = Params::of(request.uri());
    let query = |name: &str| params.get(name).map(str::to_owned);
    let private = header("private-token").or_else(|| query("private_token"));
    let job = header("job-token").or_else(|| query("job_token"));
    let bearer = headers.get(header::AUTHORIZATION);
    let bearer = bearer.map(|value| credential::token(value, &["bearer"]).unwrap_or_default().to_owned());
    let bearer = bearer.or_else(|| query("access_token"));
    let offered = [(Place::Private, private), (Place::Bearer, bearer), (Place::Job, job)];
    let offered = offered.into_iter().find_map(|(place, token)| Some((place, token?)));
    let Some((place, token)) = offered else {
        return Ok(Caller::Anonymous);
    };
    let caller = gitlab.tokens().admit(&gitlab.instance, place, &token)?;
    match caller {
        Caller::Job if !open_to_jobs(request) => Ok(Caller::Anonymous),
        caller => Ok(caller),
    }
}

/// What a job may do here: read and make releases.
fn open_to_jobs(request: &Request) -> bool {
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    matches!(parts.as_slice(), ["projects", _, "releases", ..])
}

/// Why this caller cannot send this request, whatever is there.
fn barred(request: &Request, caller: Caller) -> Option<Problem> {
    let path = request.uri().path();
    if !path.starts_with(BASE) {
        return None;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let own = [
        "/user",
        "/personal_access_tokens",
        "/namespaces",
        "/version",
        "/metadata",
        "/merge_requests",
    ];
    let rest = &path[BASE.len()..];
    let own = own
        .iter()
        .any(|own| rest == *own || rest.starts_with(&format!("{own}/")));
    match caller {
        Caller::Anonymous if !reads || own => Some(Problem::unauthorized()),
        Caller::Reader if !reads => Some(Problem::insufficient_scope()),
        _ => None,
    }
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
    let hash = blake3::hash(&body).to_hex();
    let tag = format!("W/\"{}\"", &hash[..32]);
    let same = known.is_some_and(|known| known.as_bytes() == tag.as_bytes());
    if let Ok(value) = HeaderValue::from_str(&tag) {
        head.headers.insert(header::ETAG, value);
    }
    head.headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("max-age=0, private, must-revalidate"),
    );
    if same {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(head, Body::empty());
    }
    Response::from_parts(head, Body::from(body))
}

impl GitLab {
    /// Adds the headers that are on every answer.
    pub(crate) fn dress(&self, response: Response<Body>, caller: Caller) -> Response<Body> {
        let standing = self.quota(caller).standing(SystemTime::now());
        self.measured(response, caller, standing)
    }

    /// What the throttle answers: plain text, and when to come back.
    pub(crate) fn throttled(&self, caller: Caller, standing: Standing) -> Response<Body> {
        let response = (StatusCode::TOO_MANY_REQUESTS, "Retry later\n").into_response();
        let mut response = self.measured(response, caller, standing);
        let wait = standing.wait(SystemTime::now());
        let wait = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        let at = jiff::Timestamp::from_second(standing.reset_epoch_s().cast_signed()).unwrap_or_default();
        let at = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(at) = HeaderValue::from_str(&at) {
            response.headers_mut().insert(RESET_TIME, at);
        }
        response
    }

    fn measured(&self, mut response: Response<Body>, caller: Caller, standing: Standing) -> Response<Body> {
        let id = self.next_request_id();
        let meta = format!("{{\"correlation_id\":\"{id}\",\"version\":\"1\"}}");
        let name = match caller {
            Caller::Anonymous => "throttle_unauthenticated_api",
            Caller::User | Caller::Reader | Caller::Job => "throttle_authenticated_api",
        };
        let headers = response.headers_mut();
        // What is told is told per minute, whatever the window.
        let per_minute = standing.limit.saturating_mul(60) / WINDOW.as_secs();
        headers.insert(LIMIT, HeaderValue::from(per_minute));
        headers.insert(NAME, HeaderValue::from_static(name));
        headers.insert(OBSERVED, HeaderValue::from(standing.used));
        headers.insert(REMAINING, HeaderValue::from(standing.remaining()));
        headers.insert(RESET, HeaderValue::from(standing.reset_epoch_s()));
        for (name, value) in [(REQUEST_ID, id), (META, meta)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        response
    }
}
