//! Gitea's REST API as of 1.26: repositories, branches, contents, issues and labels, below `/api/v1`.
//!
//! Wire facts follow Gitea's Swagger description. Where that is silent (statuses of refusals, order of links, what is
//! null) the behaviour of its releases was followed.
//!
//! Invariant: every answer passes the gate, so nothing that needs a credential is answered without one.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::middleware;
use axum::routing::get;
use http::Response;

use self::objects::{BASE, Links};
use self::problem::Problem;
use super::ci::Ci;
use super::forge::State;
use super::kit::lock::lock;
use super::kit::quota::Allowance;
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod actions;
mod contents;
mod gate;
mod issues;
mod label;
mod labels;
mod meta;
mod objects;
mod page;
mod problem;
mod repos;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "gitea",
    base_path: BASE,
    open,
};

/// Gitea counts no requests. Where a number is configured, a proxy in front of it does, per minute.
const WINDOW: Duration = Duration::from_secs(60);

/// One Gitea.
pub(crate) struct Gitea {
    instance: Instance,
    state: Mutex<State>,
    /// Taken after the state, never before it.
    ci: Mutex<Ci>,
    proxy: Option<Allowance>,
}

fn open(instance: Instance) -> Opened {
    let state = State::seeded(&instance.name);
    let gitea = Gitea {
        ci: Mutex::new(Ci::of_forge(&instance.name, &state)),
        state: Mutex::new(state),
        proxy: instance.requests_per_window.map(|limit| Allowance::new(limit, WINDOW)),
        instance,
    };
    Opened::of(gitea, router)
}

fn router(gitea: Arc<Gitea>) -> Router {
    Router::new()
        .named("/api/v1/version", get(meta::version))
        .named("/api/v1/settings/api", get(meta::settings))
        .named("/api/v1/user", get(meta::user))
        .named("/api/v1/user/repos", get(repos::list_own))
        .named("/api/v1/users/{username}/repos", get(repos::list_of_user))
        .named("/api/v1/orgs/{org}/repos", get(repos::list_of_org))
        .named("/api/v1/orgs/{org}/labels", get(labels::list_of_org))
        .named("/api/v1/repos/{owner}/{repo}", get(repos::get))
        .named("/api/v1/repos/{owner}/{repo}/branches", get(repos::branches))
        .named("/api/v1/repos/{owner}/{repo}/contents", get(contents::root))
        .named("/api/v1/repos/{owner}/{repo}/contents/{*filepath}", get(contents::get))
        .named("/api/v1/repos/{owner}/{repo}/raw/{*filepath}", get(contents::raw))
        .named(
            "/api/v1/repos/{owner}/{repo}/issues",
            get(issues::list).post(issues::create),
        )
        .named("/api/v1/repos/{owner}/{repo}/issues/{index}", get(issues::get))
        .named("/api/v1/repos/{owner}/{repo}/labels", get(labels::list_of_repo))
        .merge(actions::routes())
        .layer(middleware::from_fn_with_state(gitea.clone(), actions::follow))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::from_fn_with_state(gitea.clone(), gate::pass))
        .with_state(gitea)
}

async fn not_found() -> Problem {
    Problem::not_found()
}

impl Gitea {
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
}

impl Vendor for Gitea {
    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        match refusal {
            Refusal::RateLimited { retry_after } | Refusal::SecondaryLimit { retry_after } => {
                problem::by_proxy(retry_after)
            }
            Refusal::ExpiredToken => Problem::bad_token().into_answer(&self.instance.origin),
            Refusal::Status(status) => Problem::of(status).into_answer(&self.instance.origin),
        }
    }

    fn created(&self) -> usize {
        self.state().created.items + lock(&self.ci).created()
    }
}
