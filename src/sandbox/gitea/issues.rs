//! Issues, among which Gitea lists pull requests too unless told otherwise.
//!
//! Invariant: what a POST answered can be read back under the number that it named.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde::Deserialize;

use super::problem::Problem;
use super::{Gitea, label, page};
use crate::sandbox::forge::{Issue, MAX_CREATED, Refused, Repo};
use crate::sandbox::kit::query::Params;

/// Longer titles are cut, in characters.
const MAX_TITLE: usize = 255;
/// The sandbox's own bound, in bytes.
const MAX_BODY: usize = 65_536;
/// Labels or assignees of one new issue; the sandbox's own bound.
const MAX_NAMES: usize = 100;

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let open = match params.get("state") {
        Some("closed") => Some(false),
        Some("all") => None,
        _ => Some(true),
    };
    let pulls = match params.get("type") {
        Some("pulls") => Some(true),
        Some("issues") => Some(false),
        _ => None,
    };
    let state = gitea.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let labels = asked_labels(repo, &params);
    let mut issues: Vec<_> = repo
        .issues
        .iter()
        .filter(|issue| open.is_none_or(|open| issue.open == open))
        .filter(|issue| pulls.is_none_or(|pulls| issue.is_pull() == pulls))
        .filter(|issue| labels.is_empty() || issue.labels.iter().any(|label| labels.contains(label)))
        .collect();
    // Newest first; numbers rise with time.
    issues.reverse();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &issues, |issue| {
        links.issue(repo, issue)
    }))
}

/// The labels to filter by. One that does not exist is left out of the question.
fn asked_labels(repo: &Repo, params: &Params) -> Vec<String> {
    let asked: Vec<&str> = params.get("labels").unwrap_or_default().split(',').collect();
    let known = label::known(repo).into_iter().map(|label| label.name);
    known.filter(|name| asked.contains(&name.as_str())).collect()
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, number)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let number: u64 = number.parse().map_err(|_| Problem::not_found())?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().issue(repo, issue)).into_response())
}

/// A new issue as it is sent. Fields that are not served are passed over, as Gitea passes over unknown ones.
#[derive(Debug, Deserialize)]
struct Draft {
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    labels: Vec<i64>,
    #[serde(default)]
    assignees: Vec<String>,
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let author = state.user;
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let draft: Draft = serde_json::from_slice(&body).map_err(|error| Problem::invalid(format!("json: {error}")))?;
    let issue = draft.checked(repo, author)?;
    let id = repo.id;
    let number = state.create_issue(id, issue).map_err(refused)?;
    let repo = state.by_id(id).map_err(refused)?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    let answer = gitea.links().issue(repo, issue);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Full => {
            let message = format!("this sandbox holds at most {MAX_CREATED} created items; restart it to empty it");
            Problem::invalid(message)
        }
        Refused::Archived => Problem::of(StatusCode::LOCKED),
        _ => Problem::not_found(),
    }
}

impl Draft {
    fn checked(self, repo: &Repo, author: &'static str) -> Result<Issue, Problem> {
        if self.title.trim().is_empty() {
            return Err(Problem::invalid("[Title]: Required"));
        }
        if self.body.len() > MAX_BODY || self.labels.len() > MAX_NAMES || self.assignees.len() > MAX_NAMES {
            return Err(Problem::invalid("this sandbox takes no issue as large as this one"));
        }
        if let Some(stranger) = self.assignees.iter().find(|login| *login != author) {
            let message = format!("Assignee does not exist: [name: {stranger}]");
            return Err(Problem::invalid(message));
        }
        // Gitea drops ids that it does not know without a word.
        let carried = label::known(repo)
            .into_iter()
            .filter(|label| self.labels.iter().any(|id| u64::try_from(*id) == Ok(label.id)));
        Ok(Issue {
            body: Some(self.body),
            labels: carried.map(|label| label.name).collect(),
            assignees: self.assignees,
            ..Issue::draft(self.title.chars().take(MAX_TITLE).collect(), author)
        })
    }
}
