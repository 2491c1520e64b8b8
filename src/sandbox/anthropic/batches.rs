//! Batches: each moves on by a step whenever it is read.
//!
//! in_progress, and so once more, → ended. A request whose prompt begins with `wait` keeps its batch in progress until somebody cancels it, and
//! one that begins with `come too late` has expired when it ends. Where a request's prompt does neither, it is answered as if
//! it had been asked alone.
//!
//! Invariant: each request of a batch that ended has one line in its results; the lines stand in another order than the
//! requests.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Anthropic;
use super::problem::Problem;
use super::request::MessageRequest;
use crate::sandbox::kit::query::Params;

const USUAL_PAGE: usize = 20;
const LARGEST_PAGE: usize = 1_000;
/// The longest id of a request.
const LONGEST_ID: usize = 64;
/// The most batches.
const MOST: usize = 1_000;
/// The most requests of one.
const MOST_REQUESTS: usize = 100_000;

/// A batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    id: String,
    status: &'static str,
    /// Somebody has looked at it.
    seen: bool,
    requests: Vec<Asked>,
    /// What came of them.
    results: Vec<Value>,
    created: Timestamp,
    cancelled: Option<Timestamp>,
    ended: Option<Timestamp>,
}

/// One request.
#[derive(Clone, Debug)]
struct Asked {
    custom_id: String,
    params: Value,
}

impl Asked {
    /// What a person says last.
    fn said(&self) -> &str {
        let last = self.params["messages"].as_array().and_then(|messages| messages.last());
        let content = last.map(|message| &message["content"]);
        content.and_then(Value::as_str).unwrap_or_default()
    }
}

impl Batch {
    fn object(&self, origin: &str) -> Value {
        let count = |kind: &str| self.results.iter().filter(|row| row["result"]["type"] == kind).count();
        let url = self
            .ended
            .map(|_| format!("{origin}/v1/messages/batches/{}/results", self.id));
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let expires = self.created + SignedDuration::from_hours(24);
        json!({
            "type": "message_batch", "id": self.id, "processing_status": self.status,
            "request_counts": {
                "processing": self.requests.len() - self.results.len(), "succeeded": count("succeeded"),
                "errored": count("errored"), "canceled": count("canceled"), "expired": count("expired"),
            },
            "created_at": self.created.to_string(), "expires_at": expires.to_string(),
            "cancel_initiated_at": time(self.cancelled), "ended_at": time(self.ended),
            "archived_at": null, "results_url": url,
        })
    }
}

pub(crate) async fn create(State(anthropic): State<Arc<Anthropic>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let input: Value =
        serde_json::from_slice(&body).map_err(|_| Problem::invalid("The request body is not valid JSON"))?;
    let rows = input["requests"]
        .as_array()
        .filter(|rows| (1..=MOST_REQUESTS).contains(&rows.len()));
    let rows = rows.ok_or_else(|| Problem::invalid("requests: List should have 1 to 100000 items"))?;
    let (mut requests, mut ids) = (vec![], HashSet::new());
    for (at, row) in rows.iter().enumerate() {
        let id = row["custom_id"].as_str().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=LONGEST_ID).contains(&id.len()) || !id.bytes().all(plain) {
            let what = "String should match pattern '^[a-zA-Z0-9_-]{1,64}$'";
            return Err(Problem::invalid(format!("requests.{at}.custom_id: {what}")));
        }
        if !ids.insert(id) {
            return Err(Problem::invalid(format!("requests.{at}.custom_id: must be unique")));
        }
        if !row["params"].is_object() {
            return Err(Problem::invalid(format!("requests.{at}.params: Field required")));
        }
        requests.push(Asked {
            custom_id: id.to_owned(),
            params: row["params"].clone(),
        });
    }
    let mut kept = anthropic.kept();
    if kept.batches.len() >= MOST {
        return Err(Problem::rate_limited(std::time::Duration::from_secs(60)));
    }
    let batch = Batch {
        id: format!("msgbatch_{}_{:06}", anthropic.instance.name, kept.batches.len() + 1),
        status: "in_progress",
        seen: false,
        requests,
        results: vec![],
        created: Timestamp::now(),
        cancelled: None,
        ended: None,
    };
    let made = batch.object(&anthropic.instance.origin);
    kept.batches.push(batch);
    Ok(Json(made).into_response())
}

/// Newest first, as they stand.
pub(crate) async fn list(State(anthropic): State<Arc<Anthropic>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let kept = anthropic.kept();
    let newest = kept.batches.iter().rev();
    page(
        &uri,
        newest.map(|batch| batch.object(&anthropic.instance.origin)).collect(),
    )
}

/// The page of a list that is asked for.
pub(crate) fn page(uri: &Uri, mut all: Vec<Value>) -> Result<Response<Body>, Problem> {
    let params = Params::of(uri);
    let limit = match params.get("limit").map(str::parse) {
        None => USUAL_PAGE,
        Some(Ok(limit)) if (1..=LARGEST_PAGE).contains(&limit) => limit,
        Some(_) => return Err(Problem::invalid("limit: Input should be between 1 and 1000")),
    };
    let place = |name: &str, id: &str| {
        let at = all.iter().position(|row| row["id"] == id);
        at.ok_or_else(|| Problem::invalid(format!("{name}: not found")))
    };
    let rows = match (params.get("after_id"), params.get("before_id")) {
        (None, None) => 0..all.len(),
        (Some(after), None) => place("after_id", after)? + 1..all.len(),
        (None, Some(before)) => {
            let at = place("before_id", before)?;
            at.saturating_sub(limit)..at
        }
        (Some(_), Some(_)) => return Err(Problem::invalid("after_id: give only one of before_id and after_id")),
    };
    let has_more = rows.len() > limit;
    let data: Vec<Value> = all.drain(rows).take(limit).collect();
    let id = |row: Option<&Value>| row.map(|row| row["id"].clone());
    Ok(Json(json!({
        "first_id": id(data.first()), "last_id": id(data.last()), "has_more": has_more, "data": data,
    }))
    .into_response())
}

pub(crate) async fn get(
    State(anthropic): State<Arc<Anthropic>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let mut kept = anthropic.kept();
    let batch = kept.batches.iter_mut().find(|batch| batch.id == id);
    let batch = batch.ok_or_else(|| Problem::of(StatusCode::NOT_FOUND))?;
    anthropic.step(batch);
    Ok(Json(batch.object(&anthropic.instance.origin)).into_response())
}

pub(crate) async fn cancel(
    State(anthropic): State<Arc<Anthropic>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let mut kept = anthropic.kept();
    let batch = kept.batches.iter_mut().find(|batch| batch.id == id);
    let batch = batch.ok_or_else(|| Problem::of(StatusCode::NOT_FOUND))?;
    if batch.ended.is_some() {
        return Err(Problem::invalid("the batch has ended and cannot be canceled"));
    }
    batch.cancelled.get_or_insert_with(Timestamp::now);
    batch.status = "canceling";
    Ok(Json(batch.object(&anthropic.instance.origin)).into_response())
}

/// One line a piece of the body, so that a fault can count them.
pub(crate) async fn results(
    State(anthropic): State<Arc<Anthropic>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let kept = anthropic.kept();
    let batch = kept.batches.iter().find(|batch| batch.id == id);
    let batch = batch.filter(|batch| batch.ended.is_some());
    let batch = batch.ok_or_else(|| Problem::of(StatusCode::NOT_FOUND))?;
    let lines: Vec<_> = batch
        .results
        .iter()
        .map(|row| Ok::<_, Infallible>(Bytes::from(format!("{row}\n"))))
        .collect();
    let mut response = Response::new(Body::from_stream(stream::iter(lines)));
    let kind = HeaderValue::from_static("application/x-jsonl");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

impl Anthropic {
    /// Moves a batch on.
    fn step(&self, batch: &mut Batch) {
        let held = batch.requests.iter().any(|asked| asked.said().starts_with("wait"));
        match batch.status {
            "in_progress" if held || !batch.seen => {}
            "in_progress" | "canceling" => {
                // The last one first.
                let rows = batch.requests.iter().rev();
                batch.results = rows
                    .map(|asked| json!({ "custom_id": asked.custom_id, "result": self.result(asked) }))
                    .collect();
                batch.status = "ended";
                batch.ended = Some(Timestamp::now());
            }
            _ => {}
        }
        batch.seen = true;
    }

    /// One request, as if it had been asked alone; its tokens are not counted by the minute.
    fn result(&self, asked: &Asked) -> Value {
        if asked.said().starts_with("wait") {
            return json!({ "type": "canceled" });
        }
        if asked.said().starts_with("come too late") {
            return json!({ "type": "expired" });
        }
        let params = Bytes::from(asked.params.to_string());
        match MessageRequest::parse(&params, &self.instance.name, false) {
            Ok(request) if request.stream => {
                let refused = Problem::invalid("stream: streaming is not supported in a batch");
                json!({ "type": "errored", "error": refused.body(&self.next_request_id()) })
            }
            Ok(request) => json!({ "type": "succeeded", "message": self.spoken(&request).0 }),
            Err(problem) => json!({ "type": "errored", "error": problem.body(&self.next_request_id()) }),
        }
    }
}
