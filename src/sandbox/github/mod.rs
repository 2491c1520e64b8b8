//! GitHub's REST API, versions 2022-11-28 and 2026-03-10: all that a Git forge does, issues, Actions, and apps.
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
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post, put};
use http::{Response, StatusCode};
use tower::Layer;

use self::actions::store::Store;
use self::apps::tokens::Tokens;
use self::boards::Boards;
use self::objects::Links;
use self::problem::Problem;
use self::version::Version;
use super::ci::Ci;
use super::forge::State;
use super::kit::lock::lock;
use super::kit::quota::{Allowance, Standing};
use super::kit::vendor::{Instance, Opened, Refusal, RouteByName, Vendor, VendorRow};

mod actions;
mod answer;
mod apps;
mod boards;
mod body;
mod changes;
mod commits;
mod contents;
mod files;
mod gate;
mod hooks;
mod issues;
mod labels;
mod merge;
mod meta;
mod objects;
mod page;
mod patch;
mod place;
mod problem;
mod pulls;
mod refs;
mod releases;
mod remarks;
mod repos;
mod reviews;
mod search;
mod statuses;
mod version;

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
/// Searches are counted per minute.
const SEARCH_WINDOW: Duration = Duration::from_secs(60);
const SEARCH_LIMIT: u64 = 30;

/// The largest request: a file in base64, and room. GitHub's own bound is more than twice as much.
const MAX_BODY: usize = 64 << 20;

/// One GitHub.
pub(crate) struct GitHub {
    instance: Instance,
    state: Mutex<State>,
    /// Taken after the state, never before it.
    ci: Mutex<Ci>,
    /// Taken after both.
    apps: Mutex<Tokens>,
    store: Mutex<Store>,
    /// Taken after the state.
    own: Mutex<Boards>,
    user_quota: Allowance,
    anonymous_quota: Allowance,
    /// Searches have one of their own.
    search_quota: Allowance,
    last_request: AtomicU64,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Anonymous,
    User,
    /// The app itself, by its signed word.
    App,
    /// The token of this number, of one of the app's installations.
    Installation(u64),
}

fn open(instance: Instance) -> Opened {
    let github = open_github(instance);
    Opened {
        router: router(github.clone()),
        vendor: github,
    }
}

/// One for tests, whose writes take no time.
#[cfg(test)]
fn open_for_test() -> Arc<GitHub> {
    open_github(Instance {
        name: "one".to_owned(),
        origin: "http://127.0.0.1:1".to_owned(),
        token: "t".to_owned().into(),
        requests_per_window: None,
        chunk_pace: Duration::ZERO,
    })
}

fn open_github(instance: Instance) -> Arc<GitHub> {
    let state = State::seeded(&instance.name);
    Arc::new(GitHub {
        ci: Mutex::new(Ci::of_forge(&instance.name, &state)),
        apps: Mutex::default(),
        store: Mutex::default(),
        own: Mutex::new(Boards::seeded()),
        state: Mutex::new(state),
        user_quota: Allowance::new(instance.requests_per_window.unwrap_or(USER_LIMIT), WINDOW),
        anonymous_quota: Allowance::new(ANONYMOUS_LIMIT, WINDOW),
        search_quota: Allowance::new(SEARCH_LIMIT, SEARCH_WINDOW),
        last_request: AtomicU64::new(0),
        instance,
    })
}

/// The gate stands before the choice of the route, because it leads former names to present ones.
fn router(github: Arc<GitHub>) -> Router {
    let gate = middleware::from_fn_with_state(github.clone(), gate::pass);
    let routes = boards::routes(around(Router::new()));
    let routes = apps::routes(actions::routes(in_repo(routes)))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        // The bound of a body is kept before any route.
        .layer(DefaultBodyLimit::disable());
    Router::new()
        // The store is another house: it has no gate.
        .named("/_store/{number}", get(actions::fetch::get))
        .with_state(github.clone())
        .fallback_service(gate.layer(routes.with_state(github)))
}

/// Who calls, what there is, and repositories as a whole.
fn around(routes: Router<Arc<GitHub>>) -> Router<Arc<GitHub>> {
    routes
        .named("/zen", get(meta::zen))
        .named("/meta", get(meta::meta))
        .named("/versions", get(meta::versions))
        .named("/rate_limit", get(meta::rate_limit))
        .named("/user", get(meta::user))
        .named("/user/repos", get(repos::list_for_user).post(repos::create_for_user))
        .named(
            "/orgs/{org}/repos",
            get(repos::list_for_org).post(repos::create_for_org),
        )
        .named(
            "/repos/{owner}/{repo}",
            get(repos::get).patch(repos::edit).delete(repos::delete),
        )
        .named("/repos/{owner}/{repo}/forks", post(repos::fork))
        .named("/repos/{owner}/{repo}/hooks", get(hooks::list).post(hooks::create))
        .named("/repos/{owner}/{repo}/hooks/{hook_id}", delete(hooks::delete))
}

/// What is in a repository.
fn in_repo(routes: Router<Arc<GitHub>>) -> Router<Arc<GitHub>> {
    let routes = routes
        .named("/repos/{owner}/{repo}/branches", get(refs::branches))
        .named("/repos/{owner}/{repo}/branches/{*branch}", get(refs::branch))
        .named("/repos/{owner}/{repo}/tags", get(refs::tags))
        .named("/repos/{owner}/{repo}/git/refs", post(refs::create))
        .named("/repos/{owner}/{repo}/git/refs/{*ref}", delete(refs::delete))
        .named("/repos/{owner}/{repo}/git/ref/{*ref}", get(refs::get))
        .named("/repos/{owner}/{repo}/git/tags", post(refs::annotate))
        .named("/repos/{owner}/{repo}/git/tags/{tag_sha}", get(refs::annotation))
        .named("/repos/{owner}/{repo}/git/trees/{tree_sha}", get(commits::tree))
        .named("/repos/{owner}/{repo}/git/blobs/{file_sha}", get(commits::blob))
        .named("/repos/{owner}/{repo}/commits", get(commits::list))
        .named("/repos/{owner}/{repo}/commits/{ref}", get(commits::get))
        .named("/repos/{owner}/{repo}/commits/{ref}/status", get(statuses::combined))
        .named("/repos/{owner}/{repo}/commits/{ref}/statuses", get(statuses::list))
        .named("/repos/{owner}/{repo}/statuses/{sha}", post(statuses::create))
        .named("/repos/{owner}/{repo}/compare/{*basehead}", get(commits::compare))
        .named("/repos/{owner}/{repo}/contents", get(contents::root))
        .named("/repos/{owner}/{repo}/contents/", get(contents::root))
        .named(
            "/repos/{owner}/{repo}/contents/{*path}",
            get(contents::get).put(files::put).delete(files::delete),
        )
        .named(
            "/repos/{owner}/{repo}/releases",
            get(releases::list).post(releases::create),
        )
        .named("/repos/{owner}/{repo}/releases/tags/{tag}", get(releases::by_tag));
    routes
        .named("/repos/{owner}/{repo}/issues", get(issues::list).post(issues::create))
        .named(
            "/repos/{owner}/{repo}/issues/{number}",
            get(issues::get).patch(changes::edit),
        )
        .named(
            "/repos/{owner}/{repo}/issues/{number}/lock",
            put(changes::lock).delete(changes::unlock),
        )
        .named(
            "/repos/{owner}/{repo}/issues/{number}/assignees",
            post(changes::assign).delete(changes::unassign),
        )
        .named(
            "/repos/{owner}/{repo}/issues/{number}/labels",
            get(labels::of_issue).put(labels::replace).delete(labels::clear),
        )
        .named(
            "/repos/{owner}/{repo}/issues/comments/{comment}",
            get(remarks::get).patch(remarks::edit).delete(remarks::delete),
        )
        .named("/repos/{owner}/{repo}/labels", get(labels::list).post(labels::create))
        .named(
            "/repos/{owner}/{repo}/milestones",
            get(labels::milestones).post(labels::create_milestone),
        )
        .named("/search/issues", get(search::issues))
        .named(
            "/repos/{owner}/{repo}/issues/{number}/comments",
            get(reviews::comments).post(reviews::comment),
        )
        .named("/repos/{owner}/{repo}/pulls", get(pulls::list).post(pulls::create))
        .named(
            "/repos/{owner}/{repo}/pulls/{number}",
            get(pulls::get).patch(pulls::edit),
        )
        .named("/repos/{owner}/{repo}/pulls/{number}/commits", get(pulls::commits))
        .named("/repos/{owner}/{repo}/pulls/{number}/files", get(pulls::files))
        .named("/repos/{owner}/{repo}/pulls/{number}/merge", put(merge::merge))
        .named(
            "/repos/{owner}/{repo}/pulls/{number}/reviews",
            get(reviews::list).post(reviews::create),
        )
        .named("/repos/{owner}/{repo}/pulls/{number}/comments", get(reviews::on_lines))
}

async fn not_found() -> Problem {
    Problem::not_found()
}

impl GitHub {
    /// The data; the lock is never held across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The runs; taken after the state.
    fn ci(&self) -> MutexGuard<'_, Ci> {
        lock(&self.ci)
    }

    /// The tokens of the app's installations; taken after the state.
    fn apps(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.apps)
    }

    /// Boards, and what else GitHub alone keeps of issues; taken after the state.
    fn own(&self) -> MutexGuard<'_, Boards> {
        lock(&self.own)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
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
            Caller::User | Caller::App | Caller::Installation(_) => &self.user_quota,
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
        self.dress(problem.into_answer(), Version::USUAL, standing)
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn created(&self) -> usize {
        self.state().created.items + self.ci().created()
    }
}
