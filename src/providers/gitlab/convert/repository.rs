//! Branches, tags, commits, trees, files.
//!
//! Invariant: lines are counted only of a diff that is whole.

use crate::catalogue::git::{Branch, Change, Commit, Comparison, EntryKind, FileChange, Tag, TreeEntry};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::forge;
use crate::providers::forge::Place;
use crate::providers::gitlab::wire;
use crate::providers::http::Row;
use crate::providers::http::text::present;

pub fn branch(Row { wire, raw }: Row<wire::Branch>) -> Branch {
    Branch {
        name: wire.name,
        sha: wire.commit.id,
        protected: wire.protected,
        raw,
    }
}

pub fn tag(Row { wire, raw }: Row<wire::Tag>) -> Tag {
    Tag {
        name: wire.name,
        sha: wire.commit.id,
        message: present(wire.message.map(forge::message)),
        raw,
    }
}

pub fn commit(Row { wire, raw }: Row<wire::Commit>) -> Commit {
    let (additions, deletions) = wire
        .stats
        .map(|stats| (stats.additions, stats.deletions))
        .unwrap_or_default();
    Commit {
        sha: wire.id,
        message: forge::message(wire.message),
        author: signer(wire.author_name, wire.author_email),
        authored_at: wire.authored_date.text(),
        committer: signer(wire.committer_name, wire.committer_email),
        committed_at: wire.committed_date.text(),
        parents: wire.parent_ids,
        additions,
        deletions,
        files: None,
        files_incomplete: None,
        web_url: wire.web_url.map(Link::from),
        raw,
    }
}

/// Of whom only what the commit says is known.
fn signer(name: Option<String>, email: Option<String>) -> Option<Person> {
    let (name, email) = (present(name), present(email));
    (name.is_some() || email.is_some()).then(|| Person {
        name,
        email,
        ..Person::default()
    })
}

pub fn change(wire: wire::Diff) -> FileChange {
    let change = match () {
        () if wire.new_file => Change::Added,
        () if wire.deleted_file => Change::Removed,
        () if wire.renamed_file => Change::Renamed,
        () => Change::Modified,
    };
    let patch = present(wire.diff).filter(|_| !wire.collapsed && !wire.too_large);
    let lines = patch.as_deref().and_then(lines);
    FileChange {
        previous_path: wire
            .old_path
            .filter(|old| change == Change::Renamed && *old != wire.new_path),
        path: wire.new_path,
        change,
        raw_change: None,
        additions: lines.map(|(added, _)| added),
        deletions: lines.map(|(_, removed)| removed),
        patch,
    }
}

/// Lines added and removed. What stands before the first hunk is no line of the file; without a hunk nothing is known.
fn lines(patch: &str) -> Option<(u64, u64)> {
    let mut hunks = patch.lines().skip_while(|line| !line.starts_with("@@"));
    hunks.next()?;
    let mut lines = (0, 0);
    for line in hunks {
        match line.as_bytes().first() {
            Some(b'+') => lines.0 += 1,
            Some(b'-') => lines.1 += 1,
            _ => {}
        }
    }
    Some(lines)
}

pub fn comparison(base: &str, head: &str, Row { wire, raw }: Row<wire::Compare>) -> Comparison {
    let incomplete = wire.compare_timeout;
    let commits = wire.commits.into_iter().map(|wire| commit(Row { wire, raw: None }));
    let commits: Vec<Commit> = commits.collect();
    Comparison {
        base: base.to_owned(),
        head: head.to_owned(),
        merge_base: None,
        ahead_by: (!incomplete).then_some(commits.len() as u64),
        behind_by: None,
        commits,
        files: wire.diffs.map(|diffs| diffs.into_iter().map(change).collect()),
        incomplete,
        web_url: wire.web_url.map(Link::from),
        raw,
    }
}

pub fn entry(Row { wire, raw }: Row<wire::TreeEntry>) -> TreeEntry {
    let kind = match (&*wire.kind, wire.mode.as_deref()) {
        ("tree", _) => EntryKind::Directory,
        ("commit", _) => EntryKind::Submodule,
        (_, Some("120000")) => EntryKind::Symlink,
        _ => EntryKind::File,
    };
    let name = wire.name.or_else(|| wire.path.rsplit('/').next().map(str::to_owned));
    TreeEntry {
        name: name.unwrap_or_default(),
        path: wire.path,
        kind,
        mode: wire.mode,
        sha: wire.id,
        size: None,
        raw,
    }
}

pub fn place(wire: wire::File) -> Place {
    let last = wire.file_path.rsplit('/').next().map(str::to_owned);
    Place {
        name: wire.file_name.or(last).unwrap_or_default(),
        path: wire.file_path,
        sha: wire.blob_id,
        web_url: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gl13_lines_are_counted_of_a_whole_diff_alone() {
        let counted = |diff: &str, flag: &str| {
            let wire = json!({"new_path": "a", "old_path": "a", "diff": diff, flag: true});
            let change = change(serde_json::from_value(wire).expect("a diff"));
            (change.additions, change.deletions)
        };
        let diff = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n--- b\n+++ c\n+d\n\\ No newline at end of file\n";
        assert_eq!(counted(diff, "b_mode"), (Some(2), Some(1)));
        assert_eq!(counted(diff, "collapsed"), (None, None));
        assert_eq!(counted(diff, "too_large"), (None, None));
        assert_eq!(counted("", "renamed_file"), (None, None));
        assert_eq!(counted("Binary files a/x and b/x differ\n", "b_mode"), (None, None));
    }
}
