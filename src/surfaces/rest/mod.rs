//! REST: one route for each row of the catalogue, below `/v1`.
//!
//! Invariant: no operation is named here. A request is matched, authenticated, read, dispatched and answered by the
//! same five lines whatever it asks for.

mod batch;
mod conditional;
mod described;
pub mod docs;
mod events;
mod explain;
pub mod input;
mod paging;
pub(super) mod reply;
pub mod routes;
pub mod timing;
pub(super) mod upload;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderValue, Request, StatusCode};
use mosaic_actors::call::{Caller, OperationRef};
use mosaic_actors::error::Failure;
use mosaic_actors::policy::limit::Allowance;
use serde::Serialize;
use serde_json::{Value, json};

use super::access::Unremarkable;
use super::arrival::Arrival;
use super::auth::Authenticator;
use super::bodies::Bodies;
use super::decisions::Decisions;
use super::docs::{SCRIPT, script};
use super::json_body;
use super::mount::{self, Mount};
use super::page::page;
use super::problem::{Fault, Problem};
use super::rate_limit;
use super::request_id::RequestId;
use crate::catalogue::{Entry, Method};
use crate::dispatch::{Dispatcher, Invocation, is_list};
use conditional::{Conditions, Met};
use described::{Described, Documents};
use reply::Wanted;
use routes::{Resolved, Routes};
use upload::Incoming;
pub use upload::UploadBounds;

pub use super::cache_status::CACHE_STATUS;
pub use super::problem::REPLAYED;
pub use batch::BatchBounds;
pub use events::LAST_EVENT_ID;
pub use reply::{ATTEMPTS, PROVIDER};

/// What one instance can do, for the capability matrix.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceCapabilities {
    /// The instance's name.
    pub instance: Arc<str>,
    /// The kind of provider, as written in the configuration.
    pub kind: Arc<str>,
    /// The names of the operations that it can do.
    pub operations: Vec<&'static str>,
    /// What may be passed through to it: names of operations, too, which no list has.
    pub proxy: Vec<&'static str>,
}

/// Tells what the instances that a caller may use can do.
pub type CapabilitySource = Arc<dyn Fn(&Caller) -> Vec<InstanceCapabilities> + Send + Sync>;

/// Tells whether an operation is there for a caller.
pub type Offered = Arc<dyn Fn(&Caller, OperationRef) -> bool + Send + Sync>;

/// Tells which kinds of providers can do what, as far as a caller may know of them.
pub type MatrixSource = Arc<dyn Fn(&Caller) -> Value + Send + Sync>;

/// Tells what its rate leaves a caller's tenant; `None`: it has none.
pub type Allowances = Arc<dyn Fn(&Caller) -> Option<Allowance> + Send + Sync>;

/// What the REST surface needs.
#[derive(Clone)]
pub struct RestConfig {
    /// Where requests go.
    pub dispatcher: Arc<Dispatcher>,
    /// Who may ask.
    pub authenticator: Authenticator,
    /// For `GET /v1/capabilities`.
    pub capabilities: CapabilitySource,
    /// For the same, and for `GET /v1/operations`.
    pub offered: Offered,
    /// Which kinds of providers can do which operation, of those that a caller may know of; for the same.
    pub matrix: MatrixSource,
    /// What was decided for calls, and what would be.
    pub decisions: Arc<dyn Decisions>,
    /// The most bytes of a request's body that is read whole.
    pub max_body: usize,
    /// The room for all of those.
    pub bodies: Bodies,
    /// What bounds one that is a file, and passes as it comes.
    pub uploads: UploadBounds,
    /// What its rate leaves a caller.
    pub allowance: Allowances,
    /// What bounds several operations in one request.
    pub batches: BatchBounds,
    /// After so much silence a comment is sent into a stream.
    pub heartbeat: Duration,
}

struct Rest {
    config: RestConfig,
    routes: Routes,
    operations: Bytes,
    documents: Documents,
}

/// The routes: `/v1/…` and `/docs`. The OpenAPI document and the docs are open, for they are the same in every
/// installation: whoever shows no key reads the whole, and with a key what is there for it. All else asks for a credential.
pub fn router(config: RestConfig) -> Router {
    let rest = Arc::new(Rest {
        routes: Routes::of(config.dispatcher.catalogue().iter()),
        documents: Documents::of(config.dispatcher.catalogue()),
        operations: listing(config.dispatcher.catalogue().iter()).to_string().into(),
        config,
    });
    Router::new()
        .route("/v1/openapi.json", get(openapi_document))
        .route("/v1/operations", get(operations))
        .route("/v1/capabilities", get(capabilities))
        .route("/v1/explain/{id}", get(explain::by_id))
        .route("/v1/route", post(explain::unmade))
        .route("/v1/batch", post(batch::several))
        .route("/v1/{*path}", any(operate))
        .route("/docs", get(overview))
        .route(SCRIPT, get(script))
        .route("/docs/errors/{code}", get(docs::error_code))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn(mount::note))
        .with_state(rest)
}

/// The answer to a path that no surface has; the fallback of the public listener.
pub async fn not_found(request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    let mount = id.mount().path();
    let sentence =
        format!("no route has this path; {mount}/docs shows what there is, and {mount}/v1/openapi.json describes it");
    Problem::fault(Fault::NoRoute, sentence).response(&id)
}

async fn overview(State(rest): State<Arc<Rest>>, request: Request<Body>) -> Response {
    rest.read(&request, |documents| page(documents.page.clone()))
}

pub(crate) async fn method_not_allowed(request: Request<Body>) -> Response {
    // axum adds the Allow header, which it alone knows here.
    let problem = Problem::fault(Fault::MethodNotAllowed, "this path has other methods");
    problem.response(&RequestId::given(request.extensions()))
}

async fn operate(State(rest): State<Arc<Rest>>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match rest.operate(request, &id).await {
        Ok(response) => response,
        Err(problem) => problem.response(&id),
    }
}

impl Rest {
    async fn operate(&self, request: Request<Body>, id: &RequestId) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().strip_prefix("/v1").unwrap_or_default();
        let method = match parts.method {
            // A HEAD is a GET whose body the listener leaves out.
            http::Method::GET | http::Method::HEAD => Method::Get,
            http::Method::POST => Method::Post,
            http::Method::PUT => Method::Put,
            http::Method::PATCH => Method::Patch,
            http::Method::DELETE => Method::Delete,
            ref other => return self.without_operation(other, path, id),
        };
        let found = match self.routes.resolve(method, path)? {
            Resolved::Found(found) => found,
            Resolved::OtherMethods(methods) => return Ok(refuse_method(&methods, id)),
            Resolved::Nothing => return Err(no_route()),
        };
        let entry = found.entry;
        let declaration = entry.declaration;
        let caller = self
            .config
            .authenticator
            .caller(&parts.headers, parts.uri.authority())?;
        let (mut fields, mut options) = input::from_url(entry, found.values, parts.uri.query().unwrap_or_default())?;
        input::from_headers(&parts.headers, &mut options)?;
        events::go_on(entry, &parts.headers, &mut fields)?;
        let conditions = match method {
            Method::Get => Some(Conditions::of(&parts.headers)),
            _ => Conditions::refuse(&parts.headers).map(|()| None)?,
        };
        let timed = timing::asked(&parts.headers)?;
        let arrived = Arrival::of(&parts.extensions);
        options.request_id = Some(id.text().clone());
        options.arrived = Some(arrived);
        let deadline = self
            .config
            .dispatcher
            .deadline(declaration.facts.cost, declaration.upload, &options)?;
        let mut incoming = None;
        if declaration.upload {
            incoming = Some(Incoming::of(&parts.headers, body, self.config.uploads)?);
        } else if method.has_body() {
            let RestConfig { max_body, bodies, .. } = &self.config;
            let body = json_body::object(&parts.headers, body, *max_body, bodies, &caller.tenant, deadline).await?;
            input::merge(&mut fields, body)?;
        }
        let in_url = is_list(entry) && declaration.input_in_query();
        let decisions = options.explain.then(|| self.config.decisions.clone());
        options.explain |= timed;
        let wanted = Wanted {
            id,
            arrived,
            deadline,
            head_only: parts.method == http::Method::HEAD,
            explained: decisions.as_deref(),
            timed,
            conditions,
            list: in_url.then_some(parts.uri),
            place: declaration.goes_on.map(|(_, member)| member),
            heartbeat: self.config.heartbeat,
        };
        let invocation = Invocation {
            entry,
            input: Value::Object(fields),
            caller,
            options,
            upload: incoming.as_ref().map(|incoming| incoming.upload.clone()),
        };
        Ok(self.carry(invocation, incoming, &wanted).await)
    }

    /// Carries one call to its response, be that its answer or its problem.
    async fn carry(&self, invocation: Invocation, incoming: Option<Incoming>, wanted: &Wanted<'_>) -> Response {
        let caller = invocation.caller.clone();
        let outcome = match self.config.dispatcher.invoke(invocation).await {
            Err(failure) => Err(failure),
            // The call ended with its body.
            Ok(answer) => reply::response(answer, wanted).await.map_err(|mut failure| {
                failure.settled = true;
                failure
            }),
        };
        let mut response = match outcome {
            Ok(response) => response,
            Err(failure) => failed(failure, incoming, wanted),
        };
        let allowance = (self.config.allowance)(&caller);
        let status = response.status();
        rate_limit::tell(allowance, status, response.headers_mut());
        response
    }

    /// Methods that no operation has: OPTIONS is answered from the table, all others are refused.
    fn without_operation(&self, method: &http::Method, path: &str, id: &RequestId) -> Result<Response, Problem> {
        let methods = self.routes.methods(path);
        if methods.is_empty() {
            return Err(no_route());
        }
        if method != http::Method::OPTIONS {
            return Ok(refuse_method(&methods, id));
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.headers_mut().insert(ALLOW, allow(&methods));
        Ok(response)
    }
}

/// The response of a call that failed.
fn failed(mut failure: Failure, incoming: Option<Incoming>, wanted: &Wanted<'_>) -> Response {
    let settled = failure.settled;
    let decision = failure.decision.take();
    let told = wanted.explained.zip(decision.as_deref());
    let problem = match incoming {
        Some(incoming) => incoming.refused(failure),
        None => failure.into(),
    };
    let problem = problem.explained(told.map(|(decisions, decision)| decisions.told(decision)));
    let mut response = problem.response(wanted.id);
    if wanted.timed
        && let Some(phases) = timing::header(decision.as_deref(), wanted.arrived)
    {
        response.headers_mut().insert(timing::SERVER_TIMING, phases);
    }
    match settled {
        true => Unremarkable::mark(response),
        false => response,
    }
}

fn no_route() -> Problem {
    Problem::fault(
        Fault::NoRoute,
        "no operation has this path; GET /v1/operations lists all",
    )
}

fn refuse_method(methods: &[Method], id: &RequestId) -> Response {
    let mut response = Problem::fault(Fault::MethodNotAllowed, "this path has other methods").response(id);
    response.headers_mut().insert(ALLOW, allow(methods));
    response
}

fn allow(methods: &[Method]) -> HeaderValue {
    let mut names = vec!["OPTIONS"];
    for method in methods {
        names.push(method.as_str());
        if *method == Method::Get {
            names.push("HEAD");
        }
    }
    HeaderValue::from_str(&names.join(", ")).expect("names of methods are ASCII letters")
}

async fn openapi_document(State(rest): State<Arc<Rest>>, request: Request<Body>) -> Response {
    let mount = Mount::of(request.extensions());
    rest.read(&request, |documents| documents.openapi.response(&mount))
}

async fn operations(State(rest): State<Arc<Rest>>, request: Request<Body>) -> Response {
    authenticated(&rest, &request, |caller| {
        let listing = match rest.all_are_offered(caller) {
            // However many read it, its text is in memory once.
            true => rest.operations.clone(),
            false => listing(rest.offered(caller)).to_string().into(),
        };
        ([(CONTENT_TYPE, "application/json")], listing).into_response()
    })
}

fn listing<'a>(entries: impl Iterator<Item = &'a Entry>) -> Value {
    let rows: Vec<Value> = entries.map(describe).collect();
    json!({ "operations": rows })
}

async fn capabilities(State(rest): State<Arc<Rest>>, request: Request<Body>) -> Response {
    authenticated(&rest, &request, |caller| {
        let instances = (rest.config.capabilities)(caller);
        let names: HashSet<&str> = rest.offered(caller).map(Entry::name).collect();
        let operations: serde_json::Map<String, Value> = rest
            .offered(caller)
            .map(|entry| {
                let able = instances.iter().filter(|row| row.operations.contains(&entry.name()));
                let names: Vec<&str> = able.map(|row| &*row.instance).collect();
                (entry.name().to_owned(), Value::from(names))
            })
            .collect();
        // Of an operation that this caller cannot use, nobody's ability is its matter.
        let whole = (rest.config.matrix)(caller);
        let rows = whole.as_array().into_iter().flatten();
        let is_offered = |row: &&Value| row["name"].as_str().is_some_and(|name| names.contains(name));
        let matrix: Vec<&Value> = rows.filter(is_offered).collect();
        axum::Json(json!({ "instances": instances, "operations": operations, "matrix": matrix })).into_response()
    })
}

impl Rest {
    /// The operations that are there for a caller.
    fn offered(&self, caller: &Caller) -> impl Iterator<Item = &'static Entry> {
        let catalogue = self.config.dispatcher.catalogue();
        let is_there = |entry: &&Entry| {
            let number = catalogue.number(entry.name());
            number.is_some_and(|operation| (self.config.offered)(caller, operation))
        };
        catalogue.iter().filter(is_there)
    }

    /// An answer of the documents that there are for whoever asks.
    fn read(&self, request: &Request<Body>, answer: impl FnOnce(&Described) -> Response) -> Response {
        let reader = self
            .config
            .authenticator
            .reader(request.headers(), request.uri().authority());
        let described = match reader {
            Err(failure) => return Problem::from(failure).response(&RequestId::given(request.extensions())),
            Ok(Some(caller)) if !self.all_are_offered(&caller) => self.documents.some(self.offered(&caller)),
            Ok(_) => self.documents.whole.clone(),
        };
        let tag = described.tag(&Mount::of(request.extensions()));
        let mut response = match Conditions::of(request.headers()).met(&tag) {
            Err(failure) => return Problem::from(failure).response(&RequestId::given(request.extensions())),
            Ok(Met::Unchanged) => StatusCode::NOT_MODIFIED.into_response(),
            Ok(Met::Yes) => answer(&described),
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, tag);
        headers.insert(VARY, HeaderValue::from_static("authorization, x-api-key"));
        response
    }

    fn all_are_offered(&self, caller: &Caller) -> bool {
        self.offered(caller).count() == self.config.dispatcher.catalogue().iter().count()
    }
}

fn authenticated(rest: &Rest, request: &Request<Body>, answer: impl FnOnce(&Caller) -> Response) -> Response {
    let target = request.uri().authority();
    match rest.config.authenticator.caller(request.headers(), target) {
        Ok(caller) => ([(CACHE_CONTROL, reply::PERSONAL)], answer(&caller)).into_response(),
        Err(failure) => Problem::from(failure).response(&RequestId::given(request.extensions())),
    }
}

fn describe(entry: &Entry) -> Value {
    let declaration = entry.declaration;
    let facts = &declaration.facts;
    json!({
        "name": facts.name,
        "service": facts.service,
        "summary": declaration.summary,
        "method": declaration.method.as_str(),
        "path": format!("/v1{}", declaration.path),
        "safe": facts.safe,
        "idempotent": facts.idempotent,
        "destructive": facts.destructive,
        "paid": facts.paid,
        "streaming": facts.streaming,
        "bytes": declaration.bytes,
        "upload": declaration.upload,
        "cost": facts.cost,
        "fresh_secs": facts.cache.map(|cache| cache.fresh.as_secs()),
    })
}
