//! Notion's API, versions 2025-09-03 and 2026-03-11: pages and their blocks, data sources, comments, files and the search.
//!
//! Wire facts follow Notion's published description, its client's types and its documents.
//!
//! Invariant: a request that breaks a limit of Notion's changes nothing.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use http::Response;

use self::problem::Problem;
use self::state::State;
use super::kit::lock::lock;
use super::kit::quota::Allowance;
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod blocks;
mod comments;
mod gate;
mod input;
mod markdown;
mod objects;
mod pages;
mod problem;
mod query;
mod search;
mod seed;
mod sources;
mod state;
mod uploads;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "notion",
    base_path: "/v1",
    open,
};

/// Notion counts by the minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Three requests a second, on average.
const LIMIT: u64 = 180;
/// The largest upload of one request.
const MAX_BODY: usize = 21 << 20;

/// What a handler answers.
type Answer = Result<Response<Body>, Problem>;

/// One Notion.
pub(crate) struct Notion {
    instance: Instance,
    state: Mutex<State>,
    quota: Allowance,
}

fn open(instance: Instance) -> Opened {
    let limit = instance.requests_per_window.unwrap_or(LIMIT);
    let notion = Notion {
        state: Mutex::new(seed::state(&instance.name)),
        quota: Allowance::new(limit, WINDOW),
        instance,
    };
    Opened::of(notion, router)
}

fn router(notion: Arc<Notion>) -> Router {
    let api = Router::new()
        .named("/v1/users", get(objects::users))
        .named("/v1/users/me", get(objects::me))
        .named("/v1/users/{id}", get(objects::user))
        .named("/v1/search", post(search::all))
        .named("/v1/pages", post(pages::create))
        .named("/v1/pages/{id}", get(pages::get).patch(pages::update))
        .named("/v1/pages/{id}/move", post(pages::put))
        .named("/v1/pages/{id}/markdown", get(markdown::get))
        .named("/v1/pages/{id}/properties/{property}", get(pages::property))
        .named(
            "/v1/blocks/{id}",
            get(blocks::get).patch(blocks::update).delete(blocks::delete),
        )
        .named("/v1/blocks/{id}/children", get(blocks::children).patch(blocks::append))
        .named("/v1/databases/{id}", get(sources::database))
        .named("/v1/data_sources/{id}", get(sources::get).patch(sources::update))
        .named("/v1/data_sources/{id}/query", post(sources::query))
        .named("/v1/comments", get(comments::list).post(comments::create))
        .named(
            "/v1/comments/{id}",
            get(comments::get).patch(comments::update).delete(comments::delete),
        )
        .named("/v1/file_uploads", post(uploads::create))
        .named("/v1/file_uploads/{id}", get(uploads::get))
        .named("/v1/file_uploads/{id}/send", post(uploads::send))
        .named("/v1/file_uploads/{id}/complete", post(uploads::complete))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(middleware::from_fn_with_state(notion.clone(), gate::pass));
    Router::new()
        // Who has a signed address needs nothing else.
        .named("/files/{id}/{name}", get(uploads::file))
        .merge(api)
        // The server in front has bounded the body.
        .layer(DefaultBodyLimit::disable())
        .with_state(notion)
}

async fn unknown() -> Problem {
    Problem::of_code("invalid_request_url", "Invalid request URL.")
}

impl Notion {
    /// The data; the lock is never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Vendor for Notion {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let problem = match refusal {
            Refusal::RateLimited { retry_after } | Refusal::SecondaryLimit { retry_after } => {
                Problem::rate_limited(retry_after)
            }
            Refusal::ExpiredToken => Problem::unauthorized(),
            Refusal::Status(status) => Problem::of(status),
        };
        problem.into_answer()
    }

    fn created(&self) -> usize {
        self.state().created
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }
}
