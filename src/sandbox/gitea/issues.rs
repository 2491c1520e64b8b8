//! Issues, among which Gitea lists pull requests too unless told otherwise.
//!
//! Invariant: what a POST answered can be read back under the number that it named.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, Uri};
use serde::Deserialize;

use super::answer::{Named, created, number};
use super::caller::Caller;
use super::place::seen;
use super::problem::Problem;
use super::{Gitea, label, page};
use crate::sandbox::forge::{Issue, Repo};
use crate::sandbox::kit::query::Params;

/// Longer titles are cut, in characters.
const MAX_TITLE: usize = 255;
/// The sandbox's own bound, in bytes.
const MAX_BODY: usize = 65_536;
/// Labels or assignees of one new issue; the sandbox's own bound.
const MAX_NAMES: usize = 100;

/// Which issues are asked for, by their state and kind.
struct Filter {
    open: Option<bool>,
    pulls: Option<bool>,
}

impl Filter {
    fn of(params: &Params) -> Self {
        Self {
            open: match params.get("state") {
                Some("closed") => Some(false),
                Some("all") => None,
                _ => Some(true),
            },
            pulls: match params.get("type") {
                Some("pulls") => Some(true),
                Some("issues") => Some(false),
                _ => None,
            },
        }
    }

    fn admits(&self, issue: &Issue) -> bool {
        self.open.is_none_or(|open| issue.open == open) && self.pulls.is_none_or(|pulls| issue.is_pull() == pulls)
    }
}

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let filter = Filter::of(&params);
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let labels = asked_labels(repo, &params);
    let mut issues: Vec<_> = repo
        .issues
        .iter()
        .filter(|issue| filter.admits(issue))
        .filter(|issue| labels.iter().all(|label| issue.labels.contains(label)))
        .collect();
    // Newest first; numbers rise with time.
    issues.reverse();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &issues, |issue| {
        links.issue(repo, issue)
    }))
}

/// Among all repositories.
pub(crate) async fn search(
    State(gitea): State<Arc<Gitea>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Response<Body> {
    let params = Params::of(&uri);
    let filter = Filter::of(&params);
    let given = |name| params.get(name).filter(|text| !text.is_empty());
    let words = given("q").unwrap_or_default().to_lowercase();
    let owner = given("owner");
    let state = gitea.state();
    let repos = state.repos.iter().filter(|repo| seen(repo, &caller));
    let repos = repos.filter(|repo| owner.is_none_or(|owner| repo.owner.eq_ignore_ascii_case(owner)));
    let all = repos.flat_map(|repo| repo.issues.iter().map(move |issue| (repo, issue)));
    let mut found: Vec<_> = all
        .filter(|(_, issue)| filter.admits(issue) && issue.title.to_lowercase().contains(&words))
        .collect();
    found.sort_by(|(_, a), (_, b)| b.created_at.cmp(&a.created_at));
    let links = gitea.links();
    page::answer(&gitea.instance.origin, &uri, &found, |(repo, issue)| {
        links.issue(repo, issue)
    })
}

/// The labels to filter by, all of which an issue must carry. One that the repository itself has not is left out of the
/// question.
fn asked_labels(repo: &Repo, params: &Params) -> Vec<String> {
    let asked: Vec<&str> = params.get("labels").unwrap_or_default().split(',').collect();
    let known = label::of_repo(repo).into_iter().map(|label| label.name);
    known.filter(|name| asked.contains(&name.as_str())).collect()
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let issue = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?;
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
    let repo = state.named(&owner, &name)?;
    repo.writable()?;
    let draft: Draft = serde_json::from_slice(&body).map_err(|error| Problem::invalid(format!("json: {error}")))?;
    let issue = draft.checked(repo, author)?;
    let id = repo.id;
    let number = state.create_issue(id, issue)?;
    let repo = state.by_id(id)?;
    let issue = repo.issue(number).ok_or_else(Problem::not_found)?;
    Ok(created(gitea.links().issue(repo, issue)))
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
        Ok(Issue {
            body: Some(self.body),
            labels: label::named(repo, &self.labels),
            assignees: self.assignees,
            ..Issue::draft(self.title.chars().take(MAX_TITLE).collect(), author)
        })
    }
}
