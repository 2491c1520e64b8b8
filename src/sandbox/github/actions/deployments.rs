//! Runs that wait for an environment's keeper.
//!
//! Invariant: only the environment for which a run waits can be decided.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::super::GitHub;
use super::super::answer::number;
use super::super::body::Input;
use super::super::problem::Problem;
use super::objects::environment_id;
use crate::sandbox::ci::{Gate, Run, Stage};

type Answer = Result<Response<Body>, Problem>;

/// The environment for which a run waits.
fn awaited(run: &Run) -> Option<&'static str> {
    match run.gate {
        Some(Gate::Environment(name)) if run.stage() == Stage::Blocked => Some(name),
        _ => None,
    }
}

pub(crate) async fn pending(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let (repo, links) = (place.repo()?, github.links());
    let waiting = awaited(place.project()?.run(number(&id)?)?).map(|environment| {
        json!({
            "environment": links.environment(repo, environment),
            "wait_timer": 0,
            "wait_timer_started_at": null,
            "current_user_can_approve": true,
            "reviewers": [{ "type": "User", "reviewer": links.user(place.user(), "User") }],
        })
    });
    Ok(Json(Vec::from_iter(waiting)).into_response())
}

pub(crate) async fn review(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    body: Bytes,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    place.writable()?;
    let input = Input::read(&body, "PendingDeployment")?;
    let goes_on = match input.required("state")? {
        "approved" => true,
        "rejected" => false,
        _ => return Err(input.wrong("state")),
    };
    input
        .text("comment")?
        .ok_or_else(|| Problem::field("PendingDeployment", "comment", "missing_field"))?;
    let id = number(&id)?;
    let environment = awaited(place.project()?.run(id)?);
    let asked = |environment: &str| {
        let number = place.repo().map(|repo| environment_id(repo, environment)).ok();
        let ids = input.value("environment_ids").as_array();
        let mut ids = ids.into_iter().flatten().map(Value::as_u64);
        ids.any(|id| id.is_some() && id == number)
    };
    let environment = environment.filter(|environment| asked(environment));
    let environment = environment
        .ok_or_else(|| Problem::unprocessable("There are no pending deployment requests to approve or reject"))?;
    let (key, now) = (place.key.clone(), place.now);
    place.ci.decide(&key, id, goes_on, now)?;
    let (repo, run) = (place.repo()?, place.project()?.run(id)?);
    let made = github.links().deployment(repo, run, environment, place.user());
    Ok(Json([made]).into_response())
}
