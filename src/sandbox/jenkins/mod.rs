//! Jenkins: jobs in folders of any depth, their builds, the queue, logs as they grow, artifacts, and of plugins the stage view
//! and the inputs that a Pipeline waits for.
//!
//! Wire facts follow what Jenkins' own source does; its only published description is old, and of a third party.
//! The same Jenkins is served at the root and below `/jenkins`, and its links lead to where it was asked.
//!
//! Invariant: what waits or runs moves on only by being read, so that every run of a test sees the same.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use http::{Response, StatusCode};

use self::gate::Accounts;
use self::problem::Problem;
use self::state::State;
use super::kit::lock::lock;
use super::kit::quota::Allowance;
use super::kit::vendor::{Instance, Opened, Refusal, Vendor, VendorRow};

mod artifacts;
mod asked;
mod builds;
mod gate;
mod inputs;
mod log;
mod object;
mod objects;
mod parameters;
mod place;
mod problem;
mod queue;
mod routes;
mod seeded;
mod session;
mod stage;
mod stage_view;
mod state;
mod tree;
mod trigger;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "jenkins",
    base_path: place::PREFIX,
    open,
};

/// The window of a limit, where the configuration sets one; Jenkins itself has none.
const WINDOW: Duration = Duration::from_secs(60);

/// One Jenkins.
pub(crate) struct Jenkins {
    instance: Instance,
    accounts: Accounts,
    state: Mutex<State>,
    quota: Option<Allowance>,
}

type Answer = Result<Response<Body>, Problem>;

fn open(instance: Instance) -> Opened {
    let limit = instance.requests_per_window;
    let accounts = Accounts::of(&instance.token);
    let jenkins = Jenkins {
        state: Mutex::new(State::seeded(&instance.name, accounts.user())),
        quota: limit.map(|limit| Allowance::new(limit, WINDOW)),
        accounts,
        instance,
    };
    Opened::of(jenkins, router)
}

/// Folders nest without end, so no table of patterns holds the routes: [`place`] reads them.
fn router(jenkins: Arc<Jenkins>) -> Router {
    Router::new()
        .fallback(routes::answer)
        .layer(DefaultBodyLimit::disable())
        .with_state(jenkins)
}

impl Jenkins {
    /// The data; the lock is never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Vendor for Jenkins {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let problem = match refusal {
            Refusal::RateLimited { retry_after } | Refusal::SecondaryLimit { retry_after } => {
                Problem::rate_limited(retry_after)
            }
            Refusal::ExpiredToken => Problem::unauthorized(self.accounts.user()),
            Refusal::Status(StatusCode::SERVICE_UNAVAILABLE) => Problem::starting(),
            Refusal::Status(status) => Problem::of(status),
        };
        routes::signed(problem.into_answer())
    }

    fn created(&self) -> usize {
        self.state().created
    }
}
