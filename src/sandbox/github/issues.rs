//! Issues, among which GitHub lists pull requests too.
//!
//! Invariant: what a POST answered can be read back under the number that it named.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, Uri};
use serde_json::Value;

use super::answer::created;
use super::body::Input;
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{Issue, Repo, seconds};
use crate::sandbox::kit::query::Params;
use crate::sandbox::seed::{GUEST, USER};

/// GitHub's own bounds, in characters.
pub(crate) const MAX_TITLE: usize = 256;
pub(crate) const MAX_BODY: usize = 65_536;
/// Labels or assignees of one new issue.
const MAX_NAMES: usize = 100;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let open = match params.get("state").unwrap_or("open") {
        "open" => Some(true),
        "closed" => Some(false),
        "all" => None,
        other => return Err(Problem::invalid("Issue", "state", other)),
    };
    let labels: Vec<&str> = params
        .get("labels")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|label| !label.is_empty())
        .collect();
    let state = github.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let milestone = match params.get("milestone") {
        None => None,
        Some(text) => {
            let number = text.parse().ok().filter(|number| repo.milestone(*number).is_some());
            Some(number.ok_or_else(|| Problem::invalid("Issue", "milestone", text))?)
        }
    };
    let assignee = params.get("assignee");
    let sees_to = |issue: &Issue, whom: &str| match whom {
        "none" => issue.assignees.is_empty(),
        "*" => !issue.assignees.is_empty(),
        login => issue.assignees.iter().any(|own| own.eq_ignore_ascii_case(login)),
    };
    let since = params.get("since").and_then(seconds);
    let has = |issue: &Issue, label: &str| issue.labels.iter().any(|own| own.eq_ignore_ascii_case(label));
    let mut issues: Vec<_> = repo
        .issues
        .iter()
        .filter(|issue| open.is_none_or(|open| issue.open == open))
        .filter(|issue| labels.iter().all(|label| has(issue, label)))
        .filter(|issue| milestone.is_none_or(|number| issue.milestone == Some(number)))
        .filter(|issue| assignee.is_none_or(|whom| sees_to(issue, whom)))
        .filter(|issue| since.as_ref().is_none_or(|since| issue.updated_at >= *since))
        .collect();
    // Newest first unless told otherwise; numbers rise with time.
    if params.get("direction") != Some("asc") {
        issues.reverse();
    }
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &issues, |issue| links.issue(repo, issue)))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, number)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let number: u64 = number.parse().map_err(|_| Problem::not_found())?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().issue(repo, issue)).into_response())
}

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = github.state();
    let author = state.user;
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let id = repo.id;
    let mut draft = draft(&body, author)?;
    if draft.milestone.is_some_and(|number| repo.milestone(number).is_none()) {
        return Err(Problem::field("Issue", "milestone", "invalid"));
    }
    match pushes(repo) {
        true => state.ensure_labels(id, &draft.labels)?,
        false => (draft.labels, draft.assignees, draft.milestone) = (vec![], vec![], None),
    }
    let number = state.create_issue(id, draft).map_err(Problem::from)?;
    github.own().fresh.insert((id, number));
    let repo = state.by_id(id)?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    Ok(created(github.links().issue(repo, issue)))
}

/// Whether somebody can see to issues.
pub(crate) fn assignable(login: &str) -> bool {
    [USER, GUEST].contains(&login)
}

/// Whether the credential's owner may write to a repository.
pub(crate) fn pushes(repo: &Repo) -> bool {
    repo.owner != GUEST
}

/// Reads a new issue, its number still 0.
fn draft(body: &Bytes, author: &'static str) -> Result<Issue, Problem> {
    let input = Input::read(body, "Issue")?;
    let title = match input.value("title") {
        Value::String(title) if !title.trim().is_empty() => title.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::String(_) => {
            return Err(Problem::field("Issue", "title", "missing_field"));
        }
        other => return Err(Problem::invalid("Issue", "title", &other.to_string())),
    };
    if title.chars().count() > MAX_TITLE {
        return Err(Problem::field("Issue", "title", "too_long"));
    }
    let text = match input.value("body") {
        Value::String(text) if text.chars().count() > MAX_BODY => {
            return Err(Problem::field("Issue", "body", "too_long"));
        }
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        _ => return Err(Problem::field("Issue", "body", "invalid")),
    };
    let assignees = names(input.value("assignees"), "assignees")?;
    if let Some(stranger) = assignees.iter().find(|login| !assignable(login)) {
        return Err(Problem::invalid("Issue", "assignees", stranger));
    }
    let milestone = match input.value("milestone") {
        Value::Null => None,
        Value::Number(number) => number.as_u64(),
        _ => return Err(Problem::field("Issue", "milestone", "invalid")),
    };
    Ok(Issue {
        body: text,
        milestone,
        labels: names(input.value("labels"), "labels")?,
        assignees,
        ..Issue::draft(title, author)
    })
}

/// A list of names, each a string or an object with a `name`.
pub(crate) fn names(value: &Value, field: &str) -> Result<Vec<String>, Problem> {
    let entries = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) if entries.len() <= MAX_NAMES => entries,
        _ => return Err(Problem::field("Issue", field, "invalid")),
    };
    let name = |entry: &Value| entry.as_str().or_else(|| entry["name"].as_str()).map(str::to_owned);
    entries
        .iter()
        .map(name)
        .collect::<Option<_>>()
        .ok_or_else(|| Problem::field("Issue", field, "invalid"))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::sandbox::forge::MAX_CREATED;
    use crate::sandbox::github::open_for_test;

    async fn post(github: &Arc<GitHub>) -> Result<Response<Body>, Problem> {
        let path = Path(("acme".to_owned(), "api".to_owned()));
        create(State(github.clone()), path, Bytes::from_static(b"{\"title\": \"x\"}")).await
    }

    #[tokio::test]
    async fn at_most_so_many_items_are_created() {
        let github = open_for_test();
        github.state().created.items = MAX_CREATED - 1;
        assert!(post(&github).await.is_ok());
        let refused = post(&github).await.map(|_| ()).unwrap_err().into_answer();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(github.state().created.items, MAX_CREATED);
    }
}
