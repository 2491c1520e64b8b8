//! GitHub's JSON objects.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use crate::sandbox::forge::{Entry, Issue, PATH, Repo, stable_id};
use crate::sandbox::seed::SEEDED_AT;

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

/// The same for a user.
const USER_URLS: &[(&str, &str)] = &[
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
];

/// Makes objects whose links lead back to this server, or, for pages of the web, to a host that never resolves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links<'a> {
    pub origin: &'a str,
    pub instance: &'a str,
}

impl Links<'_> {
    pub fn api_repo(&self, full_name: &str) -> String {
        format!("{}/repos/{full_name}", self.origin)
    }

    fn web(&self, path: &str) -> String {
        format!("https://{}.sandbox.invalid/{path}", self.instance)
    }

    pub fn user(&self, login: &str, kind: &str) -> Value {
        let url = format!("{}/users/{login}", self.origin);
        let mut user = json!({
            "login": login,
            "id": stable_id(login),
            "node_id": format!("U_{login}"),
            "avatar_url": self.web(&format!("avatars/{login}.png")),
            "gravatar_id": "",
            "url": url,
            "html_url": self.web(login),
            "type": kind,
            "user_view_type": "public",
            "site_admin": false,
        });
        for (name, path) in USER_URLS {
            user[*name] = json!(format!("{url}{path}"));
        }
        user
    }

    pub fn private_user(&self, login: &str) -> Value {
        let more = json!({
            "user_view_type": "private",
            "name": format!("Sandbox user of {}", self.instance),
            "company": null, "blog": null, "location": null, "email": null, "hireable": null, "bio": null,
            "twitter_username": null, "notification_email": null,
            "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": SEEDED_AT, "updated_at": SEEDED_AT,
            "private_gists": 0, "total_private_repos": 0, "owned_private_repos": 0, "disk_usage": 0,
            "collaborators": 0, "two_factor_authentication": true,
        });
        merged(self.user(login, "User"), more)
    }

    /// A repository as lists show it.
    pub fn repo(&self, repo: &Repo) -> Value {
        let (url, web) = (self.api_repo(&repo.full_name), self.web(&repo.full_name));
        let host = format!("{}.sandbox.invalid", self.instance);
        let open = repo.open_issues();
        let mut object = json!({
            "id": repo.id,
            "node_id": format!("R_{}", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "owner": self.user(&repo.owner, "Organization"),
            "private": false,
            "visibility": "public",
            "html_url": web,
            "description": repo.description,
            "fork": false,
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
            "created_at": SEEDED_AT, "updated_at": SEEDED_AT, "pushed_at": SEEDED_AT,
            "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true },
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
            "archived",
            "disabled",
            "is_template",
        ] {
            object[flag] = json!(false);
        }
        for count in ["forks", "forks_count", "stargazers_count", "watchers", "watchers_count"] {
            object[count] = json!(0);
        }
        object["open_issues"] = json!(open);
        object["open_issues_count"] = json!(open);
        object
    }

    /// A repository by itself.
    pub fn full_repo(&self, repo: &Repo) -> Value {
        let more = json!({
            "network_count": 0,
            "subscribers_count": 0,
            "organization": self.user(&repo.owner, "Organization"),
            "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true,
            "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false,
        });
        merged(self.repo(repo), more)
    }

    pub fn issue(&self, repo: &Repo, issue: &Issue) -> Value {
        let Issue { number, open, .. } = *issue;
        let is_pull = issue.is_pull();
        let repo_url = self.api_repo(&repo.full_name);
        let url = format!("{repo_url}/issues/{number}");
        let kind = if is_pull { "pull" } else { "issues" };
        let web = self.web(&format!("{}/{kind}/{number}", repo.full_name));
        let id = stable_id(&format!("{}#{number}", repo.full_name));
        let closed_at = &issue.closed_at;
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.user(login, "User")).collect();
        let mut object = json!({
            "id": id,
            "node_id": format!("I_{id}"),
            "number": number,
            "title": issue.title,
            "body": issue.body,
            "state": if open { "open" } else { "closed" },
            "state_reason": if open { Value::Null } else { json!("completed") },
            "url": url,
            "repository_url": repo_url,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": web,
            "user": self.user(issue.author, "User"),
            "labels": issue.labels.iter().map(|label| self.label(&repo_url, label)).collect::<Vec<_>>(),
            "assignee": assignees.first(),
            "assignees": assignees,
            "milestone": null,
            "locked": false,
            "active_lock_reason": null,
            "comments": issue.comments.len(),
            "closed_at": closed_at,
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_by": if open { Value::Null } else { self.user(issue.author, "User") },
            "author_association": "MEMBER",
            "reactions": reactions(&url),
        });
        if is_pull {
            object["draft"] = json!(false);
            object["pull_request"] = json!({
                "url": format!("{repo_url}/pulls/{number}"),
                "html_url": web,
                "diff_url": format!("{web}.diff"),
                "patch_url": format!("{web}.patch"),
                "merged_at": issue.pull.as_ref().and_then(|pull| pull.merged.as_ref()).map(|merge| &merge.at),
            });
        }
        object
    }

    fn label(&self, repo_url: &str, name: &str) -> Value {
        let id = stable_id(&format!("label {name}"));
        json!({
            "id": id,
            "node_id": format!("LA_{id}"),
            "url": format!("{repo_url}/labels/{}", utf8_percent_encode(name, PATH)),
            "name": name,
            "description": null,
            "color": if name == "bug" { "d73a4a" } else { "ededed" },
            "default": false,
        })
    }

    /// A file or directory as a listing shows it.
    pub fn entry(&self, repo: &str, branch: &str, entry: &Entry) -> Value {
        let (kind, git, web) = match entry.size {
            Some(_) => ("file", "blobs", "blob"),
            None => ("dir", "trees", "tree"),
        };
        let path = utf8_percent_encode(&entry.path, PATH).to_string();
        let url = format!(
            "{}/contents/{path}?ref={}",
            self.api_repo(repo),
            utf8_percent_encode(branch, PATH)
        );
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

fn reactions(issue_url: &str) -> Value {
    json!({
        "url": format!("{issue_url}/reactions"), "total_count": 0,
        "+1": 0, "-1": 0, "laugh": 0, "confused": 0, "heart": 0, "hooray": 0, "eyes": 0, "rocket": 0,
    })
}

/// The fields of both; those of `more` win.
fn merged(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}
