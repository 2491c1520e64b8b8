//! Gitea Actions as of 1.26: workflows, runs, jobs, logs, artifacts and secrets.
//!
//! This release can neither stop a run nor let one go on that waits.
//!
//! Invariant: no route here is one that a later release brought.

use std::sync::{Arc, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::routing::{get, post, put};
use http::{Method, Response, StatusCode};
use jiff::Timestamp;

use super::Gitea;
use super::problem::Problem;
use crate::sandbox::ci::{Ci, Project, Refused, Workflow, key};
use crate::sandbox::forge::{Repo, State};
use crate::sandbox::kit::lock::lock;
use crate::sandbox::kit::vendor::RouteByName;

mod artifacts;
mod jobs;
mod objects;
mod runs;
mod secrets;
mod words;
mod workflows;

/// The routes to a repository's Actions.
pub(crate) fn routes() -> Router<Arc<Gitea>> {
    let routes = Router::new()
        .named("/api/v1/repos/{owner}/{repo}/actions/workflows", get(workflows::list))
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/workflows/{workflow_id}",
            get(workflows::get),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
            post(workflows::dispatch),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable",
            put(workflows::enable),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/workflows/{workflow_id}/disable",
            put(workflows::disable),
        )
        .named("/api/v1/repos/{owner}/{repo}/actions/secrets", get(secrets::list))
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/secrets/{secretname}",
            put(secrets::put).delete(secrets::delete),
        );
    let routes = routes
        .named("/api/v1/repos/{owner}/{repo}/actions/artifacts", get(artifacts::list))
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/artifacts/{artifact_id}",
            get(artifacts::get),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/zip",
            get(artifacts::download),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/zip/raw",
            get(artifacts::raw),
        );
    routes
        .named("/api/v1/repos/{owner}/{repo}/actions/runs", get(runs::list))
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/runs/{run}",
            get(runs::get).delete(runs::delete),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/runs/{run}/rerun",
            post(runs::rerun),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/runs/{run}/rerun-failed-jobs",
            post(runs::rerun_failed),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/runs/{run}/artifacts",
            get(artifacts::of_run),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/runs/{run}/jobs",
            get(jobs::of_run),
        )
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/runs/{run}/jobs/{job_id}/rerun",
            post(jobs::rerun),
        )
        .named("/api/v1/repos/{owner}/{repo}/actions/jobs/{job_id}", get(jobs::get))
        .named(
            "/api/v1/repos/{owner}/{repo}/actions/jobs/{job_id}/logs",
            get(jobs::log),
        )
}

/// A change of the forge starts what listens to it.
pub(crate) async fn follow(Shared(gitea): Shared<Arc<Gitea>>, request: Request, next: Next) -> Response<Body> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let response = next.run(request).await;
    if !reads && response.status().is_success() {
        let state = gitea.state();
        lock(&gitea.ci).follow(&state, Timestamp::now());
    }
    response
}

/// A repository, and its CI; both are held while this lives.
struct Place<'a> {
    gitea: &'a Gitea,
    state: MutexGuard<'a, State>,
    ci: MutexGuard<'a, Ci>,
    id: u64,
    key: String,
    now: Timestamp,
}

impl<'a> Place<'a> {
    /// The CI of a repository; one that has no workflow yet has none of it.
    fn of(gitea: &'a Gitea, owner: &str, name: &str) -> Result<Self, Problem> {
        let state = gitea.state();
        let repo = state.repo(owner, name).ok_or_else(Problem::not_found)?;
        let (id, key) = (repo.id, key(repo));
        // Always after the state.
        let mut ci = lock(&gitea.ci);
        ci.project_or_new(&key);
        Ok(Self {
            gitea,
            state,
            ci,
            id,
            key,
            now: Timestamp::now(),
        })
    }

    /// The same where something is to change.
    fn writable(gitea: &'a Gitea, owner: &str, name: &str) -> Result<Self, Problem> {
        let place = Self::of(gitea, owner, name)?;
        let archived = place.repo()?.archived;
        if archived {
            return Err(Problem::of(StatusCode::LOCKED));
        }
        Ok(place)
    }

    fn repo(&self) -> Result<&Repo, Problem> {
        self.state.by_id(self.id).map_err(|_| Problem::not_found())
    }

    fn project(&self) -> Result<&Project, Problem> {
        Ok(self.ci.project(&self.key)?)
    }

    fn workflow(&self, file: &str) -> Result<&Workflow, Problem> {
        let mut all = self.project()?.workflows.iter();
        // Here a workflow has no number.
        let found = all.find(|workflow| workflow.file == file);
        found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("workflow {file:?} not found")))
    }
}

/// A number in a path; what is none names nothing.
fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// What is refused alike everywhere. A handler that has other words for a refusal says them first.
impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::not_found(),
            Refused::Full => Self::invalid("this sandbox holds no more of these; restart it to empty it"),
            _ => Self::of(StatusCode::BAD_REQUEST),
        }
    }
}
