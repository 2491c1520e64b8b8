//! The routes of an app and of its installations.
//!
//! Invariant: who asks was judged by the gate.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::answer::{Named, number};
use super::super::body::Input;
use super::super::problem::Problem;
use super::super::{Caller, GitHub, page};
use super::installation::Installation;
use super::objects;
use crate::sandbox::forge::Repo;

/// How long a token is said to live.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

type Answer = Result<Response<Body>, Problem>;

pub(crate) async fn app(State(github): State<Arc<GitHub>>) -> Response<Body> {
    Json(github.links().app(Installation::all().count())).into_response()
}

pub(crate) async fn list(State(github): State<Arc<GitHub>>, uri: Uri) -> Response<Body> {
    let all: Vec<_> = Installation::all().collect();
    let links = github.links();
    page::PAGING.answer(&github.instance.origin, &uri, &all, |one| links.installation(*one))
}

pub(crate) async fn get(State(github): State<Arc<GitHub>>, Path(id): Path<String>) -> Answer {
    shown(&github, Installation::numbered(number(&id)?))
}

pub(crate) async fn of_account(State(github): State<Arc<GitHub>>, Path(account): Path<String>) -> Answer {
    shown(&github, Installation::of(&account))
}

pub(crate) async fn of_repo(State(github): State<Arc<GitHub>>, Path((owner, name)): Path<(String, String)>) -> Answer {
    let owner = github.state().named(&owner, &name)?.owner.clone();
    shown(&github, Installation::of(&owner))
}

fn shown(github: &GitHub, found: Option<Installation>) -> Answer {
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().installation(found)).into_response())
}

pub(crate) async fn create_token(State(github): State<Arc<GitHub>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let installation = Installation::numbered(number(&id)?).ok_or_else(Problem::not_found)?;
    let input = Input::read_optional(&body, "InstallationToken")?;
    let state = github.state();
    let only = narrowed(&input, &installation.repos(&state))?;
    let mut permissions = objects::permissions();
    if let Value::Object(asked) = input.value("permissions") {
        if asked.keys().any(|name| permissions.get(name).is_none()) {
            let message = "The permissions requested are not granted to this installation.";
            return Err(Problem::unprocessable(message));
        }
        permissions = asked.clone().into();
    }
    let links = github.links();
    let mut answer = json!({
        "expires_at": (Timestamp::now() + LIFE).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "permissions": permissions,
        "repository_selection": if only.is_some() { "selected" } else { "all" },
    });
    if let Some(only) = &only {
        let repos = only.iter().filter_map(|id| state.by_id(*id).ok());
        answer["repositories"] = repos.map(|repo| links.repo(repo)).collect();
    }
    answer["token"] = json!(github.apps().mint(&github.instance.name, installation, only));
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// The repositories that a token is to be narrowed to, all of which the installation covers.
fn narrowed(input: &Input, covered: &[&Repo]) -> Result<Option<Vec<u64>>, Problem> {
    let names = input.texts("repositories")?;
    let ids = match input.value("repository_ids") {
        Value::Null => None,
        Value::Array(ids) => Some(ids.iter().map(Value::as_u64).collect::<Vec<_>>()),
        _ => return Err(input.wrong("repository_ids")),
    };
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    let by_name = names.into_iter().flatten().map(|name| {
        let found = covered.iter().find(|repo| repo.name.eq_ignore_ascii_case(&name));
        found.map(|repo| repo.id)
    });
    let by_id = ids.into_iter().flatten();
    let by_id = by_id.map(|id| covered.iter().map(|repo| repo.id).find(|known| Some(*known) == id));
    let only: Option<Vec<_>> = by_name.chain(by_id).collect();
    only.map(Some).ok_or_else(|| {
        Problem::unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    })
}

pub(crate) async fn repositories(
    State(github): State<Arc<GitHub>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Answer {
    let Caller::Installation(token) = caller else {
        return Err(Problem::not_found());
    };
    let (state, apps) = (github.state(), github.apps());
    let covered: Vec<_> = state.repos.iter().filter(|repo| apps.covers(token, repo)).collect();
    let links = github.links();
    let shown: Vec<_> = page::PAGING
        .slice(&uri, &covered)
        .iter()
        .map(|repo| links.repo(repo))
        .collect();
    let selection = if apps.is_narrowed(token) { "selected" } else { "all" };
    let body = Json(json!({
        "total_count": covered.len(), "repository_selection": selection, "repositories": shown,
    }));
    Ok(page::PAGING.linked(body.into_response(), &github.instance.origin, &uri, covered.len()))
}
