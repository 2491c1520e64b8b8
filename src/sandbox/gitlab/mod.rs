//! GitLab's REST API, version 4, as its release 18.4 speaks it: all that a Git forge does, groups, and its OAuth endpoint.
//!
//! There is no machine-readable description of it here: routes, shapes and words follow what is recorded of its answers
//! and its documentation.
//!
//! Invariant: every answer passes the gate, so every answer carries GitLab's headers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use http::{Response, StatusCode};

use self::caller::Caller;
use self::data::Data;
use self::objects::Links;
use self::own::Own;
use self::problem::Problem;
use self::tokens::Tokens;
use super::forge::State;
use super::kit::lock::lock;
use super::kit::quota::Allowance;
use super::kit::vendor::{Instance, Opened, Refusal, Vendor, VendorRow};

mod accept;
mod approvals;
mod ask;
mod branches;
mod caller;
mod commits;
mod data;
mod files;
mod gate;
mod groups;
mod hooks;
mod input;
mod issues;
mod merge_edits;
mod merge_writes;
mod merges;
mod meta;
mod notes;
mod oauth;
mod objects;
mod own;
mod page;
mod place;
mod planning;
mod problem;
mod projects;
mod protected;
mod quick;
mod releases;
mod routes;
mod statuses;
mod tags;
mod tokens;
mod trees;

/// What the base URL has after the host.
const BASE: &str = "/api/v4";

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "gitlab",
    base_path: BASE,
    open,
};

/// GitLab counts per minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Requests per minute with a credential, as on gitlab.com.
const USER_LIMIT: u64 = 2_000;
/// Requests per minute without one.
const ANONYMOUS_LIMIT: u64 = 500;
/// The largest request: a file in base64, and room.
const MAX_BODY: usize = 64 << 20;

/// One GitLab.
pub(crate) struct GitLab {
    instance: Instance,
    data: Mutex<Data>,
    tokens: Mutex<Tokens>,
    user_quota: Allowance,
    anonymous_quota: Allowance,
    last_request: AtomicU64,
}

fn open(instance: Instance) -> Opened {
    Opened::of(open_gitlab(instance), router)
}

fn open_gitlab(instance: Instance) -> GitLab {
    let mut forge = State::seeded(&instance.name);
    forge.plant("acme/platform", "tools", "Below a group of a group");
    GitLab {
        data: Mutex::new(Data {
            forge,
            own: Own::default(),
        }),
        tokens: Mutex::default(),
        user_quota: Allowance::new(instance.requests_per_window.unwrap_or(USER_LIMIT), WINDOW),
        anonymous_quota: Allowance::new(ANONYMOUS_LIMIT, WINDOW),
        last_request: AtomicU64::new(0),
        instance,
    }
}

fn router(gitlab: Arc<GitLab>) -> Router {
    let gate = middleware::from_fn_with_state(gitlab.clone(), gate::pass);
    routes::all(Router::new())
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        // The bound of a body is kept before any route.
        .layer(DefaultBodyLimit::disable())
        .layer(gate)
        .with_state(gitlab)
}

/// Where nothing is: another form than that of a thing which is not there.
async fn no_route() -> Problem {
    Problem::error(StatusCode::NOT_FOUND, "404 Not Found")
}

async fn wrong_method() -> Problem {
    Problem::error(StatusCode::METHOD_NOT_ALLOWED, "405 Not Allowed")
}

impl GitLab {
    /// The data; the lock is never held across an await.
    fn data(&self) -> MutexGuard<'_, Data> {
        lock(&self.data)
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    fn links(&self) -> Links<'_> {
        Links {
            origin: &self.instance.origin,
            instance: &self.instance.name,
        }
    }

    fn quota(&self, caller: Caller) -> &Allowance {
        match caller {
            Caller::Anonymous => &self.anonymous_quota,
            Caller::User | Caller::Reader | Caller::Job => &self.user_quota,
        }
    }

    fn next_request_id(&self) -> String {
        let n = self.last_request.fetch_add(1, Ordering::Relaxed) + 1;
        format!("01SANDBOX{n:017X}")
    }
}

impl Vendor for GitLab {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let now = SystemTime::now();
        let standing = self.user_quota.standing(now);
        match refusal {
            Refusal::RateLimited { retry_after } | Refusal::SecondaryLimit { retry_after } => {
                self.throttled(Caller::User, standing.spent(now, retry_after))
            }
            Refusal::ExpiredToken => self.dress(Problem::expired_token().into_answer(), Caller::User),
            Refusal::Status(status) => self.dress(Problem::of(status).into_answer(), Caller::User),
        }
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn created(&self) -> usize {
        self.data().forge.created.items
    }
}
