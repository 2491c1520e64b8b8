//! Commits, branches, tags and changes as Gitea shows them.
//!
//! Invariant: an object has only fields that Gitea's description knows.

use serde_json::{Value, json};

use super::{Links, escaped, merged};
use crate::sandbox::forge::{Annotation, Branch, ChangeKind, Commit, FileChange, Repo, Signature, Tag};

/// What of a commit is shown beside what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail {
    pub stat: bool,
    pub files: bool,
    pub verification: bool,
}

impl Detail {
    pub const ALL: Self = Self {
        stat: true,
        files: true,
        verification: true,
    };
}

fn person(signature: &Signature) -> Value {
    json!({ "name": signature.name, "email": signature.email, "date": signature.at })
}

fn payload_person(signature: &Signature) -> Value {
    json!({
        "name": signature.name,
        "email": signature.email,
        "username": signature.login().unwrap_or_default(),
    })
}

/// Nothing is signed here.
fn verification() -> Value {
    json!({
        "verified": false, "reason": "gpg.error.not_signed_commit",
        "signature": "", "signer": null, "payload": "",
    })
}

impl Links<'_> {
    fn commit_url(&self, repo: &str, id: &str) -> String {
        format!("{}/git/commits/{id}", self.api_repo(repo))
    }

    fn commit_page(&self, repo: &str, id: &str) -> String {
        self.web(&format!("{repo}/commit/{id}"))
    }

    fn parents(&self, repo: &str, commit: &Commit) -> Vec<Value> {
        let parent = |id: &String| json!({ "url": self.commit_url(repo, id), "sha": id, "created": super::NEVER });
        commit.parents.iter().map(parent).collect()
    }

    /// The tree that Gitea names by its commit.
    fn tree_of(&self, repo: &str, commit: &Commit) -> Value {
        let url = format!("{}/git/trees/{}", self.api_repo(repo), commit.id);
        json!({ "url": url, "sha": commit.id, "created": commit.committer.at })
    }

    pub fn commit(&self, repo: &Repo, commit: &Commit, detail: Detail) -> Value {
        let name = &repo.full_name;
        let url = self.commit_url(name, &commit.id);
        let account = |signature: &Signature| signature.login().map(|login| self.user(login));
        let mut object = json!({
            "url": url,
            "sha": commit.id,
            "created": commit.committer.at,
            "html_url": self.commit_page(name, &commit.id),
            "commit": {
                "url": url,
                "author": person(&commit.author),
                "committer": person(&commit.committer),
                "message": commit.message,
                "tree": self.tree_of(name, commit),
                "verification": detail.verification.then(verification),
            },
            "author": account(&commit.author),
            "committer": account(&commit.committer),
            "parents": self.parents(name, commit),
            "files": null,
            "stats": null,
        });
        if detail.stat || detail.files {
            let files = repo.changes_of(commit);
            let sum = |count: fn(&FileChange) -> usize| files.iter().map(count).sum::<usize>();
            let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
            if detail.stat {
                object["stats"] = json!({ "total": added + removed, "additions": added, "deletions": removed });
            }
            if detail.files {
                object["files"] = files.iter().flat_map(affected).collect();
            }
        }
        object
    }

    /// A commit as the answer to a written file shows it.
    pub fn file_commit(&self, repo: &str, commit: &Commit) -> Value {
        json!({
            "url": self.commit_url(repo, &commit.id),
            "sha": commit.id,
            "created": commit.committer.at,
            "html_url": self.commit_page(repo, &commit.id),
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "parents": self.parents(repo, commit),
            "message": commit.message,
            "tree": {
                "url": format!("{}/git/trees/{}", self.api_repo(repo), commit.tree_id),
                "sha": commit.tree_id,
                "created": commit.committer.at,
            },
        })
    }

    /// The answer to a written file, or one that was removed.
    pub fn written(&self, repo: &str, commit: &Commit, content: Value) -> Value {
        json!({ "content": content, "commit": self.file_commit(repo, commit), "verification": verification() })
    }

    pub fn branch(&self, repo: &Repo, branch: &Branch) -> Value {
        let commit = repo.history.get(&branch.commit);
        let commit = commit.map(|commit| {
            json!({
                "id": commit.id,
                "message": commit.message,
                "url": self.commit_page(&repo.full_name, &commit.id),
                "author": payload_person(&commit.author), "committer": payload_person(&commit.committer),
                "verification": verification(),
                "timestamp": commit.author.at,
                "added": null, "removed": null, "modified": null,
            })
        });
        json!({
            "name": branch.name,
            "commit": commit,
            "protected": branch.protected,
            "required_approvals": 0,
            "enable_status_check": false,
            "status_check_contexts": [],
            "user_can_push": !branch.protected, "user_can_merge": true,
            "effective_branch_protection_name": if branch.protected { branch.name.as_str() } else { "" },
        })
    }

    /// A tag; its message is that of its commit when it has none of its own.
    pub fn tag(&self, repo: &Repo, tag: &Tag) -> Value {
        let commit = repo.history.get(&tag.commit);
        let own = tag.annotation.as_ref().map(|annotation| annotation.message.as_str());
        let message = own.or_else(|| commit.map(|commit| commit.message.as_str()));
        let archive = |kind: &str| self.web(&format!("{}/archive/{}.{kind}", repo.full_name, escaped(&tag.name)));
        json!({
            "name": tag.name,
            "message": message.unwrap_or_default().trim_end(),
            "id": tag.object(),
            "commit": {
                "url": self.commit_url(&repo.full_name, &tag.commit),
                "sha": tag.commit,
                "created": commit.map(|commit| &commit.committer.at),
            },
            "zipball_url": archive("zip"),
            "tarball_url": archive("tar.gz"),
        })
    }

    /// The object of an annotated tag.
    pub fn annotation(&self, repo: &Repo, annotation: &Annotation) -> Value {
        let Annotation { id, commit, .. } = annotation;
        json!({
            "tag": annotation.name,
            "sha": id,
            "url": format!("{}/git/tags/{id}", self.api_repo(&repo.full_name)),
            "message": annotation.message,
            "tagger": person(&annotation.tagger),
            "object": { "url": self.commit_url(&repo.full_name, commit), "type": "commit", "sha": commit },
            "verification": verification(),
        })
    }

    /// The change of one file by a pull request whose head is this commit.
    pub fn change(&self, repo: &str, commit: &str, change: &FileChange) -> Value {
        let path = escaped(&change.path);
        let status = match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Modified => "changed",
            ChangeKind::Removed => "deleted",
            ChangeKind::Renamed => "renamed",
        };
        let object = json!({
            "filename": change.path,
            "status": status,
            "additions": change.added,
            "deletions": change.removed,
            "changes": change.added + change.removed,
            "html_url": self.web(&format!("{repo}/src/commit/{commit}/{path}")),
            "contents_url": format!("{}/contents/{path}?ref={commit}", self.api_repo(repo)),
            "raw_url": self.web(&format!("{repo}/raw/commit/{commit}/{path}")),
        });
        match &change.previous {
            Some(previous) => merged(object, json!({ "previous_filename": previous })),
            None => object,
        }
    }
}

/// A file as a commit lists it: what was renamed is one that is gone and one that is new.
fn affected(change: &FileChange) -> Vec<Value> {
    let file = |name: &str, status: &str| json!({ "filename": name, "status": status });
    match (change.kind, &change.previous) {
        (ChangeKind::Renamed, Some(previous)) => vec![file(previous, "removed"), file(&change.path, "added")],
        (ChangeKind::Added | ChangeKind::Renamed, _) => vec![file(&change.path, "added")],
        (ChangeKind::Modified, _) => vec![file(&change.path, "modified")],
        (ChangeKind::Removed, _) => vec![file(&change.path, "removed")],
    }
}
