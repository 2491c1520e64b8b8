//! Commits, refs and tags as GitHub shows them.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::{Links, escaped, merged};
use crate::sandbox::forge::{Annotation, Branch, ChangeKind, Commit, FileChange, Repo, Signature, Tag};

/// The most files that GitHub shows of one commit or comparison at once.
pub(crate) const MAX_FILES: usize = 300;

impl Links<'_> {
    fn person(signature: &Signature) -> Value {
        json!({ "name": signature.name, "email": signature.email, "date": signature.at })
    }

    /// The part of a commit that git itself knows.
    fn git_commit(&self, repo: &str, commit: &Commit) -> Value {
        let api = self.api_repo(repo);
        json!({
            "url": format!("{api}/git/commits/{}", commit.id),
            "author": Self::person(&commit.author),
            "committer": Self::person(&commit.committer),
            "message": commit.message.trim_end_matches('\n'),
            "tree": { "sha": commit.tree_id, "url": format!("{api}/git/trees/{}", commit.tree_id) },
            "verification": {
                "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
            },
        })
    }

    fn parents(&self, repo: &str, commit: &Commit) -> Vec<Value> {
        let api = self.api_repo(repo);
        let parent = |id: &String| {
            json!({
                "sha": id,
                "url": format!("{api}/commits/{id}"),
                "html_url": self.web(&format!("{repo}/commit/{id}")),
            })
        };
        commit.parents.iter().map(parent).collect()
    }

    /// A commit as lists show it.
    pub fn commit(&self, repo: &str, commit: &Commit) -> Value {
        let url = format!("{}/commits/{}", self.api_repo(repo), commit.id);
        let account = |signature: &Signature| signature.login().map(|login| self.user(login, "User"));
        json!({
            "sha": commit.id,
            "node_id": format!("C_{}", commit.id),
            "url": url,
            "html_url": self.web(&format!("{repo}/commit/{}", commit.id)),
            "comments_url": format!("{url}/comments"),
            "commit": merged(self.git_commit(repo, commit), json!({ "comment_count": 0 })),
            "author": account(&commit.author),
            "committer": account(&commit.committer),
            "parents": self.parents(repo, commit),
        })
    }

    /// A commit as the answer to a written file shows it.
    pub fn file_commit(&self, repo: &str, commit: &Commit) -> Value {
        let more = json!({
            "sha": commit.id,
            "node_id": format!("C_{}", commit.id),
            "html_url": self.web(&format!("{repo}/commit/{}", commit.id)),
            "parents": self.parents(repo, commit),
        });
        merged(self.git_commit(repo, commit), more)
    }

    /// The change of one file at this commit.
    pub fn change(&self, repo: &str, commit: &str, change: &FileChange) -> Value {
        let path = escaped(&change.path);
        let status = match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Modified => "modified",
            ChangeKind::Removed => "removed",
            ChangeKind::Renamed => "renamed",
        };
        let mut object = json!({
            "sha": &*change.blob,
            "filename": change.path,
            "status": status,
            "additions": change.added,
            "deletions": change.removed,
            "changes": change.added + change.removed,
            "blob_url": self.web(&format!("{repo}/blob/{commit}/{path}")),
            "raw_url": self.web(&format!("{repo}/raw/{commit}/{path}")),
            "contents_url": format!("{}/contents/{path}?ref={commit}", self.api_repo(repo)),
        });
        if let Some(patch) = &change.patch {
            object["patch"] = json!(patch);
        }
        if let Some(previous) = &change.previous {
            object["previous_filename"] = json!(previous);
        }
        object
    }

    /// A ref as git knows it. Links need a description's own encoding of its name.
    pub fn git_ref(&self, repo: &str, name: &str, kind: &str, object: &str) -> Value {
        let api = self.api_repo(repo);
        json!({
            "ref": name,
            "node_id": format!("REF_{name}"),
            "url": format!("{api}/git/{}", escaped(name)),
            "object": { "type": kind, "sha": object, "url": format!("{api}/git/{kind}s/{object}") },
        })
    }

    pub fn branch_ref(&self, repo: &Repo, branch: &Branch) -> Value {
        let name = format!("refs/heads/{}", branch.name);
        self.git_ref(&repo.full_name, &name, "commit", &branch.commit)
    }

    pub fn tag_ref(&self, repo: &Repo, tag: &Tag) -> Value {
        let kind = if tag.annotation.is_some() { "tag" } else { "commit" };
        self.git_ref(&repo.full_name, &format!("refs/tags/{}", tag.name), kind, tag.object())
    }

    /// A branch by itself.
    pub fn branch(&self, repo: &Repo, branch: &Branch, commit: &Commit) -> Value {
        let url = format!("{}/branches/{}", self.api_repo(&repo.full_name), escaped(&branch.name));
        json!({
            "name": branch.name,
            "commit": self.commit(&repo.full_name, commit),
            "_links": { "self": url, "html": self.web(&format!("{}/tree/{}", repo.full_name, branch.name)) },
            "protected": branch.protected,
            "protection": { "enabled": branch.protected },
            "protection_url": format!("{url}/protection"),
        })
    }

    /// A branch as lists show it.
    pub fn short_branch(&self, repo: &Repo, branch: &Branch) -> Value {
        let url = format!("{}/commits/{}", self.api_repo(&repo.full_name), branch.commit);
        json!({
            "name": branch.name,
            "commit": { "sha": branch.commit, "url": url },
            "protected": branch.protected,
        })
    }

    /// A tag as lists show it: by the commit that it leads to, annotated or not.
    pub fn tag(&self, repo: &Repo, tag: &Tag) -> Value {
        let api = self.api_repo(&repo.full_name);
        let name = escaped(&tag.name);
        json!({
            "name": tag.name,
            "commit": { "sha": tag.commit, "url": format!("{api}/commits/{}", tag.commit) },
            "zipball_url": format!("{api}/zipball/refs/tags/{name}"),
            "tarball_url": format!("{api}/tarball/refs/tags/{name}"),
            "node_id": format!("REF_refs/tags/{}", tag.name),
        })
    }

    /// The object of an annotated tag.
    pub fn annotation(&self, repo: &Repo, annotation: &Annotation) -> Value {
        let api = self.api_repo(&repo.full_name);
        let Annotation { id, commit, .. } = annotation;
        json!({
            "node_id": format!("T_{id}"),
            "tag": annotation.name,
            "sha": id,
            "url": format!("{api}/git/tags/{id}"),
            "message": annotation.message,
            "tagger": Self::person(&annotation.tagger),
            "object": { "type": "commit", "sha": commit, "url": format!("{api}/git/commits/{commit}") },
            "verification": {
                "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
            },
        })
    }
}
