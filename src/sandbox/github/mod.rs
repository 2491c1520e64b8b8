//! GitHub's REST API, version 2022-11-28: repositories, branches, contents, issues, and what surrounds them.
//!
//! Wire facts follow GitHub's OpenAPI description; where it is silent (texts of errors, order of headers) the vendor's
//! documentation was followed, and the tests do not depend on it.
//!
//! Invariant: every answer passes the gate, so every answer carries GitHub's headers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::middleware;
use axum::routing::get;
use http::{Response, StatusCode};

use self::objects::Links;
use self::problem::Problem;
use super::forge::State;
use super::kit::lock::lock;
use super::kit::quota::{Allowance, Standing};
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod contents;
mod gate;
mod issues;
mod meta;
mod objects;
mod page;
mod problem;
mod repos;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "github",
    base_path: "",
    open,
};

/// GitHub counts per hour.
const WINDOW: Duration = Duration::from_secs(3_600);
/// Requests per hour with a credential.
const USER_LIMIT: u64 = 5_000;
/// Requests per hour without one.
const ANONYMOUS_LIMIT: u64 = 60;

/// One GitHub.
pub(crate) struct GitHub {
    instance: Instance,
    state: Mutex<State>,
    user_quota: Allowance,
    anonymous_quota: Allowance,
    last_request: AtomicU64,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Anonymous,
    User,
}

fn open(instance: Instance) -> Opened {
    let github = open_github(instance);
    Opened {
        router: router(github.clone()),
        vendor: github,
    }
}

fn open_github(instance: Instance) -> Arc<GitHub> {
    Arc::new(GitHub {
        state: Mutex::new(State::seeded(&instance.name)),
        user_quota: Allowance::new(instance.requests_per_window.unwrap_or(USER_LIMIT), WINDOW),
        anonymous_quota: Allowance::new(ANONYMOUS_LIMIT, WINDOW),
        last_request: AtomicU64::new(0),
        instance,
    })
}

fn router(github: Arc<GitHub>) -> Router {
    Router::new()
        .named("/zen", get(meta::zen))
        .named("/meta", get(meta::meta))
        .named("/versions", get(meta::versions))
        .named("/rate_limit", get(meta::rate_limit))
        .named("/user", get(meta::user))
        .named("/user/repos", get(repos::list_for_user))
        .named("/orgs/{org}/repos", get(repos::list_for_org))
        .named("/repos/{owner}/{repo}", get(repos::get))
        .named("/repos/{owner}/{repo}/branches", get(repos::branches))
        .named("/repos/{owner}/{repo}/contents", get(contents::root))
        .named("/repos/{owner}/{repo}/contents/", get(contents::root))
        .named("/repos/{owner}/{repo}/contents/{*path}", get(contents::get))
        .named("/repos/{owner}/{repo}/issues", get(issues::list).post(issues::create))
        .named("/repos/{owner}/{repo}/issues/{number}", get(issues::get))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::from_fn_with_state(github.clone(), gate::pass))
        .with_state(github)
}

async fn not_found() -> Problem {
    Problem::not_found()
}

impl GitHub {
    /// The data; the lock is never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn links(&self) -> Links<'_> {
        Links {
            origin: &self.instance.origin,
            instance: &self.instance.name,
        }
    }

    fn quota(&self, caller: Caller) -> &Allowance {
        match caller {
            Caller::User => &self.user_quota,
            Caller::Anonymous => &self.anonymous_quota,
        }
    }

    fn standing(&self, caller: Caller) -> Standing {
        self.quota(caller).standing(SystemTime::now())
    }

    fn next_request_id(&self) -> String {
        let n = self.last_request.fetch_add(1, Ordering::Relaxed) + 1;
        format!("5B0C:{n:06X}:{}", self.instance.name)
    }
}

impl Vendor for GitHub {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let now = SystemTime::now();
        let standing = self.standing(Caller::User);
        let (problem, standing) = match refusal {
            // The first limit tells by x-ratelimit-reset when to come back, the second by retry-after.
            Refusal::RateLimited { retry_after } => (
                Problem::rate_limited(StatusCode::TOO_MANY_REQUESTS),
                standing.spent(now, retry_after),
            ),
            Refusal::SecondaryLimit { retry_after } => (Problem::secondary_limit(retry_after), standing),
            Refusal::ExpiredToken => (Problem::bad_credentials(), standing),
            Refusal::Status(status) => (Problem::of(status), standing),
        };
        self.dress(problem.into_answer(), standing)
    }

    fn created(&self) -> usize {
        self.state().created.items
    }
}
