//! Pull requests.
//!
//! Invariant: the title is without the mark of drafts, and `conflict` is never said: Gitea does not tell it from a check
//! that is not over.

use super::person;
use crate::catalogue::git::{Mergeable, Pull, PullEnd, PullState};
use crate::catalogue::link::Link;
use crate::providers::forge;
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

/// What a draft's title begins with where we make it one: the first of Gitea's marks.
pub const DRAFT: &str = "WIP: ";
/// The marks of drafts that servers know, in lower case. A server may be set up with others.
const MARKS: [&str; 4] = ["wip:", "[wip]", "draft:", "[draft]"];

/// `repo` is the one that was asked; after a transfer, the pull request names its new one itself.
pub fn pull(instance: &str, repo: &str, Row { wire, raw }: Row<wire::Pull>) -> Pull {
    let state = state(&wire);
    let mergeable = mergeable(&wire).filter(|_| state == PullState::Open);
    let base = wire.base.unwrap_or_default();
    let home = base.repo.as_ref().map(|repo| repo.full_name.clone());
    let merged = state == PullState::Merged;
    Pull {
        id: forge::issue_id(instance, home.as_deref().unwrap_or(repo), wire.number),
        number: wire.number,
        title: match wire.draft {
            Some(true) => plain_title(&wire.title).to_owned(),
            _ => wire.title,
        },
        body: present(wire.body),
        state,
        raw_state: present(wire.state).unwrap_or_else(|| "unknown".to_owned()),
        draft: wire.draft,
        author: wire.user.map(person),
        head: end(wire.head.unwrap_or_default()),
        base: end(base),
        mergeable,
        raw_mergeable: None,
        merge_sha: present(wire.merge_commit_sha).filter(|_| merged),
        merged_by: wire.merged_by.map(person).filter(|_| merged),
        labels: wire.labels.into_iter().flatten().map(|label| label.name).collect(),
        assignees: wire.assignees.into_iter().flatten().map(person).collect(),
        reviewers: wire.requested_reviewers.into_iter().flatten().map(person).collect(),
        commits: None,
        changed_files: wire.changed_files,
        additions: wire.additions,
        deletions: wire.deletions,
        comments: wire.comments,
        web_url: present(wire.html_url).map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        merged_at: wire.merged_at.text(),
        closed_at: wire.closed_at.text(),
        raw,
    }
}

fn state(wire: &wire::Pull) -> PullState {
    match (wire.merged, wire.state.as_deref()) {
        (true, _) => PullState::Merged,
        (false, Some("closed")) => PullState::Closed,
        (false, _) => PullState::Open,
    }
}

/// False stands for a conflict, for a draft, and for a check that is not over.
fn mergeable(wire: &wire::Pull) -> Option<Mergeable> {
    Some(match (wire.mergeable?, wire.draft) {
        (true, _) => Mergeable::Yes,
        (false, Some(true)) => Mergeable::Blocked,
        (false, _) => Mergeable::Unknown,
    })
}

fn end(end: wire::PullEnd) -> PullEnd {
    PullEnd {
        repo: end.repo.map(|repo| repo.full_name),
        // What is left of a branch that is gone is no branch; what it was called is told beside it.
        branch: [end.reference, end.label]
            .into_iter()
            .filter_map(present)
            .find(|name| !name.starts_with("refs/pull/")),
        sha: present(end.sha),
    }
}

/// A draft's title without what marks it as one.
pub fn plain_title(title: &str) -> &str {
    let begins = |mark: &str| {
        let begin = title.get(..mark.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(mark))
    };
    let mark = MARKS.into_iter().find(|mark| begins(mark));
    let plain = mark.map(|mark| title[mark.len()..].trim_start());
    plain.filter(|plain| !plain.is_empty()).unwrap_or(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gt4_only_the_mark_is_taken_off_a_title() {
        for (title, plain) in [
            ("WIP: Add it", "Add it"),
            ("wip:Add it", "Add it"),
            ("[WIP] Add it", "Add it"),
            ("Draft: Add WIP: it", "Add WIP: it"),
            ("Add it", "Add it"),
            ("WI", "WI"),
            ("WIP:", "WIP:"),
            ("wípé", "wípé"),
        ] {
            assert_eq!(plain_title(title), plain);
        }
    }

    #[test]
    fn gt3_false_is_never_a_conflict() {
        let said = |mergeable: bool, draft: bool| {
            let json = format!(r#"{{"number": 1, "mergeable": {mergeable}, "draft": {draft}}}"#);
            super::mergeable(&serde_json::from_str(&json).expect("a pull request"))
        };
        assert_eq!(said(true, false), Some(Mergeable::Yes));
        assert_eq!(said(false, false), Some(Mergeable::Unknown));
        assert_eq!(said(false, true), Some(Mergeable::Blocked));
    }
}
