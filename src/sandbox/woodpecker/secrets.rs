//! A repository's secrets: listed, made, changed, deleted.
//!
//! Invariant: a secret that cannot be used is neither made nor made of another.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Of};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value};

use super::pipelines::{Answer, id};
use super::problem::Problem;
use super::secret::{Given, Secret};
use super::state::MAX_CREATED;
use super::{Woodpecker, bad_request};

/// Read as an object first: serde would take a list for one too.
fn read(body: &Bytes) -> Result<Given, Problem> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(bad_request)?;
    serde_json::from_value(body.into()).map_err(bad_request)
}

pub(crate) async fn list(Of(woodpecker): Of<Arc<Woodpecker>>, Path(repo_id): Path<String>) -> Answer {
    let state = woodpecker.state();
    let repo = state.repo(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let shown: Vec<Value> = repo.secrets.iter().map(|secret| secret.shown(repo.id)).collect();
    Ok(Json(shown).into_response())
}

pub(crate) async fn get(Of(woodpecker): Of<Arc<Woodpecker>>, Path((repo_id, name)): Path<(String, String)>) -> Answer {
    let state = woodpecker.state();
    let repo = state.repo(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let secret = repo.secrets.iter().find(|secret| secret.name == name);
    let secret = secret.ok_or_else(Problem::not_found)?;
    Ok(Json(secret.shown(repo.id)).into_response())
}

pub(crate) async fn create(Of(woodpecker): Of<Arc<Woodpecker>>, Path(repo_id): Path<String>, body: Bytes) -> Answer {
    let given = read(&body)?;
    let mut state = woodpecker.state();
    let (new_id, full) = (state.next_id(), state.created >= MAX_CREATED);
    let repo = state.repo_mut(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let mut secret = Secret::new(new_id, given.name.as_deref().unwrap_or_default());
    secret.change(given);
    let refuse =
        |status, reason: &str| Problem::text(status, format!("Error inserting secret {:?}. {reason}", secret.name));
    secret
        .check()
        .map_err(|reason| refuse(StatusCode::UNPROCESSABLE_ENTITY, reason))?;
    if repo.secrets.iter().any(|known| known.name == secret.name) {
        // The database says so, and the server passes it on.
        let reason = "UNIQUE constraint failed: secrets.repo_id, secrets.name";
        return Err(refuse(StatusCode::INTERNAL_SERVER_ERROR, reason));
    }
    if full {
        return Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, "This sandbox is full"));
    }
    let answer = secret.shown(repo.id);
    repo.secrets.push(secret);
    state.created += 1;
    Ok(Json(answer).into_response())
}

pub(crate) async fn change(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let given = read(&body)?;
    let mut state = woodpecker.state();
    let repo = state.repo_mut(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let of = repo.id;
    let secret = repo.secrets.iter_mut().find(|secret| secret.name == name);
    let secret = secret.ok_or_else(Problem::not_found)?;
    let mut changed = secret.clone();
    changed.change(given);
    let refuse = |reason| {
        Problem::text(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("Error updating secret. {reason}"),
        )
    };
    changed.check().map_err(refuse)?;
    *secret = changed;
    Ok(Json(secret.shown(of)).into_response())
}

pub(crate) async fn delete(
    Of(woodpecker): Of<Arc<Woodpecker>>,
    Path((repo_id, name)): Path<(String, String)>,
) -> Answer {
    let mut state = woodpecker.state();
    let repo = state.repo_mut(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let before = repo.secrets.len();
    repo.secrets.retain(|secret| secret.name != name);
    match repo.secrets.len() < before {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::not_found()),
    }
}
