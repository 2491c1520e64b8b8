//! A request of a dialect on its way to an answer or a refusal, either in the dialect's own form.
//!
//! Invariant: whatever is refused on the way, before a call or by it, is told in that form, with the request's id.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use mosaic_actors::error::{Failure, Kind};

use super::super::access::Unremarkable;
use super::super::problem::{Fault, Problem};
use super::super::request_id::{self, RequestId};
use super::desk::{DialectConfig, Visit};
use super::fields::must;
use super::head::DECISION;
use super::refused::{Refused, renamed};
use super::retry::advise;

/// Where there is what a dialect does not take.
const ELSEWHERE: &str = "what is not taken here can be asked of a provider itself, below /proxy/INSTANCE";

/// What each dialect says in its own way.
pub trait Dialect: 'static {
    /// Where the fields stand in a neutral input that only this dialect has.
    const OWN: &'static str;
    /// The kind of the instances whose vendor has made it.
    const VENDOR: &'static str;
    /// What its clients take as their base URL, behind the place of the gateway.
    const BASE: &'static str;

    /// The status and the JSON of a refusal.
    fn told(problem: &Problem, id: &RequestId) -> (StatusCode, Vec<u8>);

    /// Adds what its clients look for in every head.
    fn mark(_headers: &mut HeaderMap, _id: &RequestId) {}
}

/// One request, of which nothing but the head was looked at.
pub struct Asking {
    /// Who asks, and what he says beside it.
    pub visit: Visit,
    /// The head.
    pub parts: Parts,
    /// What comes behind it.
    pub body: Body,
}

impl Asking {
    /// The part of the path that has a name in the route.
    ///
    /// # Errors
    /// `invalid_input` where it is no text.
    pub async fn named(&mut self) -> Result<String, Failure> {
        let read = Path::<String>::from_request_parts(&mut self.parts, &()).await;
        read.map(|Path(text)| text).map_err(|_| must("path", "be UTF-8"))
    }
}

/// The handler of a route: its answers and refusals are those of `D`.
pub fn served<D: Dialect, F>(
    answer: impl Fn(Asking) -> F + Clone + Send + Sync + 'static,
) -> impl Fn(State<Arc<DialectConfig>>, Request<Body>) -> BoxFuture<'static, Response> + Clone + Send + Sync + 'static
where
    F: Future<Output = Result<Response, Refused>> + Send + 'static,
{
    move |State(config): State<Arc<DialectConfig>>, request: Request<Body>| {
        let answer = answer.clone();
        Box::pin(async move {
            let id = RequestId::given(request.extensions());
            let (parts, body) = request.into_parts();
            let answered = match Visit::of(&config, D::VENDOR, &parts, id.clone()) {
                Ok(visit) => answer(Asking { visit, parts, body }).await,
                Err(refused) => Err(refused),
            };
            match answered {
                Ok(mut response) => {
                    D::mark(response.headers_mut(), &id);
                    response
                }
                Err(refused) => refuse::<D>(&refused, &id),
            }
        })
    }
}

/// A refusal.
pub fn refuse<D: Dialect>(refused: &Refused, id: &RequestId) -> Response {
    let (status, json) = D::told(&refused.problem, id);
    let mut response = (status, json).into_response();
    refused.problem.tell_missing(&mut response);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(request_id::HEADER, id.header());
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mosaic\""));
    }
    advise(&refused.problem, headers);
    D::mark(headers, id);
    if !refused.settled {
        return response;
    }
    headers.insert(DECISION, id.header());
    Unremarkable::mark(response)
}

/// The handler of paths below the dialect's that there are not.
pub async fn unknown<D: Dialect>(request: Request<Body>) -> Response {
    // Clients put it before each path by themselves.
    let hint = match request.uri().path().contains("/v1/v1") {
        true => format!(
            "/v1 stands in it twice, and the base URL of these clients ends in {}",
            D::BASE
        ),
        false => ELSEWHERE.to_owned(),
    };
    let sentence = format!("there is nothing at this path of the API here; {hint}");
    let problem = Problem::fault(Fault::NoRoute, sentence);
    refuse::<D>(&problem.into(), &RequestId::given(request.extensions()))
}

/// The handler of other methods of its paths.
pub async fn other_method<D: Dialect>(request: Request<Body>) -> Response {
    let sentence = format!("this path has other methods; {ELSEWHERE}");
    let problem = Problem::fault(Fault::MethodNotAllowed, sentence);
    refuse::<D>(&problem.into(), &RequestId::given(request.extensions()))
}

/// A failure of a call that is about a model, its fields named as the dialect names them.
pub fn of_model<D: Dialect>(mut failure: Failure, rename: impl FnOnce(&str) -> Option<String>) -> Failure {
    if failure.kind == Kind::NotFound && failure.field.is_none() {
        failure.field = Some("model".into());
    }
    renamed(failure, |field| match field.strip_prefix(D::OWN) {
        Some(own) => Some(own.to_owned()),
        None => rename(field),
    })
}
