//! What CI says of commits.
//!
//! Invariant: the combined state of a commit of which nobody spoke is `pending`, with a count of 0.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, Uri};
use serde_json::{Value, json};

use super::answer::{Named, created};
use super::body::Input;
use super::commits::found;
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{Refused, Status, What};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 140;
/// The most statuses of one context on one commit.
const MAX_STATUSES: usize = 1_000;

type At = Path<(String, String, String)>;

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, commit)): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Status")?;
    let word = input.required("state")?;
    if !["error", "failure", "pending", "success"].contains(&word) {
        return Err(input.wrong("state"));
    }
    let description = input.text("description")?.map(str::to_owned);
    if description
        .as_ref()
        .is_some_and(|text| text.chars().count() > MAX_DESCRIPTION)
    {
        return Err(Problem::field("Status", "description", "too_long"));
    }
    let context = input.text("context")?.filter(|context| !context.is_empty());
    let draft = Status {
        id: 0,
        commit: commit.clone(),
        state: word.to_owned(),
        context: context.unwrap_or("default").to_owned(),
        description,
        target_url: input.text("target_url")?.map(str::to_owned),
        creator: "",
        created_at: String::new(),
    };
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    let spoken = repo.statuses_of(&commit);
    if spoken.iter().filter(|status| status.context == draft.context).count() >= MAX_STATUSES {
        let message = "This SHA and context has reached the maximum number of statuses.";
        return Err(Problem::custom_of("Status", message));
    }
    let repo = repo.id;
    let status = state.create_status(repo, draft).map_err(|reason| match reason {
        Refused::Missing(What::Commit) => Problem::unprocessable(format!("No commit found for SHA: {commit}")),
        other => other.into(),
    })?;
    Ok(created(github.links().status(state.by_id(repo)?, &status)))
}

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, revision)): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let statuses = repo.statuses_of(&found(repo, &revision)?.id);
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &statuses, |status| {
        links.status(repo, status)
    }))
}

pub(crate) async fn combined(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, revision)): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let commit = repo.resolve(Some(&revision)).ok_or_else(Problem::not_found)?;
    let statuses = repo.latest_statuses(&commit.id);
    let any = |words: &[&str]| statuses.iter().any(|status| words.contains(&status.state.as_str()));
    let word = match () {
        () if any(&["error", "failure"]) => "failure",
        () if statuses.is_empty() || any(&["pending"]) => "pending",
        () => "success",
    };
    let links = github.links();
    let url = format!("{}/commits/{}", links.api_repo(&repo.full_name), commit.id);
    let shown = page::PAGING.slice(&uri, &statuses).iter();
    let shown: Vec<Value> = shown.map(|status| links.simple_status(repo, status)).collect();
    let answer = Json(json!({
        "state": word,
        "statuses": shown,
        "sha": commit.id,
        "total_count": statuses.len(),
        "repository": links.repo(repo),
        "commit_url": url,
        "url": format!("{url}/status"),
    }))
    .into_response();
    Ok(page::PAGING.linked(answer, &github.instance.origin, &uri, statuses.len()))
}
