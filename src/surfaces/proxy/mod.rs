//! Pass-through: `/proxy/INSTANCE/…` is that instance's own API, for who speaks it already: an official SDK with another
//! base URL and a key of ours.
//!
//! Invariant: what comes in is a call like any other, and what goes on of its request is neither our caller's credential nor
//! anything that is about our connection; its path leads nowhere but below the instance's base.
//!
//! The answer is the provider's own, status, headers and body, also where it refuses; what the gateway itself refuses is a
//! problem as everywhere.

mod body;
mod headers;
mod key;
mod path;
mod personal;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, LINK, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use mosaic_actors::call::{Answer, Body as AnswerBody, Head, Operation};
use mosaic_actors::error::{Failure, Kind};

use super::access::Unremarkable;
use super::arrival::Arrival;
use super::auth::Authenticator;
use super::bodies::Bodies;
use super::decisions;
use super::mount::{self, Mount};
use super::origin::PublicOrigin;
use super::problem::{Fault, Problem};
use super::request_id::RequestId;
use super::rest::input;
use super::rest::reply::{ATTEMPTS, PERSONAL, PROVIDER, cut};
use super::rest::upload::{Incoming, UploadBounds};
use crate::catalogue::proxy::{AnswerHead, Asked, OwnRefusal};
use crate::dispatch::{Dispatcher, Options, Passage};
use body::Brought;
use path::Target;

/// What a request to an instance is, by its method and its path below that instance. It knows no caller: what somebody may
/// not do is no other thing for that, and is refused as what it is.
pub type OperationOf = Arc<dyn Fn(&str, &Method, &str) -> &'static Operation + Send + Sync>;

/// What passing through needs.
#[derive(Clone)]
pub struct ProxyConfig {
    /// Where requests go.
    pub dispatcher: Arc<Dispatcher>,
    /// What they are.
    pub operation: OperationOf,
    /// Who may ask.
    pub authenticator: Authenticator,
    /// What bounds a request's body, which passes as it comes.
    pub uploads: UploadBounds,
    /// The room for short ones, which come whole first.
    pub bodies: Bodies,
    /// Where callers find us.
    pub origin: PublicOrigin,
}

/// The route, to stand beside the others of the public listener.
pub fn router(config: ProxyConfig) -> Router {
    Router::new()
        .route("/proxy/{*path}", any(pass))
        .layer(from_fn(mount::note))
        .with_state(Arc::new(config))
}

async fn pass(State(proxy): State<Arc<ProxyConfig>>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match proxy.pass(request, &id).await {
        Ok(response) => response,
        Err(problem) => problem.response(&id),
    }
}

impl ProxyConfig {
    async fn pass(&self, request: Request<Body>, id: &RequestId) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Ok(never_passed(id));
        }
        let key = key::presented(&parts.headers).map_err(|failure| self.authenticator.explained(failure))?;
        if let Some(key) = &key {
            self.authenticator.prepare(key).await;
        }
        let caller = self
            .authenticator
            .admit(key.as_deref(), &parts.headers, parts.uri.authority())?;
        let Target { instance, rest } = path::target(parts.uri.path())?;
        headers::check_upgrade(&parts.headers)?;
        let operation = (self.operation)(instance, &parts.method, rest);
        let mut options = Options {
            request_id: Some(id.text().clone()),
            arrived: Some(Arrival::of(&parts.extensions)),
            ..Options::default()
        };
        input::passed(&parts.headers, &mut options)?;
        let explains = options.explain;
        let deadline = self.dispatcher.deadline(operation.cost, false, &options)?;
        let (room, tenant) = (&self.bodies, &caller.tenant);
        let brought = body::of(&parts.headers, body, self.uploads, room, tenant, deadline).await?;
        let (body, incoming) = match brought {
            Brought::Whole(bytes) => (bytes, None),
            Brought::Streamed(incoming) => (Bytes::new(), Some(incoming)),
        };
        let asked = Asked {
            method: parts.method.clone(),
            path: rest.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: headers::going_on(&parts.headers, operation.safe || operation.paid),
            body,
            length: incoming.as_ref().and_then(|incoming| incoming.upload.length),
            ours: self.ours(&parts, instance),
        };
        let answered = self.dispatcher.pass(Passage {
            operation,
            instance: instance.to_owned(),
            asked,
            upload: incoming.as_ref().map(|incoming| incoming.upload.clone()),
            caller,
            options,
        });
        let mut response = match answered.await {
            Ok(answer) => answered_with(answer),
            Err(failure) => refused_with(failure, incoming.as_ref(), id)?,
        };
        // Beside those of the provider's own: whoever follows these looks for other relations.
        if let Some(link) = decisions::link(id).filter(|_| explains) {
            response.headers_mut().append(LINK, link);
        }
        if parts.method == Method::HEAD {
            // One that does not tell its length: that is the answer's to a GET, and stands in its head where it is known.
            *response.body_mut() = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
        }
        Ok(response)
    }

    /// Where the caller finds an instance's base.
    fn ours(&self, parts: &http::request::Parts, instance: &str) -> String {
        let place = self
            .origin
            .seen_by(&parts.headers, parts.uri.authority())
            .unwrap_or_default();
        format!("{place}{}/proxy/{instance}", Mount::of(&parts.extensions).path())
    }
}

/// Of methods that speak to whoever is in between, and not to an API.
fn never_passed(id: &RequestId) -> Response {
    let problem = Problem::fault(Fault::MethodNotAllowed, "this method is not passed through");
    let mut response = problem.response(id);
    let allow = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    response.headers_mut().insert(ALLOW, allow);
    response
}

fn answered_with(answer: Answer) -> Response {
    let Answer { head, body, value } = answer;
    let Some(own) = value.and_then(|value| value.0.downcast::<AnswerHead>().ok()) else {
        // No driver gives one.
        let failure = Failure::new(Kind::Internal, "the answer has no head");
        return Problem::from(failure)
            .with_status(StatusCode::BAD_GATEWAY)
            .response(&RequestId::given(&http::Extensions::new()));
    };
    let own = Arc::unwrap_or_clone(own);
    let body = match body {
        AnswerBody::Bytes(bytes) => Body::from(bytes),
        AnswerBody::Raw(stream) => Body::from_stream(stream.bytes.or_else(cut)),
        AnswerBody::Stream(_) => Body::empty(),
    };
    let mut response = respond(own, body);
    describe(&head, response.headers_mut());
    Unremarkable::mark(response)
}

/// A refusal of the provider's in its own words; one of ours as a problem.
fn refused_with(failure: Failure, incoming: Option<&Incoming>, id: &RequestId) -> Result<Response, Problem> {
    let settled = failure.settled;
    let own = OwnRefusal::of(&failure).map(|refusal| (refusal.head.clone(), refusal.body.clone()));
    let response = match own {
        Some((head, Some(body))) => {
            let mut response = respond(head, Body::from(body));
            name_provider(failure.provider.as_deref(), response.headers_mut());
            response
        }
        // Its status alone is whole.
        Some((head, None)) => {
            let provider = failure.provider.clone();
            let mut response = Problem::from(failure).with_status(head.status).response(id);
            name_provider(provider.as_deref(), response.headers_mut());
            response
        }
        None => {
            let problem = match incoming {
                Some(incoming) => incoming.refused(failure),
                None => failure.into(),
            };
            if !settled {
                return Err(problem);
            }
            problem.response(id)
        }
    };
    Ok(Unremarkable::mark(response))
}

fn respond(own: AnswerHead, body: Body) -> Response {
    let AnswerHead { status, headers } = own;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let headers = response.headers_mut();
    if status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_LENGTH);
    }
    // They are a provider's, and no page of ours; and who they are for, our caller's key decides and not theirs.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    if !personal::is(headers) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(PERSONAL));
    }
    response
}

fn describe(head: &Head, headers: &mut HeaderMap) {
    headers.insert(ATTEMPTS, HeaderValue::from(head.attempts));
    name_provider(Some(&head.provider), headers);
}

fn name_provider(provider: Option<&str>, headers: &mut HeaderMap) {
    if let Some(name) = provider.and_then(|name| HeaderValue::from_str(name).ok()) {
        headers.insert(PROVIDER, name);
    }
}
