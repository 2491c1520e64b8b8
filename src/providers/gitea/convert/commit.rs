//! Commits and what they change.
//!
//! Invariant: as in [`super`].

use jiff::Timestamp;

use crate::catalogue::git::{Change, Commit, FileChange};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::forge;
use crate::providers::gitea::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

/// `with_files`: the answer tells of every file.
pub fn commit(with_files: bool, Row { wire, raw }: Row<wire::Commit>) -> Commit {
    let (message, author, committer) = match wire.commit {
        Some(git) => (git.message, git.author, git.committer),
        None => Default::default(),
    };
    let (author, authored_at) = somebody(wire.author, author);
    let (committer, committed_at) = somebody(wire.committer, committer);
    let files = wire.files.unwrap_or_default().into_iter().map(|file| {
        let change = named(file.status.as_deref());
        FileChange {
            path: file.filename,
            previous_path: None,
            change,
            raw_change: present(file.status),
            additions: None,
            deletions: None,
            patch: None,
        }
    });
    Commit {
        sha: wire.sha,
        message: forge::message(message),
        author,
        authored_at,
        committer,
        committed_at,
        parents: wire.parents.into_iter().flatten().map(|parent| parent.sha).collect(),
        additions: wire.stats.as_ref().and_then(|stats| stats.additions),
        deletions: wire.stats.as_ref().and_then(|stats| stats.deletions),
        files: with_files.then(|| files.collect()),
        files_incomplete: None,
        web_url: present(wire.html_url).map(Link::from),
        raw,
    }
}

/// The account, where the address is one's, and what the commit says.
fn somebody(account: Option<wire::GitUser>, git: Option<wire::CommitUser>) -> (Option<Person>, Option<String>) {
    let mut person = Person::default();
    let mut at = None;
    if let Some(git) = git {
        (person.name, person.email, at) = (present(git.name), present(git.email), git.date.text());
    }
    if let Some(account) = account {
        (person.login, person.web_url) = (present(account.login), present(account.html_url).map(Link::from));
    }
    ((person != Person::default()).then_some(person), at)
}

/// When a commit was made, for those that are asked for by time.
pub fn commit_time(commit: &Commit) -> Option<Timestamp> {
    commit.committed_at.as_deref()?.parse().ok()
}

/// What a pull request changes.
pub fn change(row: wire::ChangedFile) -> FileChange {
    let change = named(row.status.as_deref());
    let moved = matches!(change, Change::Renamed | Change::Copied);
    FileChange {
        path: row.filename,
        previous_path: present(row.previous_filename).filter(|_| moved),
        change,
        raw_change: present(row.status),
        additions: row.additions,
        deletions: row.deletions,
        patch: None,
    }
}

fn named(word: Option<&str>) -> Change {
    match word {
        Some("added") => Change::Added,
        Some("deleted" | "removed") => Change::Removed,
        Some("renamed") => Change::Renamed,
        Some("copied") => Change::Copied,
        _ => Change::Modified,
    }
}
