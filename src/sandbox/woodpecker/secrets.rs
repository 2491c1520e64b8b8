//! A repository's secrets.
//!
//! Invariant: a secret's value is taken and never shown again, in no answer and no log.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Of};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::pipelines::{Answer, id};
use super::problem::Problem;
use super::state::MAX_CREATED;
use super::{Woodpecker, bad_request};

/// What a secret can be given to.
const EVENTS: [&str; 9] = [
    "push",
    "pull_request",
    "pull_request_closed",
    "pull_request_metadata",
    "tag",
    "release",
    "deployment",
    "cron",
    "manual",
];

#[derive(Clone, Debug)]
pub(crate) struct Secret {
    id: u64,
    name: String,
    value: SecretString,
    images: Vec<String>,
    events: Vec<String>,
    note: String,
}

/// What a client sends; in a change, what is absent stays.
#[derive(Deserialize)]
struct Given {
    name: Option<String>,
    value: Option<SecretText>,
    images: Option<Vec<String>>,
    events: Option<Vec<String>>,
    note: Option<String>,
}

/// A value on its way in.
#[derive(Deserialize)]
struct SecretText(String);

impl Given {
    /// Read as an object first: serde would take a list for one too.
    fn read(body: &Bytes) -> Result<Self, Problem> {
        let body: Map<String, Value> = serde_json::from_slice(body).map_err(bad_request)?;
        serde_json::from_value(body.into()).map_err(bad_request)
    }
}

impl Secret {
    fn change(&mut self, given: Given) {
        if let Some(SecretText(value)) = given.value.filter(|value| !value.0.is_empty()) {
            self.value = value.into();
        }
        self.images = given.images.unwrap_or(std::mem::take(&mut self.images));
        self.events = given.events.unwrap_or(std::mem::take(&mut self.events));
        self.note = given.note.unwrap_or(std::mem::take(&mut self.note));
    }

    /// What is wrong with it.
    fn check(&self) -> Result<(), &'static str> {
        if self.name.is_empty() {
            return Err("empty secret name");
        }
        if self.value.expose_secret().is_empty() {
            return Err("empty secret value");
        }
        if self.events.is_empty() {
            return Err("no secret event specified");
        }
        match self.events.iter().all(|event| EVENTS.contains(&event.as_str())) {
            true => Ok(()),
            false => Err("invalid secret event"),
        }
    }

    fn shown(&self, repo: u64) -> Value {
        json!({
            "id": self.id,
            "org_id": 0,
            "repo_id": repo,
            "name": self.name,
            "images": self.images,
            "events": self.events,
            "note": self.note,
        })
    }
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
    let given = Given::read(&body)?;
    let mut state = woodpecker.state();
    let (new_id, full) = (state.next_id(), state.created >= MAX_CREATED);
    let repo = state.repo_mut(id(&repo_id)?).ok_or_else(Problem::not_found)?;
    let mut secret = Secret {
        id: new_id,
        name: given.name.clone().unwrap_or_default(),
        value: String::new().into(),
        images: Vec::new(),
        events: Vec::new(),
        note: String::new(),
    };
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
    let given = Given::read(&body)?;
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
