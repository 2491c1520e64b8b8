//! `POST /v1/batch`: several operations in one request.
//!
//! Invariant: each is a call as any other, with its own admission, limits, record and outcome, which no other one's failure
//! changes; they are told in the order in which they were asked for. All end by one deadline, and with their client.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, Request};
use mosaic_actors::call::{Caller, CostClass};
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::form_urlencoded;

use super::super::arrival::Arrival;
use super::super::decisions::Unmade;
use super::super::json_body;
use super::super::problem::Problem;
use super::super::rate_limit;
use super::super::request_id::{HEADER, RequestId};
use super::conditional::Conditions;
use super::reply::{self, Wanted};
use super::{Rest, input, timing};
use crate::catalogue::{Entry, Method};
use crate::dispatch::options::{IDEMPOTENCY_KEY, OPTIONS, TIMEOUT};
use crate::dispatch::{Invocation, Options};

/// The member of a request, and where faults of it are.
const OPERATIONS: &str = "operations";

/// What bounds several operations in one request.
#[derive(Clone, Copy, Debug)]
pub struct BatchBounds {
    /// How many there may be.
    pub operations: usize,
    /// How many are done at a time.
    pub at_a_time: usize,
    /// Bytes of their answers together.
    pub answers: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    operations: Vec<Value>,
}

/// One of them, read.
struct Part {
    entry: &'static Entry,
    input: Map<String, Value>,
    options: Options,
}

/// What all of them have in common.
struct Common {
    caller: Caller,
    arrived: Instant,
    deadline: Instant,
    timed: bool,
    /// Bytes of answers that there is still room for.
    room: AtomicUsize,
}

/// What came of one.
struct Outcome {
    number: usize,
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// `POST /v1/batch`.
pub(super) async fn several(State(rest): State<Arc<Rest>>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match rest.several(request, &id).await {
        Ok(response) => response,
        Err(problem) => problem.response(&id),
    }
}

impl Rest {
    async fn several(&self, request: Request<Body>, id: &RequestId) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        let caller = self
            .config
            .authenticator
            .caller(&parts.headers, parts.uri.authority())?;
        let arrived = Arrival::of(&parts.extensions);
        let all = said_of_all(&parts.headers, parts.uri.query().unwrap_or_default(), arrived)?;
        let timed = timing::asked(&parts.headers)?;
        let deadline = self.config.dispatcher.deadline(CostClass::Read, false, &all)?;
        let (most, bodies) = (self.config.max_body, &self.config.bodies);
        let fields = json_body::object(&parts.headers, body, most, bodies, &caller.tenant, deadline).await?;
        let Batch { operations } = json_body::read(fields)?;
        let bounds = self.config.batches;
        if operations.is_empty() || operations.len() > bounds.operations {
            let most = bounds.operations;
            let sentence = format!("{OPERATIONS} must have 1 to {most} items (server.max_batch)");
            return Err(Failure::invalid(OPERATIONS, sentence).into());
        }
        let read: Vec<_> = operations.into_iter().map(|one| self.part(one, &all)).collect();
        let common = Common {
            deadline: self.last(&read, &all, deadline)?,
            caller,
            arrived,
            timed,
            room: AtomicUsize::new(bounds.answers),
        };
        let each = read.into_iter().enumerate();
        let each = each.map(|(number, part)| self.outcome(number, part, &common, id));
        let mut outcomes: Vec<Outcome> = stream::iter(each).buffer_unordered(bounds.at_a_time).collect().await;
        outcomes.sort_unstable_by_key(|outcome| outcome.number);
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, reply::PERSONAL)];
        let mut response = (headers, written(&outcomes)).into_response();
        let allowance = (self.config.allowance)(&common.caller);
        let status = response.status();
        rate_limit::tell(allowance, status, response.headers_mut());
        Ok(response)
    }

    /// Reads one of them.
    fn part(&self, one: Value, all: &Options) -> Result<Part, Problem> {
        let Value::Object(fields) = one else {
            return Err(Failure::invalid(OPERATIONS, "each of operations must be an object").into());
        };
        let unmade: Unmade = json_body::read(fields)?;
        let entry = unmade.entry(self.config.dispatcher.catalogue())?;
        let declaration = entry.declaration;
        let alone = match (declaration.upload, declaration.facts.streaming, declaration.bytes) {
            (true, ..) => "takes a file",
            (_, true, _) => "streams its answer",
            (.., true) => "answers with a file",
            _ => {
                return Ok(Part {
                    entry,
                    options: unmade.options(all.clone())?,
                    input: unmade.input,
                });
            }
        };
        let (name, method, path) = (entry.name(), declaration.method.as_str(), declaration.path);
        let sentence = format!("{name} {alone}, and is no part of a batch: {method} /v1{path}");
        Err(Failure::invalid("operation", sentence).into())
    }

    /// The one deadline: that of the batch where it names one, else the latest that one of them has by itself.
    fn last(&self, read: &[Result<Part, Problem>], all: &Options, least: Instant) -> Result<Instant, Failure> {
        let costs = read.iter().flatten().map(|part| part.entry.declaration.facts.cost);
        costs.into_iter().try_fold(least, |last, cost| {
            Ok(last.max(self.config.dispatcher.deadline(cost, false, all)?))
        })
    }

    async fn outcome(&self, number: usize, part: Result<Part, Problem>, common: &Common, id: &RequestId) -> Outcome {
        let id = id.part(number);
        let mut response = match part {
            Ok(part) => self.answered(part, common, &id).await,
            Err(problem) => problem.response(&id),
        };
        response.headers_mut().insert(HEADER, id.header());
        let (parts, body) = whole(response, &id).await;
        Outcome {
            number,
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    async fn answered(&self, part: Part, common: &Common, id: &RequestId) -> Response {
        let Part {
            entry,
            input,
            mut options,
        } = part;
        let facts = &entry.declaration.facts;
        let left = common.deadline.saturating_duration_since(common.arrived);
        options.timeout = Some(options.timeout.unwrap_or(Duration::MAX).min(left));
        options.request_id = Some(id.text().clone());
        let decisions = options.explain.then(|| self.config.decisions.clone());
        options.explain |= common.timed;
        let wanted = Wanted {
            id,
            arrived: common.arrived,
            deadline: common.deadline,
            head_only: false,
            explained: decisions.as_deref(),
            timed: common.timed,
            conditions: (entry.declaration.method == Method::Get).then(Conditions::default),
            list: None,
            place: None,
            heartbeat: self.config.heartbeat,
        };
        let invocation = Invocation {
            entry,
            input: Value::Object(input),
            caller: common.caller.clone(),
            options,
            upload: None,
        };
        let response = self.carry(invocation, None, &wanted).await;
        let size = http_body::Body::size_hint(response.body()).exact().unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let taken = common
            .room
            .fetch_update(Relaxed, Relaxed, |room| room.checked_sub(size));
        match taken {
            Ok(_) => response,
            // What went wrong is short, and needs to be told.
            Err(_) if !response.status().is_success() => response,
            Err(_) => {
                let done = if facts.safe { "" } else { "it was done, and " };
                let sentence =
                    format!("{done}its answer finds no room beside those of the others (server.max_batch_answers)");
                let mut failure = Failure::new(Kind::Overloaded, sentence);
                failure.retryable = facts.safe;
                Problem::from(failure).response(id)
            }
        }
    }
}

/// An answer's parts; it is there whole already, so that one which breaks off is a fault of ours.
async fn whole(response: Response, id: &RequestId) -> (Parts, Bytes) {
    let (parts, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(body) => (parts, body),
        Err(error) => {
            tracing::error!(%error, request_id = %id.text(), "an answer broke off on its way into its batch");
            let sentence = "the operation was answered, and its answer was lost on its way into the batch";
            let problem = Problem::from(Failure::new(Kind::Internal, sentence));
            (problem.response(id).into_parts().0, problem.json(id).into())
        }
    }
}

/// What a request says of all its operations: how long they may take, by its query; whatever else, by its headers, for those
/// that do not say it themselves.
fn said_of_all(headers: &HeaderMap, query: &str, arrived: Instant) -> Result<Options, Failure> {
    Conditions::refuse(headers)?;
    let mut all = Options::default();
    input::from_headers(headers, &mut all)?;
    if all.idempotency_key.is_some() {
        let sentence = "a key is of one operation: give each its own, in its options";
        return Err(Failure::invalid(IDEMPOTENCY_KEY, sentence));
    }
    let mut times = Vec::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        if name != TIMEOUT {
            return Err(Failure::invalid(
                &*name,
                format!("{name} is not a parameter of a batch"),
            ));
        }
        times.push(text.into_owned());
    }
    let timeout = OPTIONS.iter().find(|option| option.name == TIMEOUT);
    if let Some(option) = timeout.filter(|_| !times.is_empty()) {
        option.read(&times, &mut all)?;
    }
    all.arrived = Some(arrived);
    Ok(all)
}

/// All of them, as JSON. Bodies are JSON as they are, and are not read.
fn written(outcomes: &[Outcome]) -> Vec<u8> {
    let mut text = br#"{"results":["#.to_vec();
    for outcome in outcomes {
        if outcome.number > 0 {
            text.push(b',');
        }
        let mut headers: Map<String, Value> = Map::new();
        for name in outcome.headers.keys() {
            let lines = outcome.headers.get_all(name).iter();
            let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
            headers.insert(name.as_str().to_owned(), Value::from(lines.join(", ")));
        }
        let (status, headers) = (outcome.status, Value::Object(headers));
        text.extend_from_slice(format!(r#"{{"status":{status},"headers":{headers},"body":"#).as_bytes());
        text.extend_from_slice(match outcome.body.trim_ascii() {
            b"" => b"null",
            body => body,
        });
        text.push(b'}');
    }
    text.extend_from_slice(b"]}");
    text
}
