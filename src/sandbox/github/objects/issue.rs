//! Issues as GitHub shows them.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::{Links, escaped, reactions};
use crate::sandbox::forge::{Issue, Repo, stable_id};

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
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.user(login, "User")).collect();
        let mut object = json!({
            "id": id,
            "node_id": format!("I_{id}"),
            "number": number,
            "title": issue.title,
            "body": issue.body,
            "state": if open { "open" } else { "closed" },
            "state_reason": if open { Value::Null } else { json!("completed") },
            "url": url,
            "repository_url": repo_url,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": web,
            "user": self.user(issue.author, "User"),
            "labels": issue.labels.iter().map(|label| self.label(&repo_url, label)).collect::<Vec<_>>(),
            "assignee": assignees.first(),
            "assignees": assignees,
            "milestone": null,
            "locked": false,
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

    pub fn label(&self, repo_url: &str, name: &str) -> Value {
        let id = stable_id(&format!("label {name}"));
        json!({
            "id": id,
            "node_id": format!("LA_{id}"),
            "url": format!("{repo_url}/labels/{}", escaped(name)),
            "name": name,
            "description": "",
            "color": if name == "bug" { "d73a4a" } else { "ededed" },
            "default": false,
        })
    }
}
