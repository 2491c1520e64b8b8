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
use crate::sandbox::forge::{Issue, Repo, seconds};
use crate::sandbox::kit::query::Params;
use crate::sandbox::seed::{GUEST, USER};

/// Longer titles are cut, in characters.
pub(crate) const MAX_TITLE: usize = 255;
/// The sandbox's own bound, in bytes.
pub(crate) const MAX_BODY: usize = 65_536;
/// Labels or assignees of one new issue; the sandbox's own bound.
const MAX_NAMES: usize = 100;

/// Which issues are asked for, by their state and kind.
struct Filter {
    open: Option<bool>,
    pulls: Option<bool>,
    words: Vec<String>,
    since: Option<String>,
    assignee: Option<String>,
}

impl Filter {
    fn of(params: &Params) -> Self {
        let given = |name| params.get(name).unwrap_or_default();
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
            words: given("q").split_whitespace().map(str::to_owned).collect(),
            since: params.get("since").and_then(seconds),
            assignee: Some(given("assigned_by").to_owned()).filter(|login| !login.is_empty()),
        }
    }

    fn admits(&self, issue: &Issue) -> bool {
        let sees_to = |login: &String| issue.assignees.iter().any(|own| own.eq_ignore_ascii_case(login));
        self.open.is_none_or(|open| issue.open == open)
            && self.pulls.is_none_or(|pulls| issue.is_pull() == pulls)
            && issue.says(&self.words)
            && self.since.as_ref().is_none_or(|since| issue.updated_at >= *since)
            && self.assignee.as_ref().is_none_or(sees_to)
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
    if filter.assignee.as_deref().is_some_and(|login| !assignable(login)) {
        return Err(Problem::not_found());
    }
    let labels = asked_labels(repo, &params);
    let milestones = asked_milestones(repo, &params);
    let mut issues: Vec<_> = repo
        .issues
        .iter()
        .filter(|issue| filter.admits(issue))
        .filter(|issue| labels.iter().all(|label| issue.labels.contains(label)))
        .filter(|issue| milestones.is_empty() || issue.milestone.is_some_and(|its| milestones.contains(&its)))
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
    let owner = params.get("owner").filter(|text| !text.is_empty());
    let state = gitea.state();
    let repos = state.repos.iter().filter(|repo| seen(repo, &caller));
    let repos = repos.filter(|repo| owner.is_none_or(|owner| repo.owner.eq_ignore_ascii_case(owner)));
    let all = repos.flat_map(|repo| repo.issues.iter().map(move |issue| (repo, issue)));
    let mut found: Vec<_> = all.filter(|(_, issue)| filter.admits(issue)).collect();
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
    let known = label::of_repo(repo).into_iter().map(|label| label.own.name);
    known.filter(|name| asked.contains(&name.as_str())).collect()
}

/// The numbers of the milestones to filter by, as names or ids. One that there is not is left out of the question.
fn asked_milestones(repo: &Repo, params: &Params) -> Vec<u64> {
    let asked: Vec<&str> = params.get("milestones").unwrap_or_default().split(',').collect();
    let known = repo.milestones.iter();
    let known = known.filter(|its| {
        asked
            .iter()
            .any(|asked| *asked == its.title || *asked == its.id.to_string())
    });
    known.map(|its| its.number).collect()
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

/// Whether somebody can see to issues.
pub(crate) fn assignable(login: &str) -> bool {
    [USER, GUEST].contains(&login)
}

/// Whether the credential's owner may write to a repository.
pub(crate) fn pushes(repo: &Repo) -> bool {
    repo.owner != GUEST
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
    #[serde(default)]
    milestone: u64,
    due_date: Option<String>,
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
        if let Some(stranger) = self.assignees.iter().find(|login| !assignable(login)) {
            let message = format!("Assignee does not exist: [name: {stranger}]");
            return Err(Problem::invalid(message));
        }
        let writes = pushes(repo);
        let milestone = repo.milestones.iter().find(|its| its.id == self.milestone);
        if writes && self.milestone != 0 && milestone.is_none() {
            return Err(Problem::not_found());
        }
        let labels = label::named(repo, &self.labels);
        Ok(Issue {
            body: Some(self.body),
            labels: if writes { labels } else { vec![] },
            assignees: if writes { self.assignees } else { vec![] },
            milestone: milestone.filter(|_| writes).map(|its| its.number),
            due_on: self.due_date.as_deref().and_then(seconds).filter(|_| writes),
            ..Issue::draft(self.title.chars().take(MAX_TITLE).collect(), author)
        })
    }
}
