//! Merge requests, and what is said of them.
//!
//! Invariant: what a list tells of whether one can be merged is stale and is left out.

use super::person;
use crate::catalogue::git::{Comment, MergeOutcome, Mergeable, Merged, Pull, PullEnd, PullState, Review, Verdict};
use crate::catalogue::link::Link;
use crate::providers::gitlab::{ids, quick, wire};
use crate::providers::http::Row;
use crate::providers::http::text::present;

/// One of a list.
pub fn listed(instance: &str, project: &str, row: Row<wire::MergeRequest>) -> Pull {
    Pull {
        mergeable: None,
        raw_mergeable: None,
        ..pull(instance, project, row)
    }
}

/// One that was asked for; `project` is where.
pub fn pull(instance: &str, project: &str, Row { wire, raw }: Row<wire::MergeRequest>) -> Pull {
    let full = wire
        .references
        .as_ref()
        .and_then(|references| references.full.as_deref());
    // After a transfer not the one that was asked.
    let home = full
        .and_then(|full| Some(full.rsplit_once('!')?.0))
        .unwrap_or(project)
        .to_owned();
    let state = state(&wire.state);
    let (mergeable, raw_mergeable) = mergeable(&wire).filter(|_| state == PullState::Open).unzip();
    let draft = is_draft(&wire);
    let merge_sha = merge_sha(&wire);
    let here = wire.source_project_id.is_some() && wire.source_project_id == wire.target_project_id;
    Pull {
        id: ids::numbered_id(instance, &home, wire.iid),
        number: wire.iid,
        title: title(&wire, draft),
        body: present(wire.description),
        state,
        raw_state: wire.state,
        draft: Some(draft),
        author: wire.author.map(person),
        head: PullEnd {
            repo: here.then(|| home.clone()),
            branch: present(wire.source_branch),
            sha: present(wire.sha),
        },
        // The base of its diffs is no end of a branch: it is where both part.
        base: PullEnd {
            repo: Some(home),
            branch: present(wire.target_branch),
            sha: None,
        },
        mergeable,
        raw_mergeable,
        merge_sha,
        merged_by: wire.merge_user.or(wire.merged_by).map(person),
        labels: wire.labels,
        assignees: wire.assignees.into_iter().map(person).collect(),
        reviewers: wire.reviewers.into_iter().map(person).collect(),
        commits: None,
        // `1000+` is no number.
        changed_files: wire.changes_count.and_then(|count| count.parse().ok()),
        additions: None,
        deletions: None,
        comments: wire.user_notes_count,
        web_url: wire.web_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        merged_at: wire.merged_at.text(),
        closed_at: wire.closed_at.text(),
        raw,
    }
}

/// One that is locked is being merged at this moment.
fn state(word: &str) -> PullState {
    match word {
        "closed" => PullState::Closed,
        "merged" => PullState::Merged,
        _ => PullState::Open,
    }
}

/// Whether it is a draft.
pub fn is_draft(wire: &wire::MergeRequest) -> bool {
    let told = wire.draft.or(wire.work_in_progress);
    told.unwrap_or_else(|| quick::is_marked(&wire.title))
}

fn title(wire: &wire::MergeRequest, draft: bool) -> String {
    match draft {
        true => quick::unmarked(&wire.title).to_owned(),
        false => wire.title.clone(),
    }
}

/// Whether it can be merged, and GitLab's word for it.
fn mergeable(wire: &wire::MergeRequest) -> Option<(Mergeable, String)> {
    let word = wire.detailed_merge_status.as_ref().or(wire.merge_status.as_ref())?;
    let mergeable = match &**word {
        // Before 15.6 nothing is told of rules but this.
        "can_be_merged" if is_draft(wire) => Mergeable::Blocked,
        "mergeable" | "can_be_merged" => Mergeable::Yes,
        "conflict" | "cannot_be_merged" => Mergeable::Conflict,
        "need_rebase"
        | "ci_must_pass"
        | "ci_still_running"
        | "not_approved"
        | "discussions_not_resolved"
        | "draft_status"
        | "not_open"
        | "requested_changes"
        | "merge_request_blocked"
        | "merge_time"
        | "status_checks_must_pass"
        | "security_policy_violations"
        | "jira_association_missing"
        | "commits_status"
        | "locked_paths"
        | "locked_lfs_files" => Mergeable::Blocked,
        // It is looked into, or the word is one that is not known here.
        _ => Mergeable::Unknown,
    };
    Some((mergeable, word.clone()))
}

/// Whether GitLab is still looking whether it can be merged, and will tell soon.
pub fn is_looked_into(wire: &wire::MergeRequest) -> bool {
    let word = wire.detailed_merge_status.as_deref().or(wire.merge_status.as_deref());
    let waits = |word| matches!(word, "unchecked" | "checking" | "preparing" | "approvals_syncing");
    state(&wire.state) == PullState::Open && word.is_some_and(waits)
}

/// The commit that the base is at by it: there is no commit of the merge after a fast forward.
fn merge_sha(wire: &wire::MergeRequest) -> Option<String> {
    let made = present(wire.merge_commit_sha.clone()).or_else(|| present(wire.squash_commit_sha.clone()));
    let sha = made.or_else(|| present(wire.sha.clone()));
    sha.filter(|_| wire.state == "merged")
}

/// What became of a merge that GitLab took: one that is not merged yet will be, once its rules are met.
pub fn merged(Row { wire, raw }: Row<wire::MergeRequest>) -> Merged {
    Merged {
        outcome: match state(&wire.state) {
            PullState::Merged => MergeOutcome::Merged,
            PullState::Open | PullState::Closed => MergeOutcome::Scheduled,
        },
        sha: merge_sha(&wire),
        raw,
    }
}

/// An approval of somebody. GitLab gives it no id and keeps no text with it.
pub fn approval(Row { wire, raw }: Row<wire::Approval>) -> Review {
    Review {
        author: Some(person(wire.user)),
        submitted_at: wire.approved_at.text(),
        raw,
        ..review(Verdict::Approved, "approved")
    }
}

/// What a reviewer has decided; none of who has not looked yet.
pub fn reviewer(Row { wire, raw }: Row<wire::Reviewer>) -> Option<Review> {
    let verdict = match &*wire.state {
        "unreviewed" => return None,
        "approved" => Verdict::Approved,
        "requested_changes" => Verdict::ChangesRequested,
        "review_started" => Verdict::Pending,
        "unapproved" => Verdict::Dismissed,
        _ => Verdict::Commented,
    };
    Some(Review {
        author: Some(person(wire.user)),
        raw,
        ..review(verdict, &wire.state)
    })
}

/// A comment as a review.
pub fn remark(row: Row<wire::Note>) -> Review {
    let comment = comment(row);
    Review {
        id: Some(comment.id),
        author: comment.author,
        body: present(Some(comment.body)),
        submitted_at: comment.created_at,
        raw: comment.raw,
        ..review(Verdict::Commented, "commented")
    }
}

/// A review of which no more is known.
pub fn review(verdict: Verdict, word: &str) -> Review {
    Review {
        id: None,
        verdict,
        raw_verdict: word.to_owned(),
        author: None,
        body: None,
        commit: None,
        web_url: None,
        submitted_at: None,
        raw: None,
    }
}

pub fn comment(Row { wire, raw }: Row<wire::Note>) -> Comment {
    Comment {
        id: wire.id.to_string(),
        body: wire.body,
        author: wire.author.map(person),
        web_url: None,
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(wire: Value) -> Pull {
        let wire = serde_json::from_value(wire).expect("a merge request");
        pull("a", "g/p", Row { wire, raw: None })
    }

    #[test]
    fn gl6_words_of_mergeability_are_told_apart() {
        for (word, mergeable) in [
            ("mergeable", Mergeable::Yes),
            ("conflict", Mergeable::Conflict),
            ("need_rebase", Mergeable::Blocked),
            ("ci_still_running", Mergeable::Blocked),
            ("preparing", Mergeable::Unknown),
            ("approvals_syncing", Mergeable::Unknown),
            ("a_new_word", Mergeable::Unknown),
        ] {
            let pull = of(json!({"iid": 1, "state": "opened", "detailed_merge_status": word, "merge_status": "x"}));
            assert_eq!(
                (pull.mergeable, pull.raw_mergeable.as_deref()),
                (Some(mergeable), Some(word))
            );
        }
        let old = |draft| of(json!({"iid": 1, "state": "opened", "draft": draft, "merge_status": "can_be_merged"}));
        assert_eq!(old(false).mergeable, Some(Mergeable::Yes));
        assert_eq!(old(true).mergeable, Some(Mergeable::Blocked));
        let closed = of(json!({"iid": 1, "state": "closed", "detailed_merge_status": "not_open"}));
        assert_eq!((closed.mergeable, closed.raw_mergeable), (None, None));
    }

    #[test]
    fn gl9_the_commit_of_a_merge_is_the_one_that_there_is() {
        for (state, merge, squash, sha) in [
            ("merged", json!("m"), json!("s"), Some("m")),
            ("merged", json!(null), json!("s"), Some("s")),
            ("merged", json!(""), json!(null), Some("h")),
            ("opened", json!(null), json!(null), None),
            ("locked", json!("m"), json!(null), None),
        ] {
            let pull = of(
                json!({"iid": 1, "state": state, "sha": "h", "merge_commit_sha": merge, "squash_commit_sha": squash}),
            );
            assert_eq!(pull.merge_sha.as_deref(), sha, "{state} {merge} {squash}");
        }
    }

    #[test]
    fn gl13_more_than_a_thousand_is_no_number() {
        let changed = |count: Value| of(json!({"iid": 1, "changes_count": count})).changed_files;
        assert_eq!(
            (changed(json!("12")), changed(json!("1000+")), changed(json!(null))),
            (Some(12), None, None)
        );
    }
}
