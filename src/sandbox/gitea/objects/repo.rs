//! Repositories and the files in them, as Gitea shows them.
//!
//! Invariant: a fork names its parent, and no further.

use serde_json::{Value, json};

use super::{Links, NEVER, escaped, merged};
use crate::sandbox::forge::{Entry, Repo, State};
use crate::sandbox::seed::GUEST;

impl Links<'_> {
    pub fn repo(&self, state: &State, repo: &Repo) -> Value {
        let parent = repo.parent.and_then(|id| state.by_id(id).ok());
        let mut object = self.without_parent(state, repo);
        object["parent"] = parent.map_or(Value::Null, |parent| self.without_parent(state, parent));
        object
    }

    fn without_parent(&self, state: &State, repo: &Repo) -> Value {
        let (url, web) = (self.api_repo(&repo.full_name), self.web(&repo.full_name));
        let own = repo.owner != GUEST;
        let object = json!({
            "id": repo.id,
            "owner": self.user(&repo.owner),
            "name": repo.name,
            "full_name": repo.full_name,
            "description": repo.description.as_deref().unwrap_or_default(),
            "private": repo.private, "internal": false, "fork": repo.parent.is_some(), "template": false,
            "mirror": false, "empty": repo.is_empty(), "archived": repo.archived,
            "parent": null, "repo_transfer": null,
            "size": repo.size() / 1024,
            "language": repo.language.unwrap_or_default(),
            "languages_url": format!("{url}/languages"),
            "html_url": web,
            "url": url,
            "link": "", "original_url": "", "website": "", "avatar_url": "",
            "ssh_url": format!("git@{}.sandbox.invalid:{}.git", self.instance, repo.full_name),
            "clone_url": format!("{web}.git"),
            "default_branch": repo.default_branch,
            "created_at": repo.created_at, "updated_at": repo.updated_at,
            "archived_at": "1970-01-01T00:00:00Z",
            "mirror_updated": NEVER, "mirror_interval": "",
            "permissions": { "admin": own, "push": own, "pull": true },
            "topics": ["sandbox"], "licenses": [],
            "object_format_name": "sha1",
        });
        merged(merged(object, counts(state, repo)), units())
    }

    /// A file without its content, or a directory; `last` is the commit that changed it last.
    pub fn entry(&self, repo: &str, revision: &str, last: &(String, String), entry: &Entry) -> Value {
        let (kind, git) = match entry.size {
            Some(_) => ("file", "blobs"),
            None => ("dir", "trees"),
        };
        let path = escaped(&entry.path);
        let api = self.api_repo(repo);
        let url = format!("{api}/contents/{path}?ref={}", escaped(revision));
        let git_url = format!("{api}/git/{git}/{}", entry.id);
        let html_url = self.web(&format!("{repo}/src/branch/{revision}/{path}"));
        let raw = || self.web(&format!("{repo}/raw/branch/{revision}/{path}"));
        let (last_id, last_at) = last;
        json!({
            "name": entry.name(),
            "path": entry.path,
            "sha": entry.id,
            "last_commit_sha": last_id,
            "last_committer_date": last_at, "last_author_date": last_at,
            "type": kind,
            "size": entry.size.unwrap_or(0),
            "encoding": null, "content": null, "target": null,
            "url": url,
            "html_url": html_url,
            "git_url": git_url,
            "download_url": entry.size.map(|_| raw()),
            "submodule_git_url": null,
            "_links": { "self": url, "git": git_url, "html": html_url },
        })
    }
}

fn counts(state: &State, repo: &Repo) -> Value {
    let open = |pull: bool| {
        let open = repo.issues.iter().filter(|issue| issue.open && issue.is_pull() == pull);
        open.count()
    };
    json!({
        "branch_count": repo.branches.len(),
        "open_issues_count": open(false),
        "open_pr_counter": open(true),
        "release_counter": repo.releases.iter().filter(|release| !release.draft).count(),
        "forks_count": state.repos.iter().filter(|fork| fork.parent == Some(repo.id)).count(),
        "stars_count": 0, "watchers_count": 0,
    })
}

/// What a repository offers, and how it merges.
fn units() -> Value {
    json!({
        "has_code": true, "has_issues": true, "has_pull_requests": true, "has_releases": true, "has_actions": true,
        "has_wiki": false, "has_projects": false, "has_packages": false,
        "projects_mode": "all",
        "internal_tracker": null,
        "ignore_whitespace_conflicts": false,
        "allow_merge_commits": true, "allow_squash_merge": true, "allow_rebase": true,
        "allow_rebase_explicit": false, "allow_fast_forward_only_merge": false, "allow_rebase_update": true,
        "allow_manual_merge": false, "autodetect_manual_merge": false,
        "default_delete_branch_after_merge": false, "default_allow_maintainer_edit": false,
        "default_merge_style": "merge",
    })
}
