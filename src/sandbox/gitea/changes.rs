//! What is changed about an issue: its fields, its people, its lock.
//!
//! Invariant: whoever may not write to a repository changes no labels, people and milestones there, and is not told so.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::Gitea;
use super::answer::{Named, created, number};
use super::form::Form;
use super::issues::{MAX_BODY, MAX_TITLE, assignable, pushes};
use super::problem::Problem;
use crate::sandbox::forge::{IssueEdit, Refused, State as Forge, What};
use crate::sandbox::seed::{GUEST, USER};

type At = Path<(String, String, String)>;

fn at(state: &Forge, (owner, name, index): &(String, String, String)) -> Result<(u64, u64), Problem> {
    let repo = state.named(owner, name)?;
    let issue = repo.issue(number(index)?).ok_or_else(Problem::not_found)?;
    Ok((repo.id, issue.number))
}

/// Changes an issue. Its title is changed before its people are looked at, so that a refusal may have changed it.
pub(crate) async fn edit(
    State(gitea): State<Arc<Gitea>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let form = Form::read(&body)?;
    let mut state = gitea.state();
    let (repo, index) = at(&state, &path)?;
    let found = state.by_id(repo)?;
    let writes = pushes(found);
    let open = match form.filled("state")? {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(Problem::new(StatusCode::PRECONDITION_FAILED, "unknown state")),
    };
    let title = form
        .filled("title")?
        .map(|title| title.chars().take(MAX_TITLE).collect());
    let text = form.text("body")?.map(str::to_owned);
    if text.as_ref().is_some_and(|text| text.len() > MAX_BODY) {
        return Err(Problem::invalid("this sandbox takes no issue as large as this one"));
    }
    let milestone = match form.number("milestone")?.filter(|_| writes) {
        None => None,
        Some(0) => Some(None),
        Some(id) => {
            let its = found.milestones.iter().find(|its| i64::try_from(its.id) == Ok(id));
            Some(Some(its.ok_or_else(Problem::internal)?.number))
        }
    };
    let due_on = match form.time("due_date")?.filter(|_| writes) {
        // Its hour is that of the day's end.
        Some(time) => Some(Some(format!("{}T23:59:59Z", &time[..10]))),
        None if form.flag("unset_due_date")? == Some(true) && writes => Some(None),
        None => None,
    };
    let edit = IssueEdit {
        title,
        body: text.map(Some),
        open,
        milestone,
        due_on,
        ..IssueEdit::default()
    };
    state.edit_issue(repo, index, edit).map_err(|reason| match reason {
        Refused::Missing(What::Milestone) => Problem::internal(),
        other => other.into(),
    })?;
    if let Some(people) = form.texts("assignees")?.filter(|_| writes) {
        if !people.iter().all(|login| assignable(login)) {
            return Err(Problem::internal());
        }
        state.mark_issue(repo, index, None, Some(people))?;
    }
    let repo = state.by_id(repo)?;
    let issue = repo.issue(index).ok_or_else(Problem::not_found)?;
    // Not 200, although nothing was made.
    Ok(created(gitea.links().issue(repo, issue)))
}

pub(crate) async fn delete(State(gitea): State<Arc<Gitea>>, Path(path): At) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    state.administered(&path.0, &path.1)?;
    let (repo, index) = at(&state, &path)?;
    state.delete_issue(repo, index)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn lock(State(gitea): State<Arc<Gitea>>, Path(path): At) -> Result<StatusCode, Problem> {
    locked(&gitea, &path, true)
}

pub(crate) async fn unlock(State(gitea): State<Arc<Gitea>>, Path(path): At) -> Result<StatusCode, Problem> {
    locked(&gitea, &path, false)
}

fn locked(gitea: &Gitea, path: &(String, String, String), locked: bool) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    state.written(&path.0, &path.1)?;
    let (repo, index) = at(&state, path)?;
    let edit = IssueEdit {
        locked: Some(locked),
        ..IssueEdit::default()
    };
    state.edit_issue(repo, index, edit)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who can see to issues.
pub(crate) async fn assignees(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response<Body>, Problem> {
    gitea.state().named(&owner, &name)?;
    let links = gitea.links();
    let people: Vec<Value> = [USER, GUEST].iter().map(|login| links.user(login)).collect();
    Ok(Json(people).into_response())
}
