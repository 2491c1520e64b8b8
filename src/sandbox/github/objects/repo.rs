//! Repositories and what is in them, as GitHub lists them.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::{Links, escaped, merged};
use crate::sandbox::forge::{Entry, Repo, State};
use crate::sandbox::seed::{GUEST, USER};

/// The URLs of a repository's parts: the field's name before `_url`, and what follows the repository's own URL.
const REPO_URLS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

impl Links<'_> {
    /// A repository as lists show it.
    pub fn repo(&self, repo: &Repo) -> Value {
        let (url, web) = (self.api_repo(&repo.full_name), self.web(&repo.full_name));
        let host = format!("{}.sandbox.invalid", self.instance);
        let (open, own) = (repo.open_issues(), repo.owner != GUEST);
        let mut object = json!({
            "id": repo.id,
            "node_id": format!("R_{}", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "owner": self.owner(&repo.owner),
            "private": repo.private,
            "visibility": if repo.private { "private" } else { "public" },
            "html_url": web,
            "description": repo.description,
            "fork": repo.parent.is_some(),
            "url": url,
            "clone_url": format!("{web}.git"),
            "git_url": format!("git://{host}/{}.git", repo.full_name),
            "ssh_url": format!("git@{host}:{}.git", repo.full_name),
            "svn_url": web,
            "mirror_url": null,
            "homepage": null,
            "language": repo.language,
            "default_branch": repo.default_branch,
            "license": null,
            "topics": ["sandbox"],
            "size": repo.size() / 1024,
            "created_at": repo.created_at, "updated_at": repo.updated_at, "pushed_at": repo.updated_at,
            "permissions": { "admin": own, "maintain": own, "push": own, "triage": own, "pull": true },
        });
        for (name, path) in REPO_URLS {
            object[*name] = json!(format!("{url}{path}"));
        }
        for flag in ["has_issues", "has_downloads", "allow_forking", "has_pull_requests"] {
            object[flag] = json!(true);
        }
        for flag in [
            "has_projects",
            "has_wiki",
            "has_pages",
            "has_discussions",
            "disabled",
            "is_template",
        ] {
            object[flag] = json!(false);
        }
        for count in ["forks", "forks_count", "stargazers_count", "watchers", "watchers_count"] {
            object[count] = json!(0);
        }
        object["archived"] = json!(repo.archived);
        object["open_issues"] = json!(open);
        object["open_issues_count"] = json!(open);
        object
    }

    /// A repository by itself.
    pub fn full_repo(&self, state: &State, repo: &Repo) -> Value {
        let mut more = json!({
            "network_count": 0,
            "subscribers_count": 0,
            "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true,
            "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false,
        });
        if ![USER, GUEST].contains(&repo.owner.as_str()) {
            more["organization"] = self.owner(&repo.owner);
        }
        let by_id = |id: u64| state.by_id(id).ok().map(|repo| self.repo(repo));
        if let Some(parent) = repo.parent.and_then(by_id) {
            more["parent"] = parent;
            more["source"] = by_id(state.root_of(repo)).unwrap_or_default();
        }
        let mut object = merged(self.repo(repo), more);
        let forks = state.repos.iter().filter(|fork| fork.parent == Some(repo.id)).count();
        for count in ["forks", "forks_count", "network_count"] {
            object[count] = json!(forks);
        }
        object
    }

    /// A file or directory as a listing shows it.
    pub fn entry(&self, repo: &str, branch: &str, entry: &Entry) -> Value {
        let (kind, git, web) = match entry.size {
            Some(_) => ("file", "blobs", "blob"),
            None => ("dir", "trees", "tree"),
        };
        let path = escaped(&entry.path);
        let url = format!("{}/contents/{path}?ref={}", self.api_repo(repo), escaped(branch));
        let git_url = format!("{}/git/{git}/{}", self.api_repo(repo), entry.id);
        let html_url = self.web(&format!("{repo}/{web}/{branch}/{path}"));
        let download_url = entry.size.map(|_| self.web(&format!("{repo}/raw/{branch}/{path}")));
        json!({
            "type": kind,
            "size": entry.size.unwrap_or(0),
            "name": entry.name(),
            "path": entry.path,
            "sha": entry.id,
            "url": url,
            "git_url": git_url,
            "html_url": html_url,
            "download_url": download_url,
            "_links": { "self": url, "git": git_url, "html": html_url },
        })
    }
}
