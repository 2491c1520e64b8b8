//! Pull requests.
//!
//! Invariant: the commit of a trial merge is never shown as that of a merge (H1).

use super::{labels, people, person};
use crate::catalogue::git::{Mergeable, Pull, PullEnd, PullState};
use crate::catalogue::link::Link;
use crate::providers::forge;
use crate::providers::github::wire;
use crate::providers::http::Row;

/// `repo` is the path of the one that it is in.
pub fn pull(instance: &str, repo: &str, Row { wire, raw }: Row<wire::Pull>) -> Pull {
    let state = state(&wire);
    let open = state == PullState::Open;
    Pull {
        id: forge::issue_id(instance, repo, wire.number),
        number: wire.number,
        title: wire.title,
        body: wire.body,
        state,
        draft: wire.draft,
        author: wire.user.map(person),
        head: wire.head.map(end).unwrap_or_default(),
        base: wire.base.map(end).unwrap_or_default(),
        mergeable: mergeable(wire.mergeable, wire.mergeable_state.as_deref()).filter(|_| open),
        raw_mergeable: wire.mergeable_state.filter(|_| open),
        merge_sha: wire.merge_commit_sha.filter(|_| state == PullState::Merged),
        merged_by: wire.merged_by.map(person).filter(|_| state == PullState::Merged),
        labels: labels(wire.labels),
        assignees: people(wire.assignees),
        reviewers: people(wire.requested_reviewers),
        commits: wire.commits,
        changed_files: wire.changed_files,
        additions: wire.additions,
        deletions: wire.deletions,
        comments: wire.comments,
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        updated_at: wire.updated_at.text(),
        merged_at: wire.merged_at.text(),
        closed_at: wire.closed_at.text(),
        raw_state: wire.state,
        raw,
    }
}

/// Lists do not tell `merged`; what was merged has the time of it.
fn state(pull: &wire::Pull) -> PullState {
    match &*pull.state {
        _ if pull.merged == Some(true) || (pull.state != "open" && pull.merged_at.at().is_some()) => PullState::Merged,
        "closed" => PullState::Closed,
        _ => PullState::Open,
    }
}

fn end(end: wire::End) -> PullEnd {
    PullEnd {
        repo: end.repo.map(|repo| repo.full_name),
        branch: end.branch,
        sha: end.sha,
    }
}

/// None where neither is told, as in lists.
fn mergeable(can: Option<bool>, word: Option<&str>) -> Option<Mergeable> {
    Some(match (can, word) {
        (None, None) => return None,
        (_, Some("dirty")) => Mergeable::Conflict,
        (_, Some("blocked" | "behind" | "draft")) => Mergeable::Blocked,
        (_, Some("clean" | "has_hooks" | "unstable")) | (Some(true), None) => Mergeable::Yes,
        // Not found out yet, or a word that came later.
        _ => Mergeable::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H2
    #[test]
    fn a_word_that_is_not_known_is_no_conflict() {
        use Mergeable::{Blocked, Conflict, Unknown, Yes};
        for (can, word, expected) in [
            (None, None, None),
            (Some(true), None, Some(Yes)),
            (Some(false), None, Some(Unknown)),
            (Some(true), Some("clean"), Some(Yes)),
            (Some(true), Some("unstable"), Some(Yes)),
            (Some(true), Some("has_hooks"), Some(Yes)),
            (Some(false), Some("dirty"), Some(Conflict)),
            (Some(true), Some("blocked"), Some(Blocked)),
            (Some(true), Some("behind"), Some(Blocked)),
            (Some(true), Some("draft"), Some(Blocked)),
            (None, Some("unknown"), Some(Unknown)),
            (Some(true), Some("queued_somehow"), Some(Unknown)),
        ] {
            assert_eq!(mergeable(can, word), expected, "{can:?} {word:?}");
        }
    }
}
