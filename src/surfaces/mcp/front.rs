//! `/mcp` of the public listener: who may come in, and with what.
//!
//! Invariant: nothing gets to the SDK before its origin, its key, its session and the shape of its message are sound.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use mosaic_actors::call::{Caller, CostClass};
use mosaic_actors::error::{Failure, Kind};
use rmcp::ErrorData;
use rmcp::model::{ClientJsonRpcMessage, JsonRpcError, RequestId as MessageId};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::super::arrival::Arrival;
use super::super::auth::Authenticator;
use super::super::bodies::Bodies;
use super::super::hosts::{self, Hosts};
use super::super::mount;
use super::super::problem::{Fault, Problem};
use super::super::request_id::RequestId;
use super::super::strict::{self, Refused};
use super::ground::{Ground, Offer};
use super::handler::Handler;
use super::sessions::{Place, Sessions};
use super::toolsets::Toolsets;
use super::visit::Visitor;
use crate::dispatch::Options;
use crate::leisure::at_leisure;

/// Where it is.
const PATH: &str = "/mcp";
/// Names a session.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// What the front needs beside the offer.
pub(crate) struct FrontConfig {
    /// What there is.
    pub(crate) offer: Offer,
    /// Who may come.
    pub(crate) authenticator: Authenticator,
    /// By which names the listener is called, where that is known.
    pub(crate) hosts: Option<Hosts>,
    /// Origins of web pages that may ask, beside the listener's own.
    pub(crate) origins: Vec<String>,
    /// The room for messages while they come.
    pub(crate) bodies: Bodies,
    /// The most bytes of one.
    pub(crate) max_body: usize,
    /// The most sessions.
    pub(crate) max_sessions: usize,
    /// How long one may be silent.
    pub(crate) session_idle: Duration,
    /// Cancelled when the listener is about to end: who only listens is told so.
    pub(crate) ending: CancellationToken,
    /// Cancelled when the calls are over: no session outlives it.
    pub(crate) ended: CancellationToken,
}

struct Front {
    config: FrontConfig,
    ground: Arc<Ground>,
    sessions: Arc<Sessions>,
    service: StreamableHttpService<Handler, Sessions>,
}

/// The route.
pub(crate) fn router(config: FrontConfig) -> Router {
    let ground = Arc::new(Ground::of(config.offer.clone()));
    let sessions = Arc::new(Sessions::new(config.max_sessions, config.session_idle));
    let settings = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .with_max_request_body_bytes(config.max_body)
        .with_cancellation_token(config.ended.clone())
        // Both are looked at before, by what the listener is called.
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let handler = Handler::new(ground.clone(), None);
    let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions.clone(), settings);
    let front = Front {
        config,
        ground,
        sessions,
        service,
    };
    Router::new()
        .route(PATH, any(answer))
        .layer(from_fn(mount::note))
        .with_state(Arc::new(front))
}

async fn answer(State(front): State<Arc<Front>>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match front.answer(request).await {
        Ok(response) => response,
        Err(Refusal::Request(problem)) => problem.response(&id),
        Err(Refusal::Message(id, error)) => refused(id, *error),
    }
}

/// Why a request goes no further.
enum Refusal {
    /// It is not let in.
    Request(Problem),
    /// Its message is none.
    Message(Option<MessageId>, Box<ErrorData>),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Request(problem)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::Request(failure.into())
    }
}

impl Front {
    async fn answer(&self, request: Request<Body>) -> Result<Response, Refusal> {
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.authority();
        if !self.is_of_ours(&parts.headers, target) {
            let sentence = "a web page of this origin may not ask: list it in mcp.origins";
            return Err(Failure::new(Kind::Forbidden, sentence).never_sent().into());
        }
        let caller = self.config.authenticator.caller(&parts.headers, target)?;
        let query = parts.uri.query().unwrap_or_default();
        let asked = Toolsets::asked(query, &parts.headers, self.ground.catalogue())?;
        self.check_session(&parts.headers, &caller)?;
        let (message, place) = match parts.method {
            Method::POST => self.message(body, &caller, &parts).await?,
            _ => (Bytes::new(), None),
        };
        parts.extensions.insert(Visitor {
            caller,
            toolsets: asked.unwrap_or_else(|| self.ground.usual()),
        });
        // The key has done its work: nobody further on needs it.
        parts.headers.remove(http::header::AUTHORIZATION);
        parts.headers.remove(super::super::auth::API_KEY);
        let listens = parts.method == Method::GET;
        let request = Request::from_parts(parts, Full::new(message));
        let response = Sessions::opened_in(place, self.service.handle(request)).await;
        let mut response = told(response.map(Body::new)).await?;
        if listens {
            let ending = self.config.ending.clone().cancelled_owned();
            response = response.map(|body| Body::from_stream(body.into_data_stream().take_until(ending)));
        }
        let private = HeaderValue::from_static("no-store");
        response.headers_mut().entry(CACHE_CONTROL).or_insert(private);
        Ok(response)
    }

    /// Whether a browser asks for a page that may. All else names no origin.
    fn is_of_ours(&self, headers: &HeaderMap, target: Option<&Authority>) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        let Some(origin) = origin.to_str().ok().filter(|_| origins.next().is_none()) else {
            return false;
        };
        if self
            .config
            .origins
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(origin))
        {
            return true;
        }
        let Some((_, host)) = origin.split_once("://") else {
            return false;
        };
        // By a name that is none of the listener's a page may have let itself resolve to it.
        let is_called_so = self
            .config
            .hosts
            .as_ref()
            .is_none_or(|hosts| hosts.check(headers, target).is_ok());
        let named = hosts::named(headers, target);
        is_called_so && named.is_some_and(|named| named.as_str().eq_ignore_ascii_case(host))
    }

    /// Another's session is as unknown as one that never was.
    fn check_session(&self, headers: &HeaderMap, caller: &Caller) -> Result<(), Failure> {
        let Some(id) = headers.get(SESSION) else { return Ok(()) };
        let is_strange = id.to_str().map_or(true, |id| self.sessions.is_strange(id, caller));
        match is_strange {
            true => Err(Failure::new(Kind::NotFound, "there is no such session: initialize a new one").never_sent()),
            false => Ok(()),
        }
    }

    /// Reads the message, and looks at what it is; with the place of the session that it opens.
    async fn message(
        &self,
        body: Body,
        caller: &Caller,
        parts: &http::request::Parts,
    ) -> Result<(Bytes, Option<Place>), Refusal> {
        let arrived = Options {
            arrived: Some(Arrival::of(&parts.extensions)),
            ..Options::default()
        };
        let deadline = self
            .ground
            .offer
            .dispatcher
            .deadline(CostClass::Read, false, &arrived)?;
        let FrontConfig { bodies, max_body, .. } = &self.config;
        let whole = bodies.read(&caller.tenant, body, *max_body, deadline).await?;
        let looked = at_leisure(whole.bytes().len(), || look(whole.bytes()));
        let opens = looked.map_err(|(id, error)| Refusal::Message(id, error))?;
        let place = match opens {
            true => Some(self.sessions.reserve(caller)?),
            false => None,
        };
        Ok((whole.into_bytes(), place))
    }
}

/// Looks at what a message is, and whether it opens a session.
///
/// # Errors
/// The protocol's error, and the message's id where it has one.
fn look(bytes: &[u8]) -> Result<bool, (Option<MessageId>, Box<ErrorData>)> {
    let value = strict::parse(bytes).map_err(|refused| (None, unread(refused)))?;
    let id = value.get("id").and_then(|id| serde_json::from_value(id.clone()).ok());
    let invalid = |sentence: &'static str| Err((id.clone(), Box::new(ErrorData::invalid_request(sentence, None))));
    let Some(fields) = value.as_object() else {
        return match value.is_array() {
            true => invalid("batches are not taken: send each message by itself"),
            false => invalid("a message is a JSON object"),
        };
    };
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid("a message has \"jsonrpc\": \"2.0\"");
    }
    // The SDK would take it for a method that there is not.
    let arguments = value.pointer("/params/arguments");
    if arguments.is_some_and(|arguments| !arguments.is_object() && !arguments.is_null()) {
        let sentence = "arguments must be an object";
        return Err((id, Box::new(ErrorData::invalid_params(sentence, None))));
    }
    let method = fields.get("method").and_then(Value::as_str);
    let opens = method == Some("initialize");
    let names_a_method = method.is_some();
    match serde_json::from_value::<ClientJsonRpcMessage>(value) {
        Ok(_) => Ok(opens),
        Err(_) if names_a_method => {
            let sentence = "the method's parameters are not what it takes";
            Err((id, Box::new(ErrorData::invalid_params(sentence, None))))
        }
        Err(_) => invalid("this is no message of the protocol"),
    }
}

/// The longest sentence of the SDK that is told, in bytes.
const LONGEST_SENTENCE: usize = 1024;

/// What the SDK refuses outside of the protocol it tells as plain text: as a problem, in its words and with its status.
async fn told(response: Response) -> Result<Response, Refusal> {
    let status = response.status();
    let is_told = |headers: &HeaderMap| {
        let form = headers.get(CONTENT_TYPE).and_then(|form| form.to_str().ok());
        form.is_some_and(|form| form.contains("json") || form.starts_with("text/event-stream"))
    };
    if !status.is_client_error() || is_told(response.headers()) {
        return Ok(response);
    }
    let text = axum::body::to_bytes(response.into_body(), LONGEST_SENTENCE).await;
    let text = text.map_or_else(|_| String::new(), |text| String::from_utf8_lossy(&text).into_owned());
    // It begins with the status in words.
    let sentence = text.split_once(": ").map_or(&*text, |(_, sentence)| sentence);
    Err(match status {
        StatusCode::NOT_ACCEPTABLE => Problem::fault(Fault::NotAcceptable, sentence),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::fault(Fault::UnsupportedMediaType, sentence),
        StatusCode::METHOD_NOT_ALLOWED => Problem::fault(Fault::MethodNotAllowed, sentence),
        StatusCode::NOT_FOUND => Failure::new(Kind::NotFound, sentence).never_sent().into(),
        _ => Failure::invalid("request", sentence).never_sent().into(),
    }
    .into())
}

fn unread(refused: Refused) -> Box<ErrorData> {
    Box::new(match refused {
        Refused::NotJson(_) => ErrorData::parse_error("the message is not JSON", None),
        Refused::Twice(_) => ErrorData::invalid_request("a member is given twice", None),
        Refused::TooMany => ErrorData::invalid_request("the message has too many values", None),
    })
}

fn refused(id: Option<MessageId>, error: ErrorData) -> Response {
    let mut response = (StatusCode::BAD_REQUEST, axum::Json(JsonRpcError::new(id, error))).into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
