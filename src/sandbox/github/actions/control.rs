//! What people do with runs.
//!
//! Invariant: what was done is seen by the next read.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{Response, StatusCode};
use serde_json::json;

use super::super::GitHub;
use super::super::answer::number;
use super::super::problem::Problem;
use super::Place;
use crate::sandbox::ci::{Again, Cancelling, Gate, Refused, Stage};

type Answer = Result<Response<Body>, Problem>;
type Named = Path<(String, String, String)>;

pub(crate) async fn cancel(State(github): State<Arc<GitHub>>, path: Named) -> Answer {
    stop(&github, &path, Cancelling::Asked)
}

pub(crate) async fn force_cancel(State(github): State<Arc<GitHub>>, path: Named) -> Answer {
    stop(&github, &path, Cancelling::Forced)
}

fn stop(github: &GitHub, Path((owner, name, id)): &Named, how: Cancelling) -> Answer {
    let mut place = github.place(owner, name)?;
    place.writable()?;
    let (key, now) = (place.key.clone(), place.now);
    let stopped = place.ci.cancel(&key, number(id)?, how, now);
    stopped.map_err(|refused| match refused {
        Refused::Over => Problem::new(StatusCode::CONFLICT, "Cannot cancel a workflow run that is completed."),
        other => other.into(),
    })?;
    Ok(done(StatusCode::ACCEPTED))
}

pub(crate) async fn rerun(State(github): State<Arc<GitHub>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = github.place(&owner, &name)?;
    again(&mut place, number(&id)?, Again::All)
}

pub(crate) async fn rerun_failed(State(github): State<Arc<GitHub>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = github.place(&owner, &name)?;
    again(&mut place, number(&id)?, Again::Failed)
}

pub(crate) async fn rerun_job(State(github): State<Arc<GitHub>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = github.place(&owner, &name)?;
    let job = number(&id)?;
    let run = place.project()?.job(job)?.0.id;
    again(&mut place, run, Again::Job(job))
}

fn again(place: &mut Place<'_>, run: u64, again: Again) -> Answer {
    place.writable()?;
    let (key, user, now) = (place.key.clone(), place.user(), place.now);
    let begun = place.ci.rerun(&key, run, again, user, now);
    begun.map_err(|refused| {
        let message = match refused {
            Refused::NotOver => "This workflow is already running",
            Refused::Broken => "This workflow run cannot be retried: its workflow file may be broken",
            Refused::NothingFailed => "This workflow run cannot be retried: no job of it has failed",
            Refused::TooManyAttempts => "This workflow run cannot be retried: it was retried too often",
            other => return other.into(),
        };
        Problem::new(StatusCode::FORBIDDEN, message)
    })?;
    Ok(done(StatusCode::CREATED))
}

pub(crate) async fn approve(State(github): State<Arc<GitHub>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = github.place(&owner, &name)?;
    place.writable()?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    let run = place.project()?.run(id)?;
    if run.gate != Some(Gate::Stranger) || run.stage() != Stage::Blocked {
        let message = "This run is not from a fork pull request or queued by the Actions bot";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    place.ci.decide(&key, id, true, now)?;
    Ok(done(StatusCode::CREATED))
}

/// An object that says nothing.
fn done(status: StatusCode) -> Response<Body> {
    (status, Json(json!({}))).into_response()
}
