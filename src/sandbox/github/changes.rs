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

use super::GitHub;
use super::answer::{Named, created, number};
use super::body::Input;
use super::issues::{MAX_BODY, MAX_TITLE, assignable, names, pushes};
use super::problem::Problem;
use crate::sandbox::forge::{IssueEdit, Refused, State as Forge, What};

/// Why an issue may be closed, or opened again.
const REASONS: [&str; 4] = ["completed", "not_planned", "duplicate", "reopened"];
/// Why an issue may be locked.
const LOCK_REASONS: [&str; 4] = ["off-topic", "too heated", "resolved", "spam"];
/// The most people of one issue.
const MAX_PEOPLE: usize = 10;

type At = Path<(String, String, String)>;

/// The repository's id and the issue's number, of an issue that is there.
fn at(state: &Forge, (owner, name, index): &(String, String, String)) -> Result<(u64, u64), Problem> {
    let repo = state.named(owner, name)?;
    let issue = repo.issue(number(index)?).ok_or_else(Problem::not_found)?;
    Ok((repo.id, issue.number))
}

fn shown(github: &GitHub, state: &Forge, (repo, number): (u64, u64)) -> Result<Value, Problem> {
    let repo = state.by_id(repo)?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    Ok(github.links().issue(repo, issue))
}

/// What is refused of an edit.
fn refused(reason: Refused) -> Problem {
    match reason {
        Refused::Missing(What::Milestone) => Problem::field("Issue", "milestone", "invalid"),
        other => other.into(),
    }
}

pub(crate) async fn edit(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Issue")?;
    let mut edit = read(&input)?;
    let mut state = github.state();
    let (repo, index) = at(&state, &path)?;
    if !pushes(state.by_id(repo)?) {
        (edit.labels, edit.assignees, edit.milestone) = (None, None, None);
    }
    if let Some(labels) = &edit.labels {
        state.ensure_labels(repo, labels)?;
    }
    state.edit_issue(repo, index, edit).map_err(refused)?;
    Ok(Json(shown(&github, &state, (repo, index))?).into_response())
}

fn read(input: &Input) -> Result<IssueEdit, Problem> {
    let title = input.text("title")?.map(str::to_owned);
    let fits = |text: &str, most| text.chars().count() <= most;
    if title.as_deref().is_some_and(|title| title.trim().is_empty()) {
        return Err(Problem::field("Issue", "title", "missing_field"));
    }
    if title.as_deref().is_some_and(|title| !fits(title, MAX_TITLE)) {
        return Err(Problem::field("Issue", "title", "too_long"));
    }
    let text = input.text("body")?;
    if text.is_some_and(|text| !fits(text, MAX_BODY)) {
        return Err(Problem::field("Issue", "body", "too_long"));
    }
    let open = match input.text("state")? {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(other) => return Err(Problem::invalid("Issue", "state", other)),
    };
    let reason = input.text("state_reason")?;
    if reason.is_some_and(|reason| !REASONS.contains(&reason)) {
        return Err(input.wrong("state_reason"));
    }
    let milestone = match input.value("milestone") {
        Value::Null => None,
        Value::Number(number) => Some(number.as_u64().ok_or_else(|| input.wrong("milestone"))?),
        _ => return Err(input.wrong("milestone")),
    };
    let listed = |field: &str| -> Result<_, Problem> {
        let list = names(input.value(field), field)?;
        Ok(input.gives(field).then_some(list))
    };
    let assignees = listed("assignees")?;
    let stranger = |login: &&String| !assignable(login);
    if let Some(stranger) = assignees.iter().flatten().find(stranger) {
        return Err(Problem::invalid("Issue", "assignees", stranger));
    }
    Ok(IssueEdit {
        title,
        body: input.gives("body").then(|| text.map(str::to_owned)),
        open,
        reason: reason.map(str::to_owned),
        milestone: input.gives("milestone").then_some(milestone),
        labels: listed("labels")?,
        assignees,
        ..IssueEdit::default()
    })
}

/// Adds people; whoever cannot be added is passed over.
pub(crate) async fn assign(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let asked = Input::read(&body, "Issue")?.texts("assignees")?.unwrap_or_default();
    let mut state = github.state();
    let (repo, index) = at(&state, &path)?;
    // What was just made is not yet found by all that is behind GitHub.
    if github.own().fresh.remove(&(repo, index)) {
        return Err(Problem::not_found());
    }
    let found = state.by_id(repo)?;
    let mut people = found
        .issue(index)
        .map(|issue| issue.assignees.clone())
        .unwrap_or_default();
    if pushes(found) {
        let more = asked.into_iter().filter(|login| assignable(login));
        for login in more {
            if !people.contains(&login) && people.len() < MAX_PEOPLE {
                people.push(login);
            }
        }
        state.mark_issue(repo, index, None, Some(people))?;
    }
    Ok(created(shown(&github, &state, (repo, index))?))
}

/// Takes people away.
pub(crate) async fn unassign(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Issue")?;
    let gone = input.texts("assignees")?;
    let gone = gone.ok_or_else(|| Problem::field("Issue", "assignees", "missing_field"))?;
    let mut state = github.state();
    let (repo, index) = at(&state, &path)?;
    let found = state.by_id(repo)?;
    if pushes(found) {
        let mut people = found
            .issue(index)
            .map(|issue| issue.assignees.clone())
            .unwrap_or_default();
        people.retain(|login| !gone.iter().any(|gone| gone.eq_ignore_ascii_case(login)));
        state.mark_issue(repo, index, None, Some(people))?;
    }
    Ok(Json(shown(&github, &state, (repo, index))?).into_response())
}

pub(crate) async fn lock(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let input = Input::read_optional(&body, "Issue")?;
    if input
        .text("lock_reason")?
        .is_some_and(|reason| !LOCK_REASONS.contains(&reason))
    {
        return Err(input.wrong("lock_reason"));
    }
    locked(&github, &path, true)
}

pub(crate) async fn unlock(State(github): State<Arc<GitHub>>, Path(path): At) -> Result<StatusCode, Problem> {
    locked(&github, &path, false)
}

fn locked(github: &GitHub, path: &(String, String, String), locked: bool) -> Result<StatusCode, Problem> {
    let mut state = github.state();
    let (repo, index) = at(&state, path)?;
    if !pushes(state.by_id(repo)?) {
        return Err(Problem::of(StatusCode::FORBIDDEN));
    }
    let edit = IssueEdit {
        locked: Some(locked),
        ..IssueEdit::default()
    };
    state.edit_issue(repo, index, edit)?;
    Ok(StatusCode::NO_CONTENT)
}
