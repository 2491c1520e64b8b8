//! Commits, branches, tags and changes of files, as GitLab shows them.
//!
//! Invariant: a change is shown as hunks alone, without the head that git writes above them.

use serde_json::{Value, json};

use super::{Links, extend};
use crate::sandbox::forge::{Branch, ChangeKind, Commit, FileChange, Repo, Tag};
use crate::sandbox::gitlab::data::Data;

/// The run of CI that statuses from outside hang on.
pub(crate) const PIPELINE: u64 = 1;
/// The most of one file's change that is shown, in bytes.
const MAX_DIFF: usize = 200 << 10;

impl Links<'_> {
    pub fn commit(&self, repo: &Repo, commit: &Commit) -> Value {
        let at = |at: &str| format!("{}.000+00:00", at.trim_end_matches('Z'));
        json!({
            "id": commit.id,
            "short_id": &commit.id[..8],
            "created_at": at(&commit.committer.at),
            "parent_ids": commit.parents,
            "title": commit.title(),
            "message": commit.message,
            "author_name": commit.author.name,
            "author_email": commit.author.email,
            "authored_date": at(&commit.author.at),
            "committer_name": commit.committer.name,
            "committer_email": commit.committer.email,
            "committed_date": at(&commit.committer.at),
            "trailers": {},
            "extended_trailers": {},
            "web_url": format!("{}/-/commit/{}", self.page(&repo.full_name), commit.id),
        })
    }

    /// A commit by itself: with what CI says of it, and how much it changed.
    pub fn whole_commit(&self, data: &Data, repo: &Repo, commit: &Commit) -> Value {
        let mut shown = self.commit(repo, commit);
        let last = repo.latest_statuses(&commit.id).into_iter().next();
        let more = json!({
            "stats": stats(repo, commit),
            "status": last.map(|status| &status.state),
            "project_id": repo.id,
            "last_pipeline": last.map(|status| json!({
                "id": PIPELINE,
                "iid": PIPELINE,
                "project_id": repo.id,
                "sha": commit.id,
                "ref": data.own.status_refs.get(&status.id),
                "status": status.state,
                "source": "external",
                "created_at": super::time(&status.created_at),
                "updated_at": super::time(&status.created_at),
                "web_url": format!("{}/-/pipelines/{PIPELINE}", self.page(&repo.full_name)),
            })),
        });
        extend(&mut shown, more);
        shown
    }

    /// `None`: the branch leads to nothing.
    pub fn branch(&self, repo: &Repo, branch: &Branch) -> Option<Value> {
        let commit = repo.history.get(&branch.commit)?;
        let default = branch.name == repo.default_branch;
        // What the default branch has of it; asking the history of each of thousands would take long.
        let merged = !default && repo.head().is_some_and(|head| head.id == branch.commit);
        Some(json!({
            "name": branch.name,
            "commit": self.commit(repo, commit),
            "merged": merged,
            "protected": branch.protected,
            "developers_can_push": false,
            "developers_can_merge": false,
            "can_push": !branch.protected,
            "default": default,
            "web_url": format!("{}/-/tree/{}", self.page(&repo.full_name), branch.name),
        }))
    }

    /// `None`: the tag leads to nothing.
    pub fn tag(&self, repo: &Repo, tag: &Tag) -> Option<Value> {
        let commit = repo.history.get(&tag.commit)?;
        let release = repo.releases.iter().find(|release| release.tag == tag.name);
        let annotation = tag.annotation.as_ref();
        Some(json!({
            "name": tag.name,
            "message": annotation.map_or("", |annotation| annotation.message.as_str()),
            "target": tag.object(),
            "commit": self.commit(repo, commit),
            "release": release.map(|release| json!({ "tag_name": release.tag, "description": release.body })),
            "protected": false,
            "created_at": annotation.map(|annotation| super::time(&annotation.tagger.at)),
        }))
    }
}

/// How many lines a commit added and removed.
pub(crate) fn stats(repo: &Repo, commit: &Commit) -> Value {
    let changes = repo.changes_of(commit);
    let added: usize = changes.iter().map(|change| change.added).sum();
    let removed: usize = changes.iter().map(|change| change.removed).sum();
    json!({ "additions": added, "deletions": removed, "total": added + removed })
}

/// A change of a file. What is too large is said to be, and not shown.
pub(crate) fn diff(change: &FileChange) -> Value {
    let (new, deleted) = (change.kind == ChangeKind::Added, change.kind == ChangeKind::Removed);
    let old_path = change.previous.as_ref().unwrap_or(&change.path);
    let text = match &change.patch {
        Some(patch) => patch.clone(),
        None if change.kind == ChangeKind::Renamed => String::new(),
        None => format!("Binary files a/{old_path} and b/{} differ\n", change.path),
    };
    let too_large = text.len() > MAX_DIFF;
    json!({
        "diff": if too_large { "" } else { &text },
        "collapsed": false,
        "too_large": too_large,
        "new_path": change.path,
        "old_path": old_path,
        "a_mode": if new { "0" } else { "100644" },
        "b_mode": if deleted { "0" } else { "100644" },
        "new_file": new,
        "renamed_file": change.kind == ChangeKind::Renamed,
        "deleted_file": deleted,
        "generated_file": false,
    })
}
