//! Batches: each moves on by a step whenever it is read.
//!
//! validating → in_progress → finalizing → completed; one with a line that cannot be used is failed. A request whose prompt
//! begins with `wait` keeps its batch in progress until somebody cancels it, and one that begins with `come too late` has it
//! expire. Where a request's prompt does neither, it is answered as if it had been asked alone.
//!
//! Invariant: each request of a batch that ended has one line, in the file of results or in that of errors; the lines stand
//! in another order than the requests.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::files::Files;
use super::page::page;
use super::problem::Problem;
use super::{Kept, OpenAi, chat, embeddings};

const ENDPOINTS: [&str; 2] = ["/v1/chat/completions", "/v1/embeddings"];
const USUAL_PAGE: usize = 20;
const LARGEST_PAGE: usize = 100;
const DAY_S: u64 = 24 * 60 * 60;
/// The most batches.
const MOST: usize = 1_000;
/// The most requests of one.
const MOST_LINES: usize = 50_000;

/// A batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    id: String,
    endpoint: String,
    status: &'static str,
    input: String,
    output: Option<String>,
    error: Option<String>,
    errors: Vec<Value>,
    counts: [usize; 3],
    /// When it came to each status.
    times: Vec<(&'static str, u64)>,
}

impl Batch {
    fn object(&self) -> Value {
        let errors = (!self.errors.is_empty()).then(|| json!({ "object": "list", "data": self.errors }));
        let [total, completed, failed] = self.counts;
        let mut object = json!({
            "id": self.id, "object": "batch", "endpoint": self.endpoint, "completion_window": "24h",
            "input_file_id": self.input, "status": self.status,
            "request_counts": { "total": total, "completed": completed, "failed": failed },
        });
        // What is described as not null is left out where it is not there.
        for (name, value) in [
            ("errors", errors),
            ("output_file_id", self.output.clone().map(Value::from)),
            ("error_file_id", self.error.clone().map(Value::from)),
        ] {
            if let Some(value) = value {
                object[name] = value;
            }
        }
        for (status, at) in &self.times {
            object[format!("{status}_at")] = (*at).into();
        }
        object
    }

    fn is_over(&self) -> bool {
        matches!(self.status, "completed" | "failed" | "expired" | "cancelled")
    }

    fn enter(&mut self, status: &'static str, now_s: u64) {
        self.status = status;
        self.times.push((status, now_s));
    }
}

/// What becomes of a request by its prompt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Waits,
    Late,
}

/// A line of the file of requests.
struct Line {
    custom_id: String,
    body: Value,
    fate: Fate,
}

/// The lines of a file, or what is wrong with them.
fn lines(endpoint: &str, bytes: &Bytes) -> Result<Vec<Line>, Vec<Value>> {
    let text = String::from_utf8_lossy(bytes);
    let (mut lines, mut faults, mut ids) = (vec![], vec![], HashSet::new());
    for (at, line) in text.lines().enumerate() {
        let fault =
            |code: &str, message: &str| json!({ "code": code, "message": message, "param": null, "line": at + 1 });
        let Ok(asked) = serde_json::from_str::<Value>(line) else {
            faults.push(fault("invalid_json_line", "This line is not parseable as valid JSON."));
            continue;
        };
        let custom_id = asked["custom_id"].as_str().unwrap_or_default().to_owned();
        if custom_id.is_empty() || !ids.insert(custom_id.clone()) {
            faults.push(fault(
                "duplicate_custom_id",
                "Each custom_id must be there, and be unique.",
            ));
        } else if asked["method"] != "POST" || asked["url"] != endpoint {
            faults.push(fault(
                "mismatched_endpoint",
                "The url must be the endpoint of the batch.",
            ));
        } else {
            let body = asked["body"].clone();
            let fate = fate(&body);
            lines.push(Line { custom_id, body, fate });
        }
    }
    if lines.is_empty() && faults.is_empty() || lines.len() > MOST_LINES {
        faults.push(json!({ "code": "invalid_file", "message": "The file has no line, or too many.", "line": null }));
    }
    match faults.is_empty() {
        true => Ok(lines),
        false => Err(faults),
    }
}

fn fate(body: &Value) -> Fate {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let said = last.and_then(|message| message["content"].as_str()).unwrap_or_default();
    if said.starts_with("wait") {
        Fate::Waits
    } else if said.starts_with("come too late") {
        Fate::Late
    } else {
        Fate::Done
    }
}

pub(crate) async fn create(State(openai): State<Arc<OpenAi>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    let (input, endpoint) = (text("input_file_id"), text("endpoint"));
    if !ENDPOINTS.contains(&endpoint) {
        return Err(Problem::field(
            "endpoint",
            "The endpoint is not supported.",
            Some("invalid_value"),
        ));
    }
    if text("completion_window") != "24h" {
        let message = "Supported values are: '24h'.";
        return Err(Problem::field("completion_window", message, Some("invalid_value")));
    }
    let now_s = openai.now_s();
    let mut kept = openai.kept();
    let file = kept.files.find(input);
    if file.is_none_or(|file| file.purpose != "batch") {
        let message = "There is no such file with the purpose batch.";
        return Err(Problem::field("input_file_id", message, Some("invalid_value")));
    }
    if kept.batches.len() >= MOST {
        return Err(Problem::rate_limited("requests", std::time::Duration::from_secs(60)));
    }
    let batch = Batch {
        id: format!("batch_{}_{:06}", openai.instance.name, kept.batches.len() + 1),
        endpoint: endpoint.to_owned(),
        status: "validating",
        input: input.to_owned(),
        output: None,
        error: None,
        errors: vec![],
        counts: [0; 3],
        times: vec![("created", now_s), ("expires", now_s + DAY_S)],
    };
    let made = batch.object();
    kept.batches.push(batch);
    Ok(Json(made).into_response())
}

/// Newest first, as they stand.
pub(crate) async fn list(State(openai): State<Arc<OpenAi>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let kept = openai.kept();
    let newest = kept.batches.iter().rev();
    page(&uri, (USUAL_PAGE, LARGEST_PAGE), newest.map(Batch::object).collect())
}

fn place(kept: &Kept, id: &str) -> Result<usize, Problem> {
    let at = kept.batches.iter().position(|batch| batch.id == id);
    at.ok_or_else(|| Problem::invalid(StatusCode::NOT_FOUND, format!("No batch found with id '{id}'.")))
}

pub(crate) async fn get(State(openai): State<Arc<OpenAi>>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    let mut kept = openai.kept();
    let at = place(&kept, &id)?;
    openai.step(&mut kept, at);
    Ok(Json(kept.batches[at].object()).into_response())
}

pub(crate) async fn cancel(
    State(openai): State<Arc<OpenAi>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let now_s = openai.now_s();
    let mut kept = openai.kept();
    let at = place(&kept, &id)?;
    let batch = &mut kept.batches[at];
    if batch.is_over() {
        let message = format!("Cannot cancel a batch with status '{}'.", batch.status);
        return Err(Problem::invalid(StatusCode::CONFLICT, message));
    }
    if batch.status != "cancelling" {
        batch.enter("cancelling", now_s);
    }
    Ok(Json(batch.object()).into_response())
}

impl OpenAi {
    /// Moves a batch on.
    fn step(&self, kept: &mut Kept, at: usize) {
        let now_s = self.now_s();
        let Kept { files, batches } = kept;
        let batch = &mut batches[at];
        let read = files.find(&batch.input).map(|file| lines(&batch.endpoint, &file.bytes));
        let lines = match read {
            Some(Ok(lines)) => lines,
            Some(Err(faults)) if batch.status == "validating" => {
                batch.errors = faults;
                batch.enter("failed", now_s);
                return;
            }
            _ => vec![],
        };
        let any = |fate| lines.iter().any(|line| line.fate == fate);
        match batch.status {
            "validating" => {
                batch.counts[0] = lines.len();
                batch.enter("in_progress", now_s);
            }
            "in_progress" if any(Fate::Waits) => {}
            "in_progress" if any(Fate::Late) => {
                self.finish(files, batch, &lines);
                batch.enter("expired", now_s);
            }
            "in_progress" => batch.enter("finalizing", now_s),
            "finalizing" => {
                self.finish(files, batch, &lines);
                batch.enter("completed", now_s);
            }
            "cancelling" => {
                self.finish(files, batch, &lines);
                batch.enter("cancelled", now_s);
            }
            _ => {}
        }
    }

    /// Writes what came of the requests, the last one first.
    fn finish(&self, files: &mut Files, batch: &mut Batch, lines: &[Line]) {
        let (mut output, mut errors) = (String::new(), String::new());
        let code = match batch.status {
            "cancelling" => "batch_cancelled",
            _ => "batch_expired",
        };
        for (at, line) in lines.iter().enumerate().rev() {
            let response = match line.fate {
                Fate::Done => Some(self.done(&batch.endpoint, &line.body)),
                Fate::Waits | Fate::Late => None,
            };
            let well = response.as_ref().is_some_and(|(status, _)| status.is_success());
            let request_id = self.next_request_id();
            let told = response.map(
                |(status, body)| json!({ "status_code": status.as_u16(), "request_id": request_id, "body": body }),
            );
            let error = told.is_none().then(
                || json!({ "code": code, "message": "This request could not be executed before its batch was over." }),
            );
            let id = format!("batch_req_{}_{at}", batch.id);
            let row = json!({ "id": id, "custom_id": line.custom_id, "response": told, "error": error });
            let file = if well { &mut output } else { &mut errors };
            file.push_str(&format!("{row}\n"));
            batch.counts[if well { 1 } else { 2 }] += 1;
        }
        batch.counts[0] = lines.len();
        let now_s = self.now_s();
        let mut keep = |name: &str, text: String| {
            let named = (name, "batch_output");
            (!text.is_empty()).then(|| files.keep(&self.instance.name, named, text.into(), now_s))
        };
        batch.output = keep("output.jsonl", output);
        batch.error = keep("error.jsonl", errors);
    }

    /// One request, as if it had been asked alone; its tokens are not counted by the minute.
    fn done(&self, endpoint: &str, body: &Value) -> (StatusCode, Value) {
        let asked = match endpoint.ends_with("/embeddings") {
            true => embeddings::made(body),
            false => chat::made(self, body),
        };
        match asked {
            Ok(answer) => (StatusCode::OK, answer),
            Err(problem) => (problem.status(), problem.body()),
        }
    }
}
