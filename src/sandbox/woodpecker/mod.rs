//! Woodpecker CI's API: repositories by number, pipelines, their steps and logs.
//!
//! Wire facts follow Woodpecker's own description and source; where both differ (a log's data, a filtered trigger) the
//! source was followed.
//!
//! Invariant: a pipeline moves on only by being read, so that every run of a test sees the same.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::middleware;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response, StatusCode};

use self::problem::Problem;
use self::state::State;
use super::kit::lock::lock;
use super::kit::quota::Allowance;
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod control;
mod gate;
mod logs;
mod objects;
mod pipelines;
mod problem;
mod queue;
mod repos;
mod secret;
mod secrets;
mod stage;
mod state;
mod steps;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "woodpecker",
    base_path: "/api",
    open,
};

/// The window of a limit, where the configuration sets one; Woodpecker itself has none.
const WINDOW: Duration = Duration::from_secs(60);

/// One Woodpecker.
pub(crate) struct Woodpecker {
    instance: Instance,
    state: Mutex<State>,
    quota: Option<Allowance>,
}

fn open(instance: Instance) -> Opened {
    let limit = instance.requests_per_window;
    let woodpecker = Woodpecker {
        state: Mutex::new(State::seeded(&instance.name)),
        quota: limit.map(|limit| Allowance::new(limit, WINDOW)),
        instance,
    };
    Opened::of(woodpecker, router)
}

fn router(woodpecker: Arc<Woodpecker>) -> Router {
    Router::new()
        .named("/api/user", get(repos::user))
        .named("/api/user/repos", get(repos::own))
        .named("/api/repos", get(repos::list))
        .named("/api/repos/lookup/{*repo_full_name}", get(repos::look_up))
        .named("/api/repos/{repo_id}", get(repos::get))
        .named("/api/repos/{repo_id}/branches", get(repos::branches))
        .named("/api/repos/{repo_id}/secrets", get(secrets::list).post(secrets::create))
        .named(
            "/api/repos/{repo_id}/secrets/{secret}",
            get(secrets::get).patch(secrets::change).delete(secrets::delete),
        )
        .named("/api/queue/info", get(queue::info))
        .named("/api/queue/pause", post(queue::pause))
        .named("/api/queue/resume", post(queue::resume))
        .merge(pipelines())
        .merge(logs())
        .layer(middleware::from_fn_with_state(woodpecker.clone(), gate::pass))
        .named("/version", get(repos::version))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(woodpecker)
}

fn pipelines() -> Router<Arc<Woodpecker>> {
    let one = "/api/repos/{repo_id}/pipelines/{number}";
    Router::new()
        .named(
            "/api/repos/{repo_id}/pipelines",
            get(pipelines::list).post(pipelines::create),
        )
        .named(one, get(pipelines::get).post(control::restart).delete(control::delete))
        .named(
            "/api/repos/{repo_id}/pipelines/{number}/approve",
            post(control::approve),
        )
        .named(
            "/api/repos/{repo_id}/pipelines/{number}/decline",
            post(control::decline),
        )
        .named("/api/repos/{repo_id}/pipelines/{number}/cancel", post(control::cancel))
        .named("/api/repos/{repo_id}/pipelines/{number}/config", get(control::config))
}

fn logs() -> Router<Arc<Woodpecker>> {
    let step = "/api/repos/{repo_id}/logs/{number}/{step_id}";
    Router::new()
        .named(
            "/api/repos/{repo_id}/logs/{number}",
            axum::routing::delete(logs::delete),
        )
        .named(step, get(logs::list).delete(logs::delete_step))
        .named(
            "/api/repos/{repo_id}/logs/{number}/{step_id}/download",
            get(logs::download),
        )
        .named("/api/stream/logs/{repo_id}/{number}/{step_id}", get(logs::follow))
}

async fn not_found() -> Problem {
    Problem::not_found()
}

/// A number, time or body that cannot be read; Woodpecker does not say which.
fn bad_request(_: impl Display) -> Problem {
    Problem::of(StatusCode::BAD_REQUEST)
}

impl Woodpecker {
    /// The data; the lock is never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Vendor for Woodpecker {
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

    fn wants_stream(&self, request: &Request<Bytes>) -> bool {
        request.uri().path().starts_with("/api/stream/")
    }

    fn error_frame(&self) -> Bytes {
        Bytes::from_static(b"event: error\ndata: stream broken\n\n")
    }

    fn created(&self) -> usize {
        self.state().created
    }
}
