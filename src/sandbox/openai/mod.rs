//! OpenAI's API: chat completions and responses, streamed or not, models, batches, files, and what else is made of texts.
//!
//! Wire facts follow OpenAI's OpenAPI description; the limits' headers follow its documentation.
//!
//! Invariant: every answer, refusals included, carries `x-request-id` and the rate-limit headers.

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
use serde::Deserialize;

use self::problem::Problem;
use self::responses::kept::Responses;
use super::kit::lock::lock;
use super::kit::quota::{Allowance, Standing};
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod batches;
mod chat;
mod embeddings;
mod files;
mod gate;
mod models;
mod moderations;
mod page;
mod problem;
mod request;
mod responses;
mod said;
mod tokens;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "openai",
    base_path: "/v1",
    open,
};

/// OpenAI counts per minute.
const WINDOW: Duration = Duration::from_secs(60);
const REQUEST_LIMIT: u64 = 10_000;
const TOKEN_LIMIT: u64 = 2_000_000;

/// The largest request body: a file of requests may be longer than one request.
const MAX_BODY: usize = 8 << 20;

/// What clients have it keep.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    files: files::Files,
    batches: Vec<batches::Batch>,
}

/// One OpenAI.
pub(crate) struct OpenAi {
    instance: Instance,
    requests: Allowance,
    tokens: Allowance,
    last_request: AtomicU64,
    last_completion: AtomicU64,
    last_response: AtomicU64,
    last_moderation: AtomicU64,
    responses: Responses,
    kept: Mutex<Kept>,
}

fn open(instance: Instance) -> Opened {
    let openai = OpenAi {
        requests: Allowance::new(instance.requests_per_window.unwrap_or(REQUEST_LIMIT), WINDOW),
        tokens: Allowance::new(TOKEN_LIMIT, WINDOW),
        last_request: AtomicU64::new(0),
        last_completion: AtomicU64::new(0),
        last_response: AtomicU64::new(0),
        last_moderation: AtomicU64::new(0),
        responses: Responses::default(),
        kept: Mutex::default(),
        instance,
    };
    Opened::of(openai, router)
}

fn router(openai: Arc<OpenAi>) -> Router {
    Router::new()
        .named("/v1/models", get(models::list))
        .named("/v1/models/{model}", get(models::get))
        .named("/v1/chat/completions", post(chat::complete))
        .named("/v1/embeddings", post(embeddings::create))
        .named("/v1/moderations", post(moderations::create))
        .named("/v1/responses", post(responses::create))
        .named("/v1/responses/{response}", get(responses::get))
        .named("/v1/responses/{response}/cancel", post(responses::cancel))
        .named("/v1/responses/input_tokens", post(tokens::count))
        .named("/v1/files", get(files::list).post(files::create))
        .named("/v1/files/{file}", get(files::get).delete(files::delete))
        .named("/v1/files/{file}/content", get(files::content))
        .named("/v1/batches", get(batches::list).post(batches::create))
        .named("/v1/batches/{batch}", get(batches::get))
        .named("/v1/batches/{batch}/cancel", post(batches::cancel))
        .fallback(unknown_url)
        .method_not_allowed_fallback(unknown_url)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(openai.clone(), gate::pass))
        .with_state(openai)
}

async fn unknown_url(request: Request<Body>) -> Problem {
    let message = format!("Invalid URL ({} {})", request.method(), request.uri().path());
    Problem::invalid(StatusCode::NOT_FOUND, message)
}

/// How both limits stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    requests: Standing,
    tokens: Standing,
}

impl OpenAi {
    fn limits(&self, now: SystemTime) -> Limits {
        Limits {
            requests: self.requests.standing(now),
            tokens: self.tokens.standing(now),
        }
    }

    /// What clients have it keep; never held across an await.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    fn now_s(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap_or_default().as_secs()
    }

    fn next_request_id(&self) -> String {
        let n = self.last_request.fetch_add(1, Ordering::Relaxed) + 1;
        format!("req_{}_{n:08}", self.instance.name)
    }

    fn next_completion_id(&self) -> String {
        let n = self.last_completion.fetch_add(1, Ordering::Relaxed) + 1;
        format!("chatcmpl-{}-{n:08}", self.instance.name)
    }
}

impl Vendor for OpenAi {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let now = SystemTime::now();
        let mut limits = self.limits(now);
        let problem = match refusal {
            Refusal::RateLimited { retry_after } | Refusal::SecondaryLimit { retry_after } => {
                limits.requests = limits.requests.spent(now, retry_after);
                Problem::rate_limited("requests", retry_after)
            }
            Refusal::ExpiredToken => Problem::invalid_api_key(),
            Refusal::Status(status) => Problem::of(status),
        };
        self.dress(problem.into_answer(), limits, now)
    }

    fn wants_stream(&self, request: &Request<Bytes>) -> bool {
        #[derive(Deserialize)]
        struct Streamed {
            #[serde(default)]
            stream: Option<bool>,
        }
        serde_json::from_slice::<Streamed>(request.body()).is_ok_and(|body| body.stream == Some(true))
    }

    fn error_frame(&self) -> Bytes {
        let error = Problem::of(StatusCode::INTERNAL_SERVER_ERROR).body();
        Bytes::from(format!("data: {error}\n\n"))
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn created(&self) -> usize {
        self.kept().batches.len()
    }
}
