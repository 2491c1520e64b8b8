//! Gitea's JSON objects.
//!
//! Invariant: an object has only fields that Gitea's description knows; what is absent is null or empty, as Go
//! writes it.

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use super::label::{self, Label};
use crate::sandbox::forge::{Branch, Entry, Issue, PATH, Repo, stable_id};
use crate::sandbox::seed::SEEDED_AT;

/// Where the API begins.
pub(crate) const BASE: &str = "/api/v1";
/// How Go writes a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Makes objects whose links lead back to this server, or, for pages of the web, to a host that never resolves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links<'a> {
    pub origin: &'a str,
    pub instance: &'a str,
}

impl Links<'_> {
    fn api_repo(&self, full_name: &str) -> String {
        format!("{}{BASE}/repos/{full_name}", self.origin)
    }

    fn web(&self, path: &str) -> String {
        format!("https://{}.sandbox.invalid/{path}", self.instance)
    }

    /// A user or an organisation.
    pub fn user(&self, login: &str) -> Value {
        json!({
            "id": stable_id(login),
            "login": login,
            "login_name": "",
            "source_id": 0,
            "full_name": "",
            "email": format!("{login}@noreply.{}.sandbox.invalid", self.instance),
            "avatar_url": self.web(&format!("avatars/{login}.png")),
            "html_url": self.web(login),
            "language": "", "location": "", "website": "", "description": "",
            "is_admin": false, "active": false, "restricted": false, "prohibit_login": false,
            "last_login": NEVER,
            "created": SEEDED_AT,
            "visibility": "public",
            "followers_count": 0, "following_count": 0, "starred_repos_count": 0,
        })
    }

    pub fn repo(&self, repo: &Repo) -> Value {
        let (url, web) = (self.api_repo(&repo.full_name), self.web(&repo.full_name));
        let open = |pull: bool| {
            let open = repo.issues.iter().filter(|issue| issue.open && issue.is_pull() == pull);
            open.count()
        };
        let mut object = json!({
            "id": repo.id,
            "owner": self.user(&repo.owner),
            "name": repo.name,
            "full_name": repo.full_name,
            "description": repo.description.as_deref().unwrap_or_default(),
            "private": false, "internal": false, "fork": false, "template": false, "mirror": false,
            "empty": repo.is_empty(), "archived": repo.archived,
            "parent": null, "repo_transfer": null, "internal_tracker": null,
            "size": repo.size() / 1024,
            "language": repo.language.unwrap_or_default(),
            "languages_url": format!("{url}/languages"),
            "html_url": web,
            "url": url,
            "link": "", "original_url": "", "website": "", "avatar_url": "",
            "ssh_url": format!("git@{}.sandbox.invalid:{}.git", self.instance, repo.full_name),
            "clone_url": format!("{web}.git"),
            "default_branch": repo.default_branch,
            "branch_count": repo.branches.len(),
            "open_issues_count": open(false),
            "open_pr_counter": open(true),
            "created_at": SEEDED_AT, "updated_at": SEEDED_AT,
            "archived_at": "1970-01-01T00:00:00Z",
            "mirror_updated": NEVER, "mirror_interval": "",
            "permissions": { "admin": false, "push": true, "pull": true },
            "topics": ["sandbox"], "licenses": [],
            "object_format_name": "sha1",
            "default_merge_style": "merge",
            "projects_mode": "all",
        });
        for count in ["stars_count", "forks_count", "watchers_count", "release_counter"] {
            object[count] = json!(0);
        }
        for flag in ["code", "issues", "pull_requests"] {
            object[format!("has_{flag}")] = json!(true);
        }
        for flag in ["wiki", "projects", "releases", "packages", "actions"] {
            object[format!("has_{flag}")] = json!(false);
        }
        object
    }

    pub fn branch(&self, repo: &Repo, branch: &Branch) -> Value {
        let message = repo.history.get(&branch.commit).map(|commit| commit.message.as_str());
        let person = json!({ "name": "Sandbox", "email": "sandbox@sandbox.invalid", "username": "" });
        json!({
            "name": branch.name,
            "commit": {
                "id": branch.commit,
                "message": message.unwrap_or_default(),
                "url": self.web(&format!("{}/commit/{}", repo.full_name, branch.commit)),
                "author": person, "committer": person,
                "verification": {
                    "verified": false, "reason": "gpg.error.not_signed_commit",
                    "signature": "", "signer": null, "payload": "",
                },
                "timestamp": SEEDED_AT,
                "added": null, "removed": null, "modified": null,
            },
            "protected": branch.protected,
            "required_approvals": 0,
            "enable_status_check": false,
            "status_check_contexts": [],
            "user_can_push": !branch.protected, "user_can_merge": !branch.protected,
            "effective_branch_protection_name": if branch.protected { branch.name.as_str() } else { "" },
        })
    }

    /// A file without its content, or a directory.
    pub fn entry(&self, repo: &str, revision: &str, commit: &str, entry: &Entry) -> Value {
        let (kind, git) = match entry.size {
            Some(_) => ("file", "blobs"),
            None => ("dir", "trees"),
        };
        let path = utf8_percent_encode(&entry.path, PATH);
        let api = self.api_repo(repo);
        let url = format!("{api}/contents/{path}?ref={}", utf8_percent_encode(revision, PATH));
        let git_url = format!("{api}/git/{git}/{}", entry.id);
        let html_url = self.web(&format!("{repo}/src/branch/{revision}/{path}"));
        let raw = || self.web(&format!("{repo}/raw/branch/{revision}/{path}"));
        json!({
            "name": entry.name(),
            "path": entry.path,
            "sha": entry.id,
            "last_commit_sha": commit,
            "last_committer_date": SEEDED_AT, "last_author_date": SEEDED_AT,
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

    pub fn issue(&self, repo: &Repo, issue: &Issue) -> Value {
        let number = issue.number;
        let kind = if issue.is_pull() { "pulls" } else { "issues" };
        let web = self.web(&format!("{}/{kind}/{number}", repo.full_name));
        let closed_at = &issue.closed_at;
        let labels = label::known(repo);
        let labels = labels.iter().filter(|label| issue.labels.contains(&label.name));
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.user(login)).collect();
        let merged = issue.pull.as_ref().and_then(|pull| pull.merged.as_ref());
        let merged = merged.map(|merge| &merge.at);
        let pull = json!({ "draft": false, "merged": merged.is_some(), "merged_at": merged, "html_url": web });
        json!({
            "id": stable_id(&format!("{}#{number}", repo.full_name)),
            "url": format!("{}/issues/{number}", self.api_repo(&repo.full_name)),
            "html_url": web,
            "number": number,
            "user": self.user(issue.author),
            "original_author": "", "original_author_id": 0,
            "title": issue.title,
            "body": issue.body.as_deref().unwrap_or_default(),
            "ref": "",
            "assets": [],
            "labels": labels.map(|label| self.label(repo, label)).collect::<Vec<_>>(),
            "milestone": null,
            "assignee": assignees.first(),
            "assignees": if assignees.is_empty() { Value::Null } else { assignees.clone().into() },
            "state": if issue.open { "open" } else { "closed" },
            "is_locked": false,
            "comments": 0,
            "created_at": issue.created_at, "updated_at": issue.updated_at,
            "closed_at": closed_at,
            "due_date": null,
            "time_estimate": 0,
            "content_version": 0,
            "pull_request": if issue.is_pull() { pull } else { Value::Null },
            "repository": {
                "id": repo.id, "name": repo.name, "owner": repo.owner, "full_name": repo.full_name,
            },
            "pin_order": 0,
        })
    }

    pub fn label(&self, repo: &Repo, label: &Label) -> Value {
        let home = match label.shared {
            true => format!("{}{BASE}/orgs/{}", self.origin, repo.owner),
            false => self.api_repo(&repo.full_name),
        };
        json!({
            "id": label.id,
            "name": label.name,
            "exclusive": false,
            "is_archived": false,
            "color": if label.name == "bug" { "d73a4a" } else { "ededed" },
            "description": "",
            "url": format!("{home}/labels/{}", label.id),
        })
    }
}
