//! Commits, and what they change.
//!
//! Invariant: a list of changes that is not whole says so.

use crate::catalogue::git::{Change, Commit, Comparison, FileChange};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::github::wire;
use crate::providers::http::Row;

/// The most files of which GitHub tells in a comparison.
const COMPARED_FILES: usize = 300;

pub fn commit(Row { wire, raw }: Row<wire::Commit>) -> Commit {
    let git = wire.commit;
    let (message, author, committer) =
        git.map_or_else(Default::default, |git| (git.message, git.author, git.committer));
    let (author, committer) = (author.unwrap_or_default(), committer.unwrap_or_default());
    Commit {
        sha: wire.sha,
        message,
        authored_at: author.date.clone().text(),
        author: person(author, wire.author),
        committed_at: committer.date.clone().text(),
        committer: person(committer, wire.committer),
        parents: wire.parents.into_iter().map(|parent| parent.sha).collect(),
        additions: wire.stats.as_ref().and_then(|stats| stats.additions),
        deletions: wire.stats.as_ref().and_then(|stats| stats.deletions),
        files: wire.files.map(file_changes),
        files_incomplete: None,
        web_url: wire.html_url.map(Link::from),
        raw,
    }
}

/// Git's name and address, and the account that GitHub found for them.
fn person(git: wire::GitPerson, account: Option<wire::User>) -> Option<Person> {
    let (login, web_url) = account.map_or((None, None), |user| (Some(user.login), user.html_url));
    let person = Person {
        id: None,
        login,
        name: git.name,
        email: git.email,
        web_url: web_url.map(Link::from),
    };
    (person != Person::default()).then_some(person)
}

fn file_changes(files: Vec<wire::Diff>) -> Vec<FileChange> {
    files.into_iter().map(file_change).collect()
}

pub fn file_change(diff: wire::Diff) -> FileChange {
    FileChange {
        path: diff.filename,
        previous_path: diff.previous_filename,
        change: diff.status.as_deref().map_or(Change::Modified, change),
        raw_change: diff.status,
        additions: diff.additions,
        deletions: diff.deletions,
        patch: diff.patch,
    }
}

fn change(word: &str) -> Change {
    match word {
        "added" => Change::Added,
        "removed" => Change::Removed,
        "renamed" => Change::Renamed,
        "copied" => Change::Copied,
        // `modified`, `changed` (its mode), `unchanged`.
        _ => Change::Modified,
    }
}

/// `commits` are those of `wire` that can be read.
pub fn comparison(
    base: &str,
    head: &str,
    commits: Vec<Row<wire::Commit>>,
    Row { wire, raw }: Row<wire::Comparison>,
) -> Comparison {
    let given = wire.commits.len() as u64;
    let files = wire.files.map(file_changes);
    let all_files = files.as_ref().is_none_or(|files| files.len() < COMPARED_FILES);
    Comparison {
        base: base.to_owned(),
        head: head.to_owned(),
        merge_base: wire.merge_base_commit.map(|commit| commit.sha),
        ahead_by: wire.ahead_by,
        behind_by: wire.behind_by,
        commits: commits.into_iter().map(commit).collect(),
        files,
        incomplete: !all_files || wire.total_commits.or(wire.ahead_by).is_some_and(|total| total > given),
        web_url: wire.html_url.map(Link::from),
        raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_changes_that_are_not_known_are_changes() {
        let words = [
            "added",
            "removed",
            "modified",
            "renamed",
            "copied",
            "changed",
            "unchanged",
            "moulded",
        ];
        let changes = words.map(change);
        use Change::{Added, Copied, Modified, Removed, Renamed};
        assert_eq!(
            changes,
            [Added, Removed, Modified, Renamed, Copied, Modified, Modified, Modified]
        );
    }
}
