//! Repositories.
//!
//! Invariant: a seeded repository has the same id and path on every instance.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use super::answer::{Named, created};
use super::body::Input;
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{FileWrite, Refused, Repo, RepoDraft, RepoEdit, Signature, What, now};
use crate::sandbox::kit::query::Params;
use crate::sandbox::seed::GUEST;

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    Ok(Json(github.links().full_repo(&state, repo)).into_response())
}

pub(crate) async fn list_for_user(State(github): State<Arc<GitHub>>, uri: Uri) -> Response<Body> {
    let state = github.state();
    answer(&github, &uri, state.own_repos())
}

pub(crate) async fn list_for_org(
    State(github): State<Arc<GitHub>>,
    Path(org): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repos = state.repos_of(&org).ok_or_else(Problem::not_found)?;
    Ok(answer(&github, &uri, repos))
}

/// All that is seeded is equally old: by name is every order.
fn answer(github: &GitHub, uri: &Uri, mut repos: Vec<&Repo>) -> Response<Body> {
    let params = Params::of(uri);
    for kind in ["type", "visibility"].iter().filter_map(|name| params.get(name)) {
        match kind {
            "private" => repos.retain(|repo| repo.private),
            "public" => repos.retain(|repo| !repo.private),
            "forks" => repos.retain(|repo| repo.parent.is_some()),
            "sources" => repos.retain(|repo| repo.parent.is_none()),
            "internal" => repos.clear(),
            _ => {}
        }
    }
    repos.sort_by(|a, b| a.full_name.cmp(&b.full_name));
    if params.get("direction") == Some("desc") {
        repos.reverse();
    }
    page::PAGING.answer(&github.instance.origin, uri, &repos, |repo| github.links().repo(repo))
}

pub(crate) async fn create_for_user(State(github): State<Arc<GitHub>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let user = github.state().user;
    create(&github, user, &Input::read(&body, "Repository")?)
}

pub(crate) async fn create_for_org(
    State(github): State<Arc<GitHub>>,
    Path(org): Path<String>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let owner = {
        let state = github.state();
        let repos = state.repos_of(&org).ok_or_else(Problem::not_found)?;
        repos.first().map(|repo| repo.owner.clone())
    };
    create(&github, &owner.unwrap_or(org), &Input::read(&body, "Repository")?)
}

fn create(github: &GitHub, owner: &str, input: &Input) -> Result<Response<Body>, Problem> {
    let private = match input.text("visibility")? {
        Some("private") => true,
        Some("public") => false,
        Some(_) => return Err(input.wrong("visibility")),
        None => input.flag("private")?.unwrap_or_default(),
    };
    let draft = RepoDraft {
        owner,
        name: input.required("name")?,
        description: input.text("description")?,
        private,
        default_branch: None,
    };
    let begins = input.flag("auto_init")?.unwrap_or_default();
    let mut state = github.state();
    let id = state.create_repo(&draft).map_err(|reason| match reason {
        Refused::Exists(_) => Problem::custom("Repository", "name", "name already exists on this account")
            .saying("Repository creation failed."),
        Refused::BadName => Problem::custom(
            "Repository",
            "name",
            "name can only contain ASCII letters, digits, and the characters ., -, and _.",
        )
        .saying("Repository creation failed."),
        other => other.into(),
    })?;
    if begins {
        let user = Signature::of(state.user, &now());
        let text = format!("# {}\n", draft.name);
        let write = FileWrite {
            branch: None,
            path: "README.md",
            content: Some(text.into()),
            known: None,
            message: "Initial commit",
            author: user.clone(),
            committer: user,
        };
        state.write_file(id, &write)?;
    }
    let repo = state.by_id(id)?;
    Ok(created(github.links().full_repo(&state, repo)))
}

/// Changes a repository; another name is one of its changes.
pub(crate) async fn edit(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Repository")?;
    let text = |field| input.text(field).map(|text| text.map(str::to_owned));
    let edit = RepoEdit {
        description: text("description")?,
        private: input.flag("private")?,
        archived: input.flag("archived")?,
        default_branch: text("default_branch")?,
    };
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    let (id, owner, present) = (repo.id, repo.owner.clone(), repo.name.clone());
    state.edit_repo(id, edit).map_err(|reason| match reason {
        Refused::Missing(What::Branch) => input.wrong("default_branch"),
        other => other.into(),
    })?;
    if let Some(next) = text("name")?.filter(|next| *next != present) {
        state.rename_repo(id, &owner, &next).map_err(|reason| match reason {
            Refused::Exists(_) => Problem::custom("Repository", "name", "name already exists on this account"),
            _ => input.wrong("name"),
        })?;
    }
    Ok(Json(github.links().full_repo(&state, state.by_id(id)?)).into_response())
}

pub(crate) async fn delete(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    if repo.owner == GUEST {
        let message = "Must have admin rights to Repository.";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    let id = repo.id;
    state.delete_repo(id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A fork is made once: who asks again gets the one that there is, in the same words.
pub(crate) async fn fork(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read_optional(&body, "Fork")?;
    let mut state = github.state();
    let repo = state.named(&owner, &name)?.id;
    let owner = match input.text("organization")? {
        Some(org) if state.repos_of(org).is_none() => return Err(input.wrong("organization")),
        Some(org) => org.to_owned(),
        None => state.user.to_owned(),
    };
    let made = state.fork(repo, &owner, input.text("name")?);
    let (fork, _) = made.map_err(|reason| match reason {
        Refused::Exists(What::Repo) => Problem::custom("Fork", "name", "name already exists on this account"),
        Refused::BadName => input.wrong("name"),
        other => other.into(),
    })?;
    let fork = github.links().full_repo(&state, state.by_id(fork)?);
    Ok((StatusCode::ACCEPTED, Json(fork)).into_response())
}
