//! Gitea's REST API as of 1.26, below `/api/v1`: all that a Git forge does, issues, tokens, and the renewal of OAuth
//! tokens beside it.
//!
//! Wire facts follow Gitea's Swagger description. Where that is silent (statuses of refusals, order of links, what is
//! null) the behaviour of its releases was followed.
//!
//! Invariant: every answer passes the gate, so nothing that needs a credential is answered without one.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post, put};
use http::Response;

use self::access::Access;
use self::objects::{BASE, Links};
use self::problem::Problem;
use super::ci::Ci;
use super::forge::State;
use super::kit::lock::lock;
use super::kit::quota::Allowance;
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod access;
mod actions;
mod answer;
mod branches;
mod caller;
mod changes;
mod comments;
mod commits;
mod contents;
mod files;
mod forks;
mod form;
mod gate;
mod hooks;
mod issues;
mod label;
mod labels;
mod merge;
mod meta;
mod milestones;
mod oauth;
mod objects;
mod page;
mod place;
mod problem;
mod pulls;
mod releases;
mod repos;
mod reviews;
mod scope;
mod statuses;
mod tags;
mod tokens;
mod trees;

pub(crate) const VENDOR: VendorRow = VendorRow {
    name: "gitea",
    base_path: BASE,
    open,
};

/// Gitea counts no requests. Where a number is configured, a proxy in front of it does, per minute.
const WINDOW: Duration = Duration::from_secs(60);
/// The largest request: a file in base64, and room.
const MAX_BODY: usize = 64 << 20;

/// One Gitea.
pub(crate) struct Gitea {
    instance: Instance,
    state: Mutex<State>,
    access: Mutex<Access>,
    /// Taken after the state, never before it.
    ci: Mutex<Ci>,
    proxy: Option<Allowance>,
}

fn open(instance: Instance) -> Opened {
    let state = State::seeded(&instance.name);
    let gitea = Gitea {
        ci: Mutex::new(Ci::of_forge(&instance.name, &state)),
        state: Mutex::new(state),
        access: Mutex::new(Access::new(&instance.token)),
        proxy: instance.requests_per_window.map(|limit| Allowance::new(limit, WINDOW)),
        instance,
    };
    Opened::of(gitea, router)
}

/// Routes that know their Gitea.
type Routes = Router<Arc<Gitea>>;

/// All routes but those of Actions, which have a folder of their own.
const PARTS: &[fn(Routes) -> Routes] = &[around, whole_repos, in_repo, beside, pulls, issues];

fn router(gitea: Arc<Gitea>) -> Router {
    let routes = PARTS.iter().fold(actions::routes(), |routes, add| add(routes));
    routes
        .layer(middleware::from_fn_with_state(gitea.clone(), actions::follow))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        // The bound of a body is kept before any route.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(gitea.clone(), gate::pass))
        .with_state(gitea)
}

/// Who calls, and what there is.
fn around(routes: Routes) -> Routes {
    routes
        .named("/login/oauth/access_token", post(oauth::token))
        .named("/api/v1/version", get(meta::version))
        .named("/api/v1/settings/api", get(meta::settings))
        .named("/api/v1/user", get(meta::user))
        .named("/api/v1/users/{username}", get(meta::other_user))
        .named(
            "/api/v1/users/{username}/tokens",
            get(tokens::list).post(tokens::create),
        )
        .named("/api/v1/users/{username}/tokens/{token}", delete(tokens::delete))
}

/// Repositories as a whole.
fn whole_repos(routes: Routes) -> Routes {
    routes
        .named("/api/v1/user/repos", get(repos::list_own).post(repos::create_own))
        .named("/api/v1/users/{username}/repos", get(repos::list_of_user))
        .named(
            "/api/v1/orgs/{org}/repos",
            get(repos::list_of_org).post(repos::create_for_org),
        )
        .named("/api/v1/repos/search", get(repos::search))
        .named("/api/v1/repositories/{id}", get(repos::by_id))
        .named(
            "/api/v1/repos/{owner}/{repo}",
            get(repos::get).patch(repos::edit).delete(repos::delete),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/forks",
            get(forks::list).post(forks::create),
        )
}

/// What is in a repository.
fn in_repo(routes: Routes) -> Routes {
    routes
        .named(
            "/api/v1/repos/{owner}/{repo}/branches",
            get(branches::list).post(branches::create),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/branches/{*branch}",
            get(branches::get).delete(branches::delete),
        )
        .named("/api/v1/repos/{owner}/{repo}/tags", get(tags::list).post(tags::create))
        .named(
            "/api/v1/repos/{owner}/{repo}/tags/{*tag}",
            get(tags::get).delete(tags::delete),
        )
        .named("/api/v1/repos/{owner}/{repo}/git/tags/{sha}", get(tags::annotation))
        .named("/api/v1/repos/{owner}/{repo}/commits", get(commits::list))
        .named("/api/v1/repos/{owner}/{repo}/git/commits/{sha}", get(commits::get))
        .named(
            "/api/v1/repos/{owner}/{repo}/compare/{*basehead}",
            get(commits::compare),
        )
        .named("/api/v1/repos/{owner}/{repo}/git/trees/{sha}", get(trees::tree))
        .named("/api/v1/repos/{owner}/{repo}/git/blobs/{sha}", get(trees::blob))
        .named("/api/v1/repos/{owner}/{repo}/contents", get(contents::root))
        .named("/api/v1/repos/{owner}/{repo}/contents/", get(contents::root))
        .named(
            "/api/v1/repos/{owner}/{repo}/contents/{*filepath}",
            get(contents::get)
                .post(files::create)
                .put(files::update)
                .delete(files::delete),
        )
        .named("/api/v1/repos/{owner}/{repo}/raw/{*filepath}", get(contents::raw))
        .named("/api/v1/repos/{owner}/{repo}/media/{*filepath}", get(contents::raw))
}

/// What surrounds its history.
fn beside(routes: Routes) -> Routes {
    routes
        .named("/api/v1/repos/{owner}/{repo}/commits/{*path}", get(statuses::of_ref))
        .named(
            "/api/v1/repos/{owner}/{repo}/statuses/{sha}",
            get(statuses::list).post(statuses::create),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/releases",
            get(releases::list).post(releases::create),
        )
        .named("/api/v1/repos/{owner}/{repo}/releases/latest", get(releases::latest))
        .named(
            "/api/v1/repos/{owner}/{repo}/releases/{id}",
            get(releases::get).delete(releases::delete),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/releases/tags/{tag}",
            get(releases::by_tag).delete(releases::delete_by_tag),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/hooks",
            get(hooks::list).post(hooks::create),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/hooks/{id}",
            get(hooks::get).delete(hooks::delete),
        )
}

fn pulls(routes: Routes) -> Routes {
    routes
        .named(
            "/api/v1/repos/{owner}/{repo}/pulls",
            get(pulls::list).post(pulls::create),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/pulls/{index}",
            get(pulls::get).patch(pulls::edit),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/pulls/{index}/commits",
            get(pulls::commits),
        )
        .named("/api/v1/repos/{owner}/{repo}/pulls/{index}/files", get(pulls::files))
        .named(
            "/api/v1/repos/{owner}/{repo}/pulls/{index}/merge",
            get(merge::merged).post(merge::merge),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/pulls/{index}/reviews",
            get(reviews::list).post(reviews::create),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/pulls/{index}/reviews/{id}",
            get(reviews::get).post(reviews::submit).delete(reviews::delete),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/pulls/{index}/reviews/{id}/comments",
            get(reviews::on_lines),
        )
}

fn issues(routes: Routes) -> Routes {
    routes
        .named("/api/v1/repos/issues/search", get(issues::search))
        .named(
            "/api/v1/repos/{owner}/{repo}/issues",
            get(issues::list).post(issues::create),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/issues/{index}",
            get(issues::get).patch(changes::edit).delete(changes::delete),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/issues/{index}/lock",
            put(changes::lock).delete(changes::unlock),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/issues/{index}/labels",
            put(labels::replace).delete(labels::clear),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/issues/comments/{id}",
            get(comments::get).patch(comments::edit).delete(comments::delete),
        )
        .named("/api/v1/repos/{owner}/{repo}/assignees", get(changes::assignees))
        .named(
            "/api/v1/repos/{owner}/{repo}/milestones",
            get(milestones::list).post(milestones::create),
        )
        .named("/api/v1/repos/{owner}/{repo}/milestones/{id}", get(milestones::get))
        .named(
            "/api/v1/repos/{owner}/{repo}/issues/{index}/comments",
            get(comments::list).post(comments::create),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/labels",
            get(labels::list_of_repo).post(labels::create),
        )
        .named("/api/v1/orgs/{org}/labels", get(labels::list_of_org))
}

async fn not_found() -> Problem {
    Problem::not_found()
}

impl Gitea {
    /// The data; the lock is never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The tokens; the lock is never held across an await.
    fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.access)
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

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn created(&self) -> usize {
        self.state().created.items + lock(&self.ci).created()
    }
}
