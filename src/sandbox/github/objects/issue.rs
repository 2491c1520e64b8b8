//! Issues as GitHub shows them.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::{Links, escaped, reactions};
use crate::sandbox::forge::{Issue, Label, Milestone, Repo, stable_id};
use crate::sandbox::seed::USER;

impl Links<'_> {
    pub fn issue(&self, repo: &Repo, issue: &Issue) -> Value {
        let Issue { number, open, .. } = *issue;
        let is_pull = issue.is_pull();
        let repo_url = self.api_repo(&repo.full_name);
        let url = format!("{repo_url}/issues/{number}");
        let kind = if is_pull { "pull" } else { "issues" };
        let web = self.web(&format!("{}/{kind}/{number}", repo.full_name));
        let id = stable_id(&format!("{}#{number}", repo.full_name));
        let closed_at = &issue.closed_at;
        let milestone = issue.milestone.and_then(|number| repo.milestone(number));
        let milestone = milestone.map(|milestone| self.milestone(repo, milestone));
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.user(login, "User")).collect();
        let mut object = json!({
            "id": id,
            "node_id": format!("I_{id}"),
            "number": number,
            "title": issue.title,
            "body": issue.body,
            "state": if open { "open" } else { "closed" },
            "state_reason": match (open, &issue.reason) {
                (false, None) => Some("completed"),
                (_, reason) => reason.as_deref(),
            },
            "url": url,
            "repository_url": repo_url,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": web,
            "user": self.user(issue.author, "User"),
            "labels": self.labels_of(repo, issue),
            "assignee": assignees.first(),
            "assignees": assignees,
            "milestone": milestone,
            "locked": issue.locked,
            "active_lock_reason": null,
            "comments": issue.comments.len(),
            "closed_at": closed_at,
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_by": if open { Value::Null } else { self.user(issue.author, "User") },
            "author_association": "MEMBER",
            "reactions": reactions(&url),
        });
        if is_pull {
            object["draft"] = json!(issue.pull.as_ref().is_some_and(|pull| pull.draft));
            object["pull_request"] = json!({
                "url": format!("{repo_url}/pulls/{number}"),
                "html_url": web,
                "diff_url": format!("{web}.diff"),
                "patch_url": format!("{web}.patch"),
                "merged_at": issue.pull.as_ref().and_then(|pull| pull.merged.as_ref()).map(|merge| &merge.at),
            });
        }
        object
    }

    /// The labels that it carries.
    pub fn labels_of(&self, repo: &Repo, issue: &Issue) -> Vec<Value> {
        let carried = |label: &&Label| issue.labels.iter().any(|name| name.eq_ignore_ascii_case(&label.name));
        let labels = repo.labels.iter().filter(carried);
        labels.map(|label| self.label(repo, label)).collect()
    }

    pub fn label(&self, repo: &Repo, label: &Label) -> Value {
        let name = escaped(&label.name);
        json!({
            "id": label.id,
            "node_id": format!("LA_{}", label.id),
            "url": format!("{}/labels/{name}", self.api_repo(&repo.full_name)),
            "name": label.name,
            "description": label.description,
            "color": label.color,
            "default": label.name == "bug",
        })
    }

    /// A milestone; its day is kept as the moment at which it begins in California.
    pub fn milestone(&self, repo: &Repo, milestone: &Milestone) -> Value {
        let number = milestone.number;
        let url = format!("{}/milestones/{number}", self.api_repo(&repo.full_name));
        let (open, closed) = repo.reached(milestone);
        json!({
            "url": url,
            "html_url": self.web(&format!("{}/milestone/{number}", repo.full_name)),
            "labels_url": format!("{url}/labels"),
            "id": milestone.id,
            "node_id": format!("MI_{}", milestone.id),
            "number": number,
            "title": milestone.title,
            "description": milestone.description,
            "creator": self.user(USER, "User"),
            "open_issues": open,
            "closed_issues": closed,
            "state": if milestone.open { "open" } else { "closed" },
            "created_at": milestone.created_at,
            "updated_at": milestone.created_at,
            "due_on": milestone.due_on,
            "closed_at": milestone.closed_at,
        })
    }
}
