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
use axum::routing::get;
use http::{Response, StatusCode};

use self::problem::Problem;
use self::state::State;
use super::kit::lock::lock;
use super::kit::quota::Allowance;
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod gate;
mod objects;
mod pipelines;
mod problem;
mod repos;
mod stage;
mod state;

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
        .named("/api/repos/lookup/{*repo_full_name}", get(repos::look_up))
        .named("/api/repos/{repo_id}", get(repos::get))
        .named(
            "/api/repos/{repo_id}/pipelines",
            get(pipelines::list).post(pipelines::create),
        )
        .named("/api/repos/{repo_id}/pipelines/{number}", get(pipelines::get))
        .named("/api/repos/{repo_id}/logs/{number}/{step_id}", get(pipelines::log))
        .layer(middleware::from_fn_with_state(woodpecker.clone(), gate::pass))
        .named("/version", get(repos::version))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(woodpecker)
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

    fn created(&self) -> usize {
        self.state().created
    }
}
