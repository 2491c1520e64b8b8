//! Merge requests and what is said to them, as GitLab shows them.
//!
//! Invariant: what only the single request tells is not in a list, as with GitLab.

use serde_json::{Value, json};

use super::{Links, extend, time};
use crate::sandbox::forge::{Issue, Mergeable, Pull, Repo, stable_id};
use crate::sandbox::gitlab::data::Data;

/// A merge request and where it is.
#[derive(Clone, Copy)]
pub(crate) struct MergeAt<'a> {
    pub data: &'a Data,
    pub repo: &'a Repo,
    pub issue: &'a Issue,
    pub pull: &'a Pull,
}

/// Whether it can be merged, in the older and in the newer words.
struct Standing {
    merge_status: &'static str,
    detailed: &'static str,
}

impl<'a> MergeAt<'a> {
    pub fn find(data: &'a Data, repo: &'a Repo, number: u64) -> Option<Self> {
        let (issue, pull) = repo.pull(number)?;
        Some(Self {
            data,
            repo,
            issue,
            pull,
        })
    }

    /// The number among all merge requests of the server, which is not the one among those of the project.
    pub fn id(&self) -> u64 {
        stable_id(&format!("{}!{}", self.repo.id, self.issue.number))
    }

    pub fn state(&self) -> &'static str {
        match (&self.pull.merged, self.issue.open) {
            (Some(_), _) => "merged",
            (None, true) => "opened",
            (None, false) => "closed",
        }
    }

    pub fn conflicts(&self) -> bool {
        matches!(self.repo.mergeable(self.pull), Mergeable::Conflict)
    }

    fn standing(&self) -> Standing {
        let wish = self.data.own.wish(self.repo.id, self.issue.number);
        let merge_status = match self.repo.mergeable(self.pull) {
            Mergeable::Yes(_) => "can_be_merged",
            Mergeable::Conflict => "cannot_be_merged",
            Mergeable::Unknown if wish.read => "checking",
            Mergeable::Unknown => "unchecked",
        };
        let detailed = match merge_status {
            _ if self.pull.merged.is_some() || !self.issue.open => "not_open",
            _ if wish.fresh => "preparing",
            "unchecked" | "checking" => merge_status,
            _ if self.pull.draft => "draft_status",
            "cannot_be_merged" => "conflict",
            _ => "mergeable",
        };
        Standing { merge_status, detailed }
    }

    /// The commits that a merge made: the merge's own, and that of a squash.
    fn merged_as(&self) -> (Option<&str>, Option<&str>) {
        let Some(merge) = &self.pull.merged else {
            return (None, None);
        };
        let commit = self.repo.history.get(&merge.commit);
        match commit.is_some_and(|commit| commit.parents.len() < 2) {
            true => (None, Some(&merge.commit)),
            false => (Some(&merge.commit), None),
        }
    }
}

impl Links<'_> {
    /// As in lists.
    pub fn merge(&self, at: &MergeAt<'_>) -> Value {
        let MergeAt {
            data,
            repo,
            issue,
            pull,
        } = at;
        let wish = data.own.wish(repo.id, issue.number);
        let standing = at.standing();
        let number = issue.number;
        let users = |logins: &[String]| logins.iter().map(|login| self.user(login)).collect::<Vec<_>>();
        let (merge_commit, squash_commit) = at.merged_as();
        let merged = pull.merged.as_ref();
        let closed = issue.closed_at.as_ref().filter(|_| merged.is_none());
        let mut shown = json!({
            "id": at.id(),
            "iid": number,
            "project_id": repo.id,
            "title": issue.title,
            "description": issue.body,
            "state": at.state(),
            "created_at": time(&issue.created_at),
            "updated_at": time(&issue.updated_at),
            "merged_by": merged.map(|merge| self.user(merge.by)),
            "merge_user": merged.map(|merge| self.user(merge.by)),
            "merged_at": merged.map(|merge| time(&merge.at)),
            "closed_by": closed.map(|_| self.user(data.forge.user)),
            "closed_at": closed.map(|at| time(at)),
            "target_branch": pull.base,
            "source_branch": pull.head,
            "user_notes_count": issue.comments.len(),
            "upvotes": 0,
            "downvotes": 0,
            "author": self.user(issue.author),
            "assignees": users(&issue.assignees),
            "assignee": issue.assignees.first().map(|login| self.user(login)),
            "reviewers": users(&wish.reviewers),
            "source_project_id": pull.head_repo,
            "target_project_id": repo.id,
            "labels": issue.labels,
            "draft": pull.draft,
            "work_in_progress": pull.draft,
            "milestone": null,
            "imported": false,
        });
        let more = json!({
            "merge_when_pipeline_succeeds": wish.auto,
            "merge_status": standing.merge_status,
            "detailed_merge_status": standing.detailed,
            "merge_after": null,
            "sha": pull.head_id,
            "merge_commit_sha": merge_commit,
            "squash_commit_sha": squash_commit,
            "discussion_locked": null,
            "should_remove_source_branch": null,
            "force_remove_source_branch": wish.remove_branch,
            "prepared_at": (standing.detailed != "preparing").then(|| time(&issue.created_at)),
            "reference": format!("!{number}"),
            "references": {
                "short": format!("!{number}"),
                "relative": format!("!{number}"),
                "full": format!("{}!{number}", repo.full_name),
            },
            "web_url": format!("{}/-/merge_requests/{number}", self.page(&repo.full_name)),
            "time_stats": {
                "time_estimate": 0,
                "total_time_spent": 0,
                "human_time_estimate": null,
                "human_total_time_spent": null,
            },
            "squash": wish.squash,
            "squash_on_merge": wish.squash,
            "task_completion_status": { "count": 0, "completed_count": 0 },
            "has_conflicts": at.conflicts(),
            "blocking_discussions_resolved": true,
            "approvals_before_merge": null,
        });
        extend(&mut shown, more);
        shown
    }

    /// By itself.
    pub fn whole_merge(&self, at: &MergeAt<'_>) -> Value {
        let mut shown = self.merge(at);
        let brought = at.repo.brought_by(at.pull).ok();
        let more = json!({
            "subscribed": at.issue.author == at.data.forge.user,
            "changes_count": brought.as_ref().map(|brought| brought.files.len().to_string()),
            "latest_build_started_at": null,
            "latest_build_finished_at": null,
            "first_deployed_to_production_at": null,
            "pipeline": null,
            "head_pipeline": null,
            "diff_refs": brought.as_ref().map(|brought| json!({
                "base_sha": brought.merge_base.id,
                "head_sha": brought.head.id,
                "start_sha": brought.base.id,
            })),
            "merge_error": null,
            "first_contribution": false,
            "user": { "can_merge": at.data.member(at.repo) },
        });
        extend(&mut shown, more);
        shown
    }
}

/// What was said to a merge request: by people, on a line, or by GitLab itself.
#[derive(Clone, Debug)]
pub(crate) struct Note<'a> {
    pub id: u64,
    pub author: &'a str,
    pub body: String,
    pub at: &'a str,
    pub system: bool,
    /// The path and the line that it is about.
    pub place: Option<(&'a str, u64)>,
}

impl Links<'_> {
    pub fn note(&self, at: &MergeAt<'_>, note: &Note<'_>) -> Value {
        let mut shown = json!({
            "id": note.id,
            "type": note.place.map(|_| "DiffNote"),
            "body": note.body,
            "attachment": null,
            "author": self.user(note.author),
            "created_at": time(note.at),
            "updated_at": time(note.at),
            "system": note.system,
            "noteable_id": at.id(),
            "noteable_type": "MergeRequest",
            "project_id": at.repo.id,
            "resolvable": note.place.is_some(),
            "confidential": false,
            "internal": false,
            "imported": false,
            "imported_from": "none",
            "noteable_iid": at.issue.number,
            "commands_changes": {},
        });
        if let Some((path, line)) = note.place {
            let position = json!({
                "base_sha": at.pull.base_id,
                "start_sha": at.pull.base_id,
                "head_sha": at.pull.head_id,
                "old_path": path,
                "new_path": path,
                "position_type": "text",
                "old_line": null,
                "new_line": line,
            });
            extend(
                &mut shown,
                json!({ "position": position, "resolved": false, "resolved_by": null }),
            );
        }
        shown
    }
}
