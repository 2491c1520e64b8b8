//! Pull requests and what is said of them, as GitHub shows them.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::{Links, merged, reactions};
use crate::sandbox::forge::{
    Comment, Comparison, Issue, LineComment, Mergeable, PullAt, Refused, Repo, Review, ReviewState, stable_id,
};
use crate::sandbox::seed::USER;

impl PullAt<'_> {
    fn url(&self, links: &Links<'_>) -> String {
        format!("{}/pulls/{}", links.api_repo(&self.repo.full_name), self.issue.number)
    }

    fn web(&self, links: &Links<'_>) -> String {
        links.web(&format!("{}/pull/{}", self.repo.full_name, self.issue.number))
    }
}

impl Links<'_> {
    /// A pull request as lists show it.
    pub fn pull(&self, at: &PullAt<'_>) -> Value {
        let PullAt { repo, issue, pull, .. } = *at;
        let (api, url, web) = (self.api_repo(&repo.full_name), at.url(self), at.web(self));
        let id = stable_id(&format!("{}!{}", repo.full_name, issue.number));
        let issue_url = format!("{api}/issues/{}", issue.number);
        let statuses = format!("{api}/statuses/{}", pull.head_id);
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.user(login, "User")).collect();
        let merge = pull.merged.as_ref();
        let object = json!({
            "id": id,
            "node_id": format!("PR_{id}"),
            "url": url,
            "html_url": web,
            "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"),
            "issue_url": issue_url,
            "number": issue.number,
            "state": if issue.open { "open" } else { "closed" },
            "locked": false,
            "title": issue.title,
            "user": self.user(issue.author, "User"),
            "body": issue.body,
            "labels": self.labels_of(at.repo, issue),
            "milestone": null,
            "active_lock_reason": null,
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_at": issue.closed_at,
            "merged_at": merge.map(|merge| &merge.at),
            "merge_commit_sha": self.merge_commit(at),
            "assignee": assignees.first(),
            "assignees": assignees,
            "requested_reviewers": [],
            "requested_teams": [],
            "author_association": association(issue.author, repo),
            "auto_merge": null,
            "draft": pull.draft,
        });
        merged(
            merged(object, self.ends(at)),
            self.pull_links(&url, &web, &issue_url, &statuses),
        )
    }

    /// Before the merge the commit of a test, once it was made; after it the real one.
    fn merge_commit(&self, at: &PullAt<'_>) -> Option<String> {
        if let Some(merge) = &at.pull.merged {
            return Some(merge.commit.clone());
        }
        match at.repo.mergeable(at.pull) {
            Mergeable::Yes(commit) => Some(commit.id.clone()),
            _ => None,
        }
    }

    fn pull_links(&self, url: &str, web: &str, issue_url: &str, statuses: &str) -> Value {
        let link = |href: String| json!({ "href": href });
        let repo_url = url.rsplit_once('/').map_or(url, |(pulls, _)| pulls);
        json!({
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{repo_url}/comments{{/number}}"),
            "comments_url": format!("{issue_url}/comments"),
            "statuses_url": statuses,
            "_links": {
                "self": link(url.to_owned()),
                "html": link(web.to_owned()),
                "issue": link(issue_url.to_owned()),
                "comments": link(format!("{issue_url}/comments")),
                "review_comments": link(format!("{url}/comments")),
                "review_comment": link(format!("{repo_url}/comments{{/number}}")),
                "commits": link(format!("{url}/commits")),
                "statuses": link(statuses.to_owned()),
            },
        })
    }

    /// Both branches. A head whose repository is gone has none.
    fn ends(&self, at: &PullAt<'_>) -> Value {
        let PullAt { state, repo, pull, .. } = *at;
        let end = |owner: &str, branch: &str, commit: &str, repo: Option<&Repo>| {
            json!({
                "label": format!("{owner}:{branch}"),
                "ref": branch,
                "sha": commit,
                "user": self.owner(owner),
                "repo": repo.map(|repo| self.repo(repo)),
            })
        };
        let head_repo = state.by_id(pull.head_repo).ok();
        json!({
            "head": end(&pull.head_owner, &pull.head, &pull.head_id, head_repo),
            "base": end(&repo.owner, &pull.base, &pull.base_id, Some(repo)),
        })
    }

    /// A pull request by itself.
    pub fn full_pull(&self, at: &PullAt<'_>) -> Result<Value, Refused> {
        let PullAt { repo, issue, pull, .. } = *at;
        let Comparison { ahead, files, .. } = repo.brought_by(pull)?;
        let (mergeable, mergeable_state) = match repo.mergeable(pull) {
            _ if !issue.open => (None, "unknown"),
            Mergeable::Unknown => (None, "unknown"),
            Mergeable::Conflict => (Some(false), "dirty"),
            Mergeable::Yes(_) if pull.draft => (Some(true), "draft"),
            Mergeable::Yes(_) => (Some(true), "clean"),
        };
        let merged_by = pull.merged.as_ref().map(|merge| self.user(merge.by, "User"));
        let more = json!({
            "merged": pull.merged.is_some(),
            "mergeable": mergeable,
            "rebaseable": mergeable,
            "mergeable_state": mergeable_state,
            "merged_by": merged_by,
            "comments": issue.comments.len(),
            "review_comments": pull.reviews.iter().map(|review| review.comments.len()).sum::<usize>(),
            "maintainer_can_modify": pull.head_repo != repo.id,
            "commits": ahead.len(),
            "additions": files.iter().map(|file| file.added).sum::<usize>(),
            "deletions": files.iter().map(|file| file.removed).sum::<usize>(),
            "changed_files": files.len(),
        });
        Ok(merged(self.pull(at), more))
    }

    pub fn review(&self, at: &PullAt<'_>, review: &Review) -> Value {
        let (url, html) = (
            at.url(self),
            format!("{}#pullrequestreview-{}", at.web(self), review.id),
        );
        let state = match review.state {
            ReviewState::Approved => "APPROVED",
            ReviewState::ChangesRequested => "CHANGES_REQUESTED",
            ReviewState::Commented => "COMMENTED",
            ReviewState::Pending => "PENDING",
        };
        let mut object = json!({
            "id": review.id,
            "node_id": format!("PRR_{}", review.id),
            "user": self.user(review.author, "User"),
            "body": review.body,
            "state": state,
            "html_url": html,
            "pull_request_url": url,
            "author_association": association(review.author, at.repo),
            "_links": { "html": { "href": html }, "pull_request": { "href": url } },
            "commit_id": review.commit,
        });
        if review.state != ReviewState::Pending {
            object["submitted_at"] = json!(review.submitted_at);
        }
        object
    }

    /// A remark on a line, by its place in the review.
    pub fn line_comment(&self, at: &PullAt<'_>, review: &Review, place: usize, comment: &LineComment) -> Value {
        let id = stable_id(&format!("{} {place}", review.id));
        let url = format!("{}/pulls/comments/{id}", self.api_repo(&at.repo.full_name));
        let (pull, html) = (at.url(self), format!("{}#discussion_r{id}", at.web(self)));
        json!({
            "id": id,
            "node_id": format!("PRRC_{id}"),
            "url": url,
            "html_url": html,
            "pull_request_url": pull,
            "pull_request_review_id": review.id,
            "diff_hunk": "",
            "path": comment.path,
            "line": comment.line,
            "original_line": comment.line,
            "side": "RIGHT",
            "subject_type": "line",
            "commit_id": review.commit,
            "original_commit_id": review.commit,
            "user": self.user(review.author, "User"),
            "body": comment.body,
            "created_at": review.submitted_at,
            "updated_at": review.submitted_at,
            "author_association": association(review.author, at.repo),
            "_links": { "self": { "href": url }, "html": { "href": html }, "pull_request": { "href": pull } },
        })
    }

    pub fn comment(&self, repo: &Repo, issue: &Issue, comment: &Comment) -> Value {
        let api = self.api_repo(&repo.full_name);
        let url = format!("{api}/issues/comments/{}", comment.id);
        let kind = if issue.is_pull() { "pull" } else { "issues" };
        let page = format!("{}/{kind}/{}#issuecomment-{}", repo.full_name, issue.number, comment.id);
        json!({
            "id": comment.id,
            "node_id": format!("IC_{}", comment.id),
            "url": url,
            "html_url": self.web(&page),
            "issue_url": format!("{api}/issues/{}", issue.number),
            "user": self.user(comment.author, "User"),
            "body": comment.body,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "author_association": association(comment.author, repo),
            "performed_via_github_app": null,
            "reactions": reactions(&url),
        })
    }
}

fn association(login: &str, repo: &Repo) -> &'static str {
    match login {
        _ if login == repo.owner => "OWNER",
        USER => "MEMBER",
        _ => "CONTRIBUTOR",
    }
}
