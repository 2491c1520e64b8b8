//! Anthropic's API: messages, streamed or not, their tokens, models, batches and files.
//!
//! Wire facts follow Anthropic's API description; the limits' headers follow its documentation.
//!
//! Invariant: every answer, refusals included, carries `request-id` and the rate-limit headers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use self::problem::Problem;
use super::kit::lock::lock;
use super::kit::quota::{Allowance, Standing};
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod batches;
mod files;
mod gate;
mod messages;
mod models;
mod order;
mod problem;
mod request;
mod said;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "anthropic",
    base_path: "",
    open,
};

/// Anthropic counts per minute.
const WINDOW: Duration = Duration::from_secs(60);
const REQUEST_LIMIT: u64 = 4_000;
const INPUT_LIMIT: u64 = 2_000_000;
const OUTPUT_LIMIT: u64 = 400_000;

/// The largest request body: a batch may be longer than one request.
const MAX_BODY: usize = 8 << 20;

/// What clients have it keep.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    files: Vec<files::File>,
    /// How many files were kept so far, those that are there no more among them.
    last_file: usize,
    batches: Vec<batches::Batch>,
}

/// One Anthropic.
pub(crate) struct Anthropic {
    instance: Instance,
    requests: Allowance,
    input: Allowance,
    output: Allowance,
    last_request: AtomicU64,
    last_message: AtomicU64,
    kept: Mutex<Kept>,
}

fn open(instance: Instance) -> Opened {
    let anthropic = Anthropic {
        requests: Allowance::new(instance.requests_per_window.unwrap_or(REQUEST_LIMIT), WINDOW),
        input: Allowance::new(INPUT_LIMIT, WINDOW),
        output: Allowance::new(OUTPUT_LIMIT, WINDOW),
        last_request: AtomicU64::new(0),
        last_message: AtomicU64::new(0),
        kept: Mutex::default(),
        instance,
    };
    Opened::of(anthropic, router)
}

fn router(anthropic: Arc<Anthropic>) -> Router {
    Router::new()
        .named("/v1/models", get(models::list))
        .named("/v1/models/{model}", get(models::get))
        .named("/v1/messages", post(messages::create))
        .named("/v1/messages/count_tokens", post(messages::count))
        .named("/v1/messages/batches", get(batches::list).post(batches::create))
        .named("/v1/messages/batches/{batch}", get(batches::get))
        .named("/v1/messages/batches/{batch}/cancel", post(batches::cancel))
        .named("/v1/messages/batches/{batch}/results", get(batches::results))
        .named("/v1/files", get(files::list).post(files::create))
        .named("/v1/files/{file}", get(files::get).delete(files::delete))
        .named("/v1/files/{file}/content", get(files::content))
        .fallback(unknown_url)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(anthropic.clone(), gate::pass))
        .with_state(anthropic)
}

async fn unknown_url() -> Problem {
    Problem::of(StatusCode::NOT_FOUND)
}

async fn not_allowed() -> Problem {
    Problem::of(StatusCode::METHOD_NOT_ALLOWED)
}

/// How the limits stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    requests: Standing,
    input: Standing,
    output: Standing,
}

impl Anthropic {
    fn limits(&self, now: SystemTime) -> Limits {
        Limits {
            requests: self.requests.standing(now),
            input: self.input.standing(now),
            output: self.output.standing(now),
        }
    }

    /// What clients have it keep; never held across an await.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    fn next_request_id(&self) -> String {
        let n = self.last_request.fetch_add(1, Ordering::Relaxed) + 1;
        format!("req_{}_{n:08}", self.instance.name)
    }

    fn next_message_id(&self) -> String {
        let n = self.last_message.fetch_add(1, Ordering::Relaxed) + 1;
        format!("msg_{}_{n:08}", self.instance.name)
    }
}

/// An event of a stream: its name stands before its data, and within.
pub(crate) fn frame(event: &Value) -> Bytes {
    let name = event["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {event}\n\n"))
}

impl Vendor for Anthropic {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let now = SystemTime::now();
        let mut limits = self.limits(now);
        let problem = match refusal {
            Refusal::RateLimited { retry_after } | Refusal::SecondaryLimit { retry_after } => {
                limits.requests = limits.requests.spent(now, retry_after);
                Problem::rate_limited(retry_after)
            }
            Refusal::ExpiredToken => Problem::of(StatusCode::UNAUTHORIZED),
            Refusal::Status(status) => Problem::of(status),
        };
        self.dress(problem, limits)
    }

    fn wants_stream(&self, request: &Request<Bytes>) -> bool {
        let body: Option<Value> = serde_json::from_slice(request.body()).ok();
        let lines = request.uri().path().ends_with("/results");
        lines || body.is_some_and(|body| body["stream"] == true)
    }

    fn error_frame(&self) -> Bytes {
        let error = json!({ "type": "overloaded_error", "message": "Overloaded" });
        frame(&json!({ "type": "error", "error": error }))
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn created(&self) -> usize {
        self.kept().batches.len()
    }
}
