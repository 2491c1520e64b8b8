//! Pull requests and reviews as Gitea shows them.
//!
//! Invariant: what says that it can be merged is never said of a draft, nor before it was looked into.

use serde_json::{Value, json};

use super::{Links, merged};
use crate::sandbox::forge::{Comparison, LineComment, Mergeable, PullAt, Refused, Review, ReviewState, stable_id};

/// Whether a pull request can be merged, as far as that is known.
pub(crate) fn can_merge(at: &PullAt<'_>) -> bool {
    !at.pull.draft && matches!(at.repo.mergeable(at.pull), Mergeable::Yes(_))
}

impl Links<'_> {
    /// A pull request as lists show it. Its URL is that of its page.
    pub fn pull(&self, at: &PullAt<'_>) -> Result<Value, Refused> {
        let PullAt { repo, issue, pull, .. } = *at;
        let web = self.issue_page(repo, issue);
        let assignees = self.assignees(issue);
        let merge = pull.merged.as_ref();
        let object = json!({
            "id": stable_id(&format!("{}!{}", repo.full_name, issue.number)),
            "url": web,
            "number": issue.number,
            "user": self.user(issue.author),
            "title": issue.title,
            "body": issue.body.as_deref().unwrap_or_default(),
            "labels": self.labels_of(repo, issue),
            "milestone": null,
            "assignee": assignees.first(),
            "assignees": assignees,
            "requested_reviewers": [], "requested_reviewers_teams": [],
            "state": if issue.open { "open" } else { "closed" },
            "draft": pull.draft,
            "is_locked": false,
            "comments": issue.comments.len(),
            "review_comments": pull.reviews.iter().map(|review| review.comments.len()).sum::<usize>(),
            "html_url": web,
            "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"),
            "mergeable": can_merge(at),
            "merged": merge.is_some(),
            "merged_at": merge.map(|merge| &merge.at),
            "merge_commit_sha": merge.map(|merge| &merge.commit),
            "merged_by": merge.map(|merge| self.user(merge.by)),
            "merge_base": repo.brought_by(pull)?.merge_base.id,
            "allow_maintainer_edit": false,
            "due_date": null,
            "created_at": issue.created_at, "updated_at": issue.updated_at, "closed_at": issue.closed_at,
            "pin_order": 0,
            "content_version": issue.versions,
        });
        Ok(merged(object, self.ends(at)))
    }

    /// Both branches. A head whose repository is gone has none, and one whose branch is gone is a ref of the base.
    fn ends(&self, at: &PullAt<'_>) -> Value {
        let PullAt {
            state,
            repo,
            issue,
            pull,
        } = *at;
        let head_repo = state.by_id(pull.head_repo).ok();
        let there = head_repo.is_some_and(|repo| repo.branches.contains_key(&pull.head));
        let head_ref = match there {
            true => pull.head.clone(),
            false => format!("refs/pull/{}/head", issue.number),
        };
        json!({
            "base": {
                "label": pull.base,
                "ref": pull.base,
                "sha": repo.branches.get(&pull.base).map_or(pull.base_id.as_str(), |base| base.commit.as_str()),
                "repo_id": repo.id,
                "repo": self.repo(state, repo),
            },
            "head": {
                "label": pull.head,
                "ref": head_ref,
                "sha": pull.head_id,
                "repo_id": head_repo.map_or(json!(-1), |repo| json!(repo.id)),
                "repo": head_repo.map(|repo| self.repo(state, repo)),
            },
        })
    }

    /// A pull request by itself: what lists leave out, because it takes long.
    pub fn full_pull(&self, at: &PullAt<'_>) -> Result<Value, Refused> {
        let Comparison { files, .. } = at.repo.brought_by(at.pull)?;
        let more = json!({
            "additions": files.iter().map(|file| file.added).sum::<usize>(),
            "deletions": files.iter().map(|file| file.removed).sum::<usize>(),
            "changed_files": files.len(),
        });
        Ok(merged(self.pull(at)?, more))
    }

    pub fn review(&self, at: &PullAt<'_>, review: &Review) -> Value {
        let page = self.issue_page(at.repo, at.issue);
        let state = match review.state {
            ReviewState::Approved => "APPROVED",
            ReviewState::ChangesRequested => "REQUEST_CHANGES",
            ReviewState::Commented => "COMMENT",
            ReviewState::Pending => "PENDING",
        };
        json!({
            "id": review.id,
            "user": self.user(review.author),
            "team": null,
            "state": state,
            "body": review.body,
            "commit_id": review.commit,
            "stale": review.commit != at.pull.head_id,
            "official": false,
            "dismissed": false,
            "comments_count": review.comments.len(),
            "submitted_at": review.submitted_at, "updated_at": review.submitted_at,
            "html_url": format!("{page}#issuecomment-{}", review.id),
            "pull_request_url": page,
        })
    }

    /// A remark on a line, by its place in the review.
    pub fn line_comment(&self, at: &PullAt<'_>, review: &Review, place: usize, comment: &LineComment) -> Value {
        let page = self.issue_page(at.repo, at.issue);
        let id = stable_id(&format!("{} {place}", review.id));
        json!({
            "id": id,
            "body": comment.body,
            "user": self.user(review.author),
            "resolver": null,
            "pull_request_review_id": review.id,
            "created_at": review.submitted_at, "updated_at": review.submitted_at,
            "path": comment.path,
            "commit_id": review.commit,
            "original_commit_id": "",
            "diff_hunk": "",
            "position": comment.line,
            "original_position": 0,
            "html_url": format!("{page}#issuecomment-{id}"),
            "pull_request_url": page,
        })
    }
}
