//! Issues, what is said of them, and labels, as Gitea shows them.
//!
//! Invariant: a pull request among the issues is known by its own part.

use serde_json::{Value, json};

use super::{BASE, Links};
use crate::sandbox::forge::{Comment, Issue, Milestone, Repo, stable_id};
use crate::sandbox::gitea::label::{self, Label};

impl Links<'_> {
    /// The page of an issue or a pull request.
    pub fn issue_page(&self, repo: &Repo, issue: &Issue) -> String {
        let kind = if issue.is_pull() { "pulls" } else { "issues" };
        self.web(&format!("{}/{kind}/{}", repo.full_name, issue.number))
    }

    /// The labels that it carries.
    pub fn labels_of(&self, repo: &Repo, issue: &Issue) -> Vec<Value> {
        let known = label::known(repo);
        let carried = known.iter().filter(|label| issue.labels.contains(&label.own.name));
        carried.map(|label| self.label(repo, label)).collect()
    }

    pub fn assignees(&self, issue: &Issue) -> Vec<Value> {
        issue.assignees.iter().map(|login| self.user(login)).collect()
    }

    pub fn issue(&self, repo: &Repo, issue: &Issue) -> Value {
        let number = issue.number;
        let web = self.issue_page(repo, issue);
        let assignees = self.assignees(issue);
        let milestone = issue.milestone.and_then(|number| repo.milestone(number));
        let milestone = milestone.map(|milestone| self.milestone(repo, milestone));
        let pull = issue.pull.as_ref().map(|pull| {
            let merged = pull.merged.as_ref().map(|merge| &merge.at);
            json!({ "draft": pull.draft, "merged": merged.is_some(), "merged_at": merged, "html_url": web })
        });
        json!({
            "id": stable_id(&format!("{}#{number}", repo.full_name)),
            "url": format!("{}/issues/{number}", self.api_repo(&repo.full_name)),
            "html_url": web,
            "number": number,
            "user": self.user(issue.author),
            "original_author": "", "original_author_id": 0,
            "title": issue.title,
            "body": issue.body.as_deref().unwrap_or_default(),
            "ref": "",
            "assets": [],
            "labels": self.labels_of(repo, issue),
            "milestone": milestone,
            "assignee": assignees.first(),
            "assignees": if assignees.is_empty() { Value::Null } else { assignees.clone().into() },
            "state": if issue.open { "open" } else { "closed" },
            "is_locked": issue.locked,
            "comments": issue.comments.len(),
            "created_at": issue.created_at, "updated_at": issue.updated_at,
            "closed_at": issue.closed_at,
            "due_date": issue.due_on,
            "time_estimate": 0,
            "content_version": issue.versions,
            "pull_request": pull,
            "repository": {
                "id": repo.id, "name": repo.name, "owner": repo.owner, "full_name": repo.full_name,
            },
            "pin_order": 0,
        })
    }

    /// A comment: it names the page of the issue or of the pull request, never both.
    pub fn comment(&self, repo: &Repo, issue: &Issue, comment: &Comment) -> Value {
        let page = self.issue_page(repo, issue);
        let (of_issue, of_pull) = match issue.is_pull() {
            true => ("", page.as_str()),
            false => (page.as_str(), ""),
        };
        json!({
            "id": comment.id,
            "html_url": format!("{page}#issuecomment-{}", comment.id),
            "issue_url": of_issue,
            "pull_request_url": of_pull,
            "user": self.user(comment.author),
            "original_author": "", "original_author_id": 0,
            "body": comment.body,
            "assets": [],
            "created_at": comment.created_at, "updated_at": comment.updated_at,
        })
    }

    pub fn milestone(&self, repo: &Repo, milestone: &Milestone) -> Value {
        let (open, closed) = repo.reached(milestone);
        json!({
            "id": milestone.id,
            "title": milestone.title,
            "description": milestone.description.as_deref().unwrap_or_default(),
            "state": if milestone.open { "open" } else { "closed" },
            "open_issues": open,
            "closed_issues": closed,
            "created_at": milestone.created_at, "updated_at": milestone.created_at,
            "closed_at": milestone.closed_at,
            "due_on": milestone.due_on,
        })
    }

    pub fn label(&self, repo: &Repo, label: &Label) -> Value {
        let home = match label.shared {
            true => format!("{}{BASE}/orgs/{}", self.origin, repo.owner),
            false => self.api_repo(&repo.full_name),
        };
        json!({
            "id": label.own.id,
            "name": label.own.name,
            "exclusive": false,
            "is_archived": false,
            "color": label.own.color,
            "description": label.own.description,
            "url": format!("{home}/labels/{}", label.own.id),
        })
    }
}
