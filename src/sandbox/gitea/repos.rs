//! Repositories.
//!
//! Invariant: a seeded repository has the same id and path on every instance, and a private one is in no stranger's list.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::answer::{Named, created, number};
use super::caller::Caller;
use super::form::Form;
use super::place::seen;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{FileWrite, Refused, Repo, RepoDraft, RepoEdit, Signature, State as Forge, now};
use crate::sandbox::kit::query::Params;
use crate::sandbox::seed::GUEST;

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    Ok(Json(gitea.links().repo(&state, repo)).into_response())
}

pub(crate) async fn by_id(
    State(gitea): State<Arc<Gitea>>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.by_id(number(&id)?)?;
    match seen(repo, &caller) {
        true => Ok(Json(gitea.links().repo(&state, repo)).into_response()),
        false => Err(Problem::not_found()),
    }
}

pub(crate) async fn list_own(
    State(gitea): State<Arc<Gitea>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Response<Body> {
    let state = gitea.state();
    answer(&gitea, &state, &caller, &uri, state.own_repos())
}

pub(crate) async fn list_of_org(
    State(gitea): State<Arc<Gitea>>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repos = state.repos_of(&org).ok_or_else(Problem::not_found)?;
    Ok(answer(&gitea, &state, &caller, &uri, repos))
}

pub(crate) async fn list_of_user(
    State(gitea): State<Arc<Gitea>>,
    Path(login): Path<String>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let people = [state.user, GUEST];
    if !people.iter().any(|known| known.eq_ignore_ascii_case(&login)) {
        return Err(Problem::not_found());
    }
    let repos = state.repos.iter();
    let repos = repos.filter(|repo| repo.owner.eq_ignore_ascii_case(&login)).collect();
    Ok(answer(&gitea, &state, &caller, &uri, repos))
}

/// By id, as Gitea lists them.
fn answer(gitea: &Gitea, state: &Forge, caller: &Caller, uri: &Uri, mut repos: Vec<&Repo>) -> Response<Body> {
    repos.retain(|repo| seen(repo, caller));
    repos.sort_by_key(|repo| repo.id);
    let links = gitea.links();
    page::answer(&gitea.instance.origin, uri, &repos, |repo| links.repo(state, repo))
}

/// By name. The rows are not alone in the answer.
pub(crate) async fn search(
    State(gitea): State<Arc<Gitea>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Response<Body> {
    let params = Params::of(&uri);
    let words = params.get("q").unwrap_or_default().to_lowercase();
    let described = params.get("includeDesc") == Some("true");
    let flag = |name| params.get(name).and_then(|flag| flag.parse::<bool>().ok());
    let (private, archived) = (flag("private"), flag("archived"));
    let state = gitea.state();
    let owner = params.number("uid").and_then(|id| u64::try_from(id).ok());
    let links = gitea.links();
    let found = |repo: &&Repo| {
        let holds = |text: &str| text.to_lowercase().contains(&words);
        seen(repo, &caller)
            && (holds(&repo.name) || described && repo.description.as_deref().is_some_and(holds))
            && private.is_none_or(|private| private || !repo.private)
            && archived.is_none_or(|archived| repo.archived == archived)
            && owner.is_none_or(|owner| links.user(&repo.owner)["id"] == owner)
    };
    let mut repos: Vec<_> = state.repos.iter().filter(found).collect();
    repos.sort_by_key(|repo| repo.full_name.to_lowercase());
    if params.get("order") == Some("desc") {
        repos.reverse();
    }
    let shown = page::PAGING.slice(&uri, &repos).iter();
    let shown: Vec<Value> = shown.map(|repo| links.repo(&state, repo)).collect();
    let answer = Json(json!({ "ok": true, "data": shown })).into_response();
    page::wrapped(answer, &gitea.instance.origin, &uri, repos.len())
}

pub(crate) async fn create_own(State(gitea): State<Arc<Gitea>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let owner = gitea.state().user;
    create(&gitea, owner, &Form::read(&body)?)
}

pub(crate) async fn create_for_org(
    State(gitea): State<Arc<Gitea>>,
    Path(org): Path<String>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let owner = {
        let state = gitea.state();
        let repos = state.repos_of(&org).ok_or_else(Problem::not_found)?;
        repos.first().map(|repo| repo.owner.clone())
    };
    create(&gitea, &owner.unwrap_or(org), &Form::read(&body)?)
}

fn create(gitea: &Gitea, owner: &str, form: &Form) -> Result<Response<Body>, Problem> {
    let draft = RepoDraft {
        owner,
        name: form.required("name", "Name")?,
        description: form.filled("description")?,
        private: form.flag("private")?.unwrap_or_default(),
        default_branch: form.filled("default_branch")?,
    };
    let begins = form.flag("auto_init")?.unwrap_or_default();
    let mut state = gitea.state();
    let id = state.create_repo(&draft).map_err(|reason| match reason {
        Refused::Exists(_) => Problem::conflict("The repository with the same name already exists."),
        Refused::BadName => Problem::invalid("[Name]: AlphaDashDot"),
        other => other.into(),
    })?;
    if begins {
        let user = Signature::of(state.user, &now());
        let text = format!("# {}\n\n{}", draft.name, draft.description.unwrap_or_default());
        let write = FileWrite {
            branch: None,
            path: "README.md",
            content: Some(text.into()),
            known: None,
            message: "Initial commit\n",
            author: user.clone(),
            committer: user,
        };
        state.write_file(id, &write)?;
    }
    Ok(created(gitea.links().repo(&state, state.by_id(id)?)))
}

/// Changes a repository; another name is one of its changes. A default branch that there is not is passed over.
pub(crate) async fn edit(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.administered(&owner, &name)?;
    let form = Form::read(&body)?;
    let branch = form.filled("default_branch")?;
    let edit = RepoEdit {
        description: form.text("description")?.map(str::to_owned),
        private: form.flag("private")?,
        archived: form.flag("archived")?,
        default_branch: branch
            .filter(|name| repo.branches.contains_key(*name))
            .map(str::to_owned),
    };
    let next = form.filled("name")?.filter(|next| *next != repo.name);
    let (id, owner) = (repo.id, repo.owner.clone());
    if edit.archived != Some(false) {
        repo.writable()?;
    }
    if let Some(next) = next {
        state.rename_repo(id, &owner, next).map_err(|reason| match reason {
            Refused::Exists(_) => Problem::invalid(format!("repo name is already taken [name: {next}]")),
            Refused::BadName => Problem::invalid(format!("repo name is invalid [name: {next}]")),
            other => other.into(),
        })?;
    }
    state.edit_repo(id, edit)?;
    Ok(Json(gitea.links().repo(&state, state.by_id(id)?)).into_response())
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let id = state.owned(&owner, &name)?.id;
    state.delete_repo(id)?;
    Ok(StatusCode::NO_CONTENT)
}
