//! GraphQL over HTTP: requests and batches of them by POST, queries by GET, and the page for people.
//!
//! Invariant: what changes something is asked by POST with a media type that no form has, so that no link and no form of another
//! site can ask it.

use std::sync::Arc;

use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, UPGRADE, VARY};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Request, StatusCode};
use async_graphql::parser::types::OperationType;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use mosaic_actors::call::{Caller, CostClass};
use mosaic_actors::error::Failure;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::super::access::Unremarkable;
use super::super::arrival::Arrival;
use super::super::feed::Listening;
use super::super::json_body;
use super::super::problem::{Fault, Problem};
use super::super::rate_limit;
use super::super::request_id::RequestId;
use super::super::rest::{input, reply};
use super::super::strict;
use super::accept::{Form, Wanted};
use super::execute::{Answer, Members, Prepared};
use super::session::{Room, Session};
use super::{Graphql, accept, errors, page, socket, sse};
use crate::dispatch::Options;
use crate::leisure::to_json;

/// `GET /graphql`: a query, the page, or a socket.
pub(super) async fn get(State(graphql): State<Arc<Graphql>>, request: Request<Body>) -> Response {
    let (mut parts, _) = request.into_parts();
    if wants_socket(&parts.headers) {
        return socket::open(graphql, &mut parts).await;
    }
    let has_query = parts.uri.query().is_some_and(|query| !query.is_empty());
    // Whoever asks nothing, and for none of the forms of an answer, is shown the page.
    if !has_query && accept::is_for_people(&parts.headers) {
        return page::response();
    }
    let incoming = Incoming::of(&graphql, &parts);
    let answered = async {
        let query = parts.uri.query().unwrap_or_default();
        let asked = Members::of(in_query(query)?)?;
        let session = incoming.session()?;
        let prepared = match graphql.prepare(asked, &session) {
            Ok(prepared) => prepared,
            Err(unfit) => return Ok(incoming.told(&Answer::refused(unfit.error(&session)))),
        };
        let is_read = prepared.kind != OperationType::Mutation;
        // A stream is asked by GET where the browser's own reader asks it, which reads nothing else.
        let is_stream = prepared.kind == OperationType::Subscription && incoming.wanted.events;
        if is_read && (prepared.is_for_get || is_stream) {
            let response = incoming.answer(prepared).await;
            return response.map(|response| incoming.limited(&session, response));
        }
        let sentence = format!("ask this {} by POST", errors::word(prepared.kind));
        let problem = Problem::fault(Fault::MethodNotAllowed, sentence);
        let mut response = incoming.refuse(&problem);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        Ok(response)
    };
    let answered: Result<Response, Problem> = answered.await;
    answered.unwrap_or_else(|problem| incoming.refuse(&problem))
}

/// Whether a WebSocket is asked for. Some offer other protocols, too, and mean the request.
fn wants_socket(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(UPGRADE).iter().filter_map(|line| line.to_str().ok());
    lines.any(|line| {
        line.split(',')
            .any(|named| named.trim().eq_ignore_ascii_case("websocket"))
    })
}

/// `POST /graphql`.
pub(super) async fn post(State(graphql): State<Arc<Graphql>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let incoming = Incoming::of(&graphql, &parts);
    let answered = incoming.posted(body).await;
    answered.unwrap_or_else(|problem| incoming.refuse(&problem))
}

/// A request, without its body.
struct Incoming<'r> {
    graphql: &'r Arc<Graphql>,
    parts: &'r Parts,
    id: RequestId,
    wanted: Wanted,
}

impl<'r> Incoming<'r> {
    fn of(graphql: &'r Arc<Graphql>, parts: &'r Parts) -> Self {
        Incoming {
            graphql,
            parts,
            id: RequestId::given(&parts.extensions),
            wanted: Wanted::of(&parts.headers),
        }
    }

    fn caller(&self) -> Result<Caller, Failure> {
        self.graphql.caller(&self.parts.headers, self.parts.uri.authority())
    }

    fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::default();
        input::from_headers(&self.parts.headers, &mut options)?;
        options.request_id = Some(self.id.text().clone());
        options.arrived = Some(Arrival::of(&self.parts.extensions));
        Ok(options)
    }

    fn session(&self) -> Result<Arc<Session>, Failure> {
        let (caller, options) = (self.caller()?, self.options()?);
        let means = self.graphql.means.clone();
        let room = Room::new(self.graphql.config.settings.max_answers);
        Ok(Session::new(means, room, caller, options, self.id.clone()))
    }

    async fn posted(&self, body: Body) -> Result<Response, Problem> {
        let session = self.session()?;
        let config = &self.graphql.config;
        let deadline = config.dispatcher.deadline(CostClass::Read, false, &session.options)?;
        let (headers, tenant) = (&self.parts.headers, &session.caller.tenant);
        let body = json_body::value(headers, body, config.max_body, &config.bodies, tenant, deadline).await?;
        let response = match body {
            Some(Value::Array(batch)) => self.batch(batch, session.clone()).await,
            Some(one) => {
                let members = Members::of(one)?;
                match self.graphql.prepare(members, &session) {
                    Ok(prepared) => self.answer(prepared).await,
                    Err(unfit) => Ok(self.told(&Answer::refused(unfit.error(&session)))),
                }
            }
            None => Err(Failure::invalid("body", "a request is a JSON object with a query").into()),
        };
        response.map(|response| self.limited(&session, response))
    }

    /// Several requests, answered in their order. What one reads the others need not ask again.
    async fn batch(&self, batch: Vec<Value>, session: Arc<Session>) -> Result<Response, Problem> {
        let most = self.graphql.config.settings.max_batch;
        if batch.is_empty() || batch.len() > most {
            let sentence = format!("a batch has 1 to {most} requests (graphql.max_batch)");
            return Err(Failure::invalid("body", sentence).into());
        }
        let mut prepared = Vec::new();
        for request in batch {
            let members = Members::of(request)?;
            prepared.push(self.graphql.prepare(members, &session));
        }
        let is_query = |prepared: &Result<Prepared, _>| {
            prepared
                .as_ref()
                .is_ok_and(|prepared: &Prepared| prepared.kind == OperationType::Query)
        };
        let answer = async |prepared| match prepared {
            Ok(Prepared {
                kind: OperationType::Subscription,
                ..
            }) => {
                let failure = Failure::invalid("query", "a subscription stands in no batch");
                Answer::refused(errors::of_request(&failure.into(), &self.id))
            }
            Ok(prepared) => self.graphql.execute(prepared).await,
            Err(unfit) => Answer::refused(super::execute::Unfit::error(unfit, &session)),
        };
        // What changes something is done one after the other.
        let answers = match prepared.iter().all(is_query) {
            true => join_all(prepared.into_iter().map(answer)).await,
            false => {
                let mut answers = Vec::new();
                for prepared in prepared {
                    answers.push(answer(prepared).await);
                }
                answers
            }
        };
        Ok(self.with(StatusCode::OK, to_json(&answers).map_err(unwritten)?))
    }

    async fn answer(&self, prepared: Prepared) -> Result<Response, Problem> {
        let is_subscription = prepared.kind == OperationType::Subscription;
        match (self.wanted, is_subscription) {
            (Wanted { events: true, .. }, true) | (Wanted { best: Form::Events, .. }, false) => {
                let answers = self.graphql.answers(prepared, self.listening());
                Ok(sse::response(answers, self.graphql.config.feed.heartbeat))
            }
            (_, true) => {
                let sentence = "ask a subscription with Accept: text/event-stream, or over a WebSocket";
                Err(Failure::invalid("query", sentence).into())
            }
            (_, false) => {
                let answer = self.graphql.execute(prepared).await;
                Ok(self.told(&answer))
            }
        }
    }

    fn listening(&self) -> Listening {
        Listening {
            config: self.graphql.config.feed.clone(),
            headers: self.parts.headers.clone(),
            target: self.parts.uri.authority().cloned(),
        }
    }

    fn told(&self, answer: &Answer) -> Response {
        let status = match (self.wanted.best, &answer.data) {
            (Form::GraphqlResponse, None) => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        match to_json(answer) {
            Ok(json) => self.with(status, json),
            Err(error) => self.refuse(&unwritten(error)),
        }
    }

    fn with(&self, status: StatusCode, json: impl Into<Body>) -> Response {
        let mut response = (status, json.into()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.wanted.best.media_type());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(reply::PERSONAL));
        headers.insert(VARY, HeaderValue::from_static("accept, authorization, x-api-key"));
        Unremarkable::mark(response)
    }

    /// The same, with what its rate leaves the caller's tenant.
    fn limited(&self, session: &Session, mut response: Response) -> Response {
        let allowance = (self.graphql.config.allowance)(&session.caller);
        let status = response.status();
        rate_limit::tell(allowance, status, response.headers_mut());
        response
    }

    /// The head of a problem, and its members as an error of GraphQL.
    fn refuse(&self, problem: &Problem) -> Response {
        let told = errors::refused(problem, &self.id).to_string();
        let (mut head, _) = problem.response(&self.id).into_parts();
        head.headers.insert(CONTENT_TYPE, self.wanted.best.media_type());
        Response::from_parts(head, Body::from(told))
    }
}

fn unwritten(error: serde_json::Error) -> Problem {
    Failure::new(mosaic_actors::error::Kind::Internal, "the answer cannot be written")
        .because(error)
        .into()
}

/// The members of a request that a URL gives.
fn in_query(query: &str) -> Result<Value, Failure> {
    let mut members = serde_json::Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let value = match &*name {
            "query" | "operationName" => json!(text),
            "variables" | "extensions" => strict::parse(text.as_bytes())
                .map_err(|_| Failure::invalid(&*name, format!("{name} must be a JSON object")))?,
            _ => {
                return Err(Failure::invalid(
                    &*name,
                    format!("{name} is not a parameter of GraphQL"),
                ));
            }
        };
        if members.insert(name.to_string(), value).is_some() {
            return Err(Failure::invalid(&*name, format!("{name} is given twice")));
        }
    }
    Ok(members.into())
}
