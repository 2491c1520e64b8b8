//! Issues, and what surrounds them, as GitLab shows them.
//!
//! Invariant: an issue that was moved is closed, and names what it has become.

use serde_json::{Value, json};

use super::{Links, time};
use crate::sandbox::forge::{Issue, Label, Milestone, Repo, stable_id};
use crate::sandbox::gitlab::planning::{BOARD, LISTS};

/// A note: its id, who wrote it, its text, when, and whether it is of the history.
type Note<'a> = (u64, &'a str, &'a str, &'a str, bool);

/// A number of GitLab's, which fit its integers.
fn number(text: &str) -> u64 {
    stable_id(text) >> 1
}

impl Links<'_> {
    pub fn issue(&self, repo: &Repo, issue: &Issue) -> Value {
        let iid = issue.number;
        let people: Vec<Value> = issue.assignees.iter().map(|login| self.user(login)).collect();
        let milestone = issue.milestone.and_then(|number| repo.milestone(number));
        let full = format!("{}#{iid}", repo.full_name);
        let moved = issue
            .moved_to
            .as_ref()
            .map(|(path, iid)| number(&format!("{path}#{iid}")));
        json!({
            "id": number(&full),
            "iid": iid,
            "project_id": repo.id,
            "title": issue.title,
            "description": issue.body,
            "state": if issue.open { "opened" } else { "closed" },
            "created_at": time(&issue.created_at),
            "updated_at": time(&issue.updated_at),
            "closed_at": issue.closed_at.as_deref().map(time),
            "closed_by": issue.closed_at.as_ref().map(|_| self.user(issue.author)),
            "labels": issue.labels,
            "milestone": milestone.map(|milestone| self.milestone(repo, milestone)),
            "assignees": people,
            "author": self.user(issue.author),
            "type": "ISSUE",
            "assignee": people.first(),
            "user_notes_count": issue.comments.len(),
            "merge_requests_count": 0,
            "upvotes": 0,
            "downvotes": 0,
            "due_date": issue.due_on,
            "confidential": false,
            "discussion_locked": issue.locked.then_some(true),
            "issue_type": "issue",
            "web_url": format!("{}/-/issues/{iid}", self.page(&repo.full_name)),
            "time_stats": {
                "time_estimate": 0,
                "total_time_spent": 0,
                "human_time_estimate": null,
                "human_total_time_spent": null,
            },
            "task_completion_status": { "count": 0, "completed_count": 0 },
            "blocking_issues_count": 0,
            "has_tasks": false,
            "references": { "short": format!("#{iid}"), "relative": format!("#{iid}"), "full": full },
            "severity": "UNKNOWN",
            "moved_to_id": moved,
            "service_desk_reply_to": null,
        })
    }

    pub fn issue_note(&self, repo: &Repo, issue: &Issue, (id, author, body, at, system): Note<'_>) -> Value {
        json!({
            "id": id,
            "type": null,
            "body": body,
            "author": self.user(author),
            "created_at": time(at),
            "updated_at": time(at),
            "system": system,
            "noteable_id": number(&format!("{}#{}", repo.full_name, issue.number)),
            "noteable_type": "Issue",
            "project_id": repo.id,
            "resolvable": false,
            "confidential": false,
            "internal": false,
            "noteable_iid": issue.number,
            "commands_changes": {},
        })
    }

    pub fn label(&self, label: &Label) -> Value {
        json!({
            "id": label.id,
            "name": label.name,
            "description": label.description,
            "description_html": label.description,
            "text_color": "#FFFFFF",
            "color": format!("#{}", label.color),
            "archived": false,
            "subscribed": false,
            "priority": null,
            "is_project_label": true,
        })
    }

    pub fn milestone(&self, repo: &Repo, milestone: &Milestone) -> Value {
        json!({
            "id": milestone.id,
            "iid": milestone.number,
            "project_id": repo.id,
            "title": milestone.title,
            "description": milestone.description.as_deref().unwrap_or_default(),
            "state": if milestone.open { "active" } else { "closed" },
            "created_at": time(&milestone.created_at),
            "updated_at": time(&milestone.created_at),
            "due_date": milestone.due_on,
            "start_date": null,
            "expired": false,
            "web_url": format!("{}/-/milestones/{}", self.page(&repo.full_name), milestone.number),
        })
    }

    pub fn board(&self, repo: &Repo) -> Value {
        let list = |(at, name): (usize, &&str)| {
            let label = repo.labels.iter().find(|label| label.name == **name);
            json!({
                "id": at + 1,
                "label": label.map(|label| self.label(label)),
                "position": at,
            })
        };
        json!({
            "id": BOARD,
            "name": "Development",
            "hide_backlog_list": false,
            "hide_closed_list": false,
            "project": { "id": repo.id, "name": repo.name, "path_with_namespace": repo.full_name },
            "lists": LISTS.iter().enumerate().map(list).collect::<Vec<_>>(),
        })
    }
}
