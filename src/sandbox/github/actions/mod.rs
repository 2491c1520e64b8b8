//! GitHub Actions: workflows, runs, jobs, logs, artifacts and secrets.
//!
//! Invariant: what lies in the store is never given here, only the way to it.

use std::sync::{Arc, MutexGuard};

use axum::Router;
use axum::routing::{delete, get, post, put};
use http::StatusCode;
use jiff::Timestamp;

use super::GitHub;
use super::answer::Named;
use super::problem::Problem;
use crate::sandbox::ci::{Ci, Project, Refused, Workflow, key};
use crate::sandbox::forge::{Repo, State};
use crate::sandbox::kit::vendor::RouteByName;

mod artifacts;
mod control;
mod deployments;
pub(crate) mod fetch;
mod filter;
mod jobs;
mod logs;
mod objects;
mod runs;
mod secrets;
pub(crate) mod store;
mod words;
mod workflows;

/// The routes to a repository's Actions.
pub(crate) fn routes(routes: Router<Arc<GitHub>>) -> Router<Arc<GitHub>> {
    let routes = routes
        .named("/repos/{owner}/{repo}/actions/workflows", get(workflows::list))
        .named(
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}",
            get(workflows::get),
        )
        .named(
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
            get(runs::of_workflow),
        )
        .named(
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
            post(workflows::dispatch),
        )
        .named(
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable",
            put(workflows::enable),
        )
        .named(
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/disable",
            put(workflows::disable),
        )
        .named("/repos/{owner}/{repo}/actions/secrets", get(secrets::list))
        .named(
            "/repos/{owner}/{repo}/actions/secrets/public-key",
            get(secrets::public_key),
        )
        .named(
            "/repos/{owner}/{repo}/actions/secrets/{secret_name}",
            get(secrets::get).put(secrets::put).delete(secrets::delete),
        )
        .named("/repos/{owner}/{repo}/actions/artifacts", get(artifacts::list))
        .named(
            "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}",
            get(artifacts::get),
        )
        .named(
            "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}",
            get(artifacts::download),
        );
    of_runs(routes)
}

fn of_runs(routes: Router<Arc<GitHub>>) -> Router<Arc<GitHub>> {
    routes
        .named("/repos/{owner}/{repo}/actions/runs", get(runs::list))
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}",
            get(runs::get).delete(runs::delete),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}",
            get(runs::attempt),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
            get(jobs::of_attempt),
        )
        .named("/repos/{owner}/{repo}/actions/runs/{run_id}/jobs", get(jobs::of_run))
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel",
            post(control::cancel),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel",
            post(control::force_cancel),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun",
            post(control::rerun),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs",
            post(control::rerun_failed),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/approve",
            post(control::approve),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
            get(deployments::pending).post(deployments::review),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts",
            get(artifacts::of_run),
        )
        .named(
            "/repos/{owner}/{repo}/actions/runs/{run_id}/logs",
            get(logs::of_run).merge(delete(logs::delete)),
        )
        .named("/repos/{owner}/{repo}/actions/jobs/{job_id}", get(jobs::get))
        .named("/repos/{owner}/{repo}/actions/jobs/{job_id}/logs", get(logs::of_job))
        .named(
            "/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun",
            post(control::rerun_job),
        )
}

/// A repository, and its CI; both are held while this lives.
pub(crate) struct Place<'a> {
    pub github: &'a GitHub,
    state: MutexGuard<'a, State>,
    pub ci: MutexGuard<'a, Ci>,
    id: u64,
    pub key: String,
    pub now: Timestamp,
}

impl GitHub {
    /// The CI of a repository; one that has no workflow yet has none of it.
    fn place(&self, owner: &str, name: &str) -> Result<Place<'_>, Problem> {
        let state = self.state();
        let repo = state.named(owner, name)?;
        let (id, key) = (repo.id, key(repo));
        let mut ci = self.ci();
        ci.project_or_new(&key);
        Ok(Place {
            github: self,
            state,
            ci,
            id,
            key,
            now: Timestamp::now(),
        })
    }
}

impl Place<'_> {
    fn repo(&self) -> Result<&Repo, Problem> {
        Ok(self.state.by_id(self.id)?)
    }

    fn user(&self) -> &'static str {
        self.state.user
    }

    fn project(&self) -> Result<&Project, Problem> {
        Ok(self.ci.project(&self.key)?)
    }

    fn workflow(&self, name: &str) -> Result<&Workflow, Problem> {
        self.project()?.workflow(name).ok_or_else(Problem::not_found)
    }

    /// Refuses when nothing may change here.
    fn writable(&self) -> Result<(), Problem> {
        Ok(self.repo()?.writable()?)
    }
}

/// What is refused alike everywhere. A handler that has other words for a refusal says them first.
impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::not_found(),
            Refused::Full => Self::unprocessable("This sandbox holds no more of these; restart it to empty it."),
            _ => Self::of(StatusCode::FORBIDDEN),
        }
    }
}
