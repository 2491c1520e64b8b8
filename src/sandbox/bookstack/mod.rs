//! BookStack's API, version 24.10 with the comments of 25.11: books, chapters, pages, their export, what is attached to
//! them and said of them, the recycle bin, the search.
//!
//! Wire facts follow BookStack's published examples and its source.
//!
//! Invariant: every answer, refusals included, carries the rate-limit headers.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, put};
use http::Response;

use self::problem::Problem;
use self::state::State;
use super::kit::lock::lock;
use super::kit::quota::{Allowance, Standing};
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod accounts;
mod attachments;
mod bin;
mod books;
mod comments;
mod content;
mod export;
mod gate;
mod objects;
mod pages;
mod problem;
mod query;
mod search;
mod state;
mod text;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "bookstack",
    base_path: "/api",
    open,
};

/// BookStack counts per minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Requests per minute of one user.
const LIMIT: u64 = 180;
/// The largest upload: BookStack's own bound is 50 MB.
const MAX_UPLOAD: usize = 16 << 20;

/// One BookStack.
pub(crate) struct BookStack {
    instance: Instance,
    state: Mutex<State>,
    quota: Allowance,
}

fn open(instance: Instance) -> Opened {
    let limit = instance.requests_per_window.unwrap_or(LIMIT);
    let bookstack = BookStack {
        state: Mutex::new(State::seeded(&instance.name, &instance.origin)),
        quota: Allowance::new(limit, WINDOW),
        instance,
    };
    Opened::of(bookstack, router)
}

fn router(bookstack: Arc<BookStack>) -> Router {
    Router::new()
        .named("/api/pages", get(pages::list).post(pages::create))
        .named(
            "/api/pages/{id}",
            get(pages::get).put(pages::update).delete(pages::delete),
        )
        .named("/api/pages/{id}/export/{format}", get(export::page))
        .named("/api/attachments", get(attachments::list).post(attachments::create))
        .named("/api/attachments/{id}", get(attachments::get))
        .named("/api/search", get(search::all))
        .named("/api/books", get(books::list).post(books::create))
        .named("/api/books/{id}", get(books::get).delete(books::delete))
        .named("/api/chapters/{id}", get(books::chapter).delete(books::delete_chapter))
        .named("/api/shelves", get(books::shelves))
        .named("/api/recycle-bin", get(bin::list))
        .named("/api/recycle-bin/{id}", put(bin::restore))
        .named("/api/comments", get(comments::list).post(comments::create))
        .named("/api/comments/{id}", get(comments::get))
        .named("/api/users", get(accounts::list))
        .named("/api/system", get(accounts::system))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        // The server in front has bounded the body.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(bookstack.clone(), gate::pass))
        .with_state(bookstack)
}

async fn not_found() -> Problem {
    Problem::not_found("Endpoint")
}

impl BookStack {
    /// The data; the lock is never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Vendor for BookStack {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let mut standing = self.standing();
        let problem = match refusal {
            Refusal::RateLimited { retry_after } | Refusal::SecondaryLimit { retry_after } => {
                standing = Standing {
                    used: standing.limit,
                    reset: SystemTime::now() + retry_after,
                    ..standing
                };
                Problem::rate_limited(retry_after)
            }
            Refusal::ExpiredToken => Problem::expired_token(),
            Refusal::Status(status) => Problem::of(status),
        };
        self.dress(problem.into_answer(), standing)
    }

    fn created(&self) -> usize {
        self.state().created
    }

    fn max_body(&self) -> usize {
        MAX_UPLOAD
    }
}
