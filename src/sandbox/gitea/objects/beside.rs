//! Statuses, releases, hooks and tokens as Gitea shows them.
//!
//! Invariant: no secret is shown here.

use serde_json::{Value, json};

use super::{Links, escaped};
use crate::sandbox::forge::{Hook, Release, Repo, Status};
use crate::sandbox::gitea::access::Token;

impl Links<'_> {
    pub fn status(&self, repo: &Repo, status: &Status) -> Value {
        json!({
            "id": status.id,
            "status": status.state,
            "target_url": status.target_url.as_deref().unwrap_or_default(),
            "description": status.description.as_deref().unwrap_or_default(),
            "url": format!("{}/statuses/{}", self.api_repo(&repo.full_name), status.commit),
            "context": status.context,
            "creator": self.user(status.creator),
            "created_at": status.created_at, "updated_at": status.created_at,
        })
    }

    /// A release; what was never published has the time when it was made all the same.
    pub fn release(&self, repo: &Repo, release: &Release) -> Value {
        let url = format!("{}/releases/{}", self.api_repo(&repo.full_name), release.id);
        let tag = escaped(&release.tag);
        let archive = |kind: &str| self.web(&format!("{}/archive/{tag}.{kind}", repo.full_name));
        json!({
            "id": release.id,
            "tag_name": release.tag,
            "target_commitish": release.target,
            "name": release.name.as_deref().unwrap_or_default(),
            "body": release.body.as_deref().unwrap_or_default(),
            "url": url,
            "html_url": self.web(&format!("{}/releases/tag/{tag}", repo.full_name)),
            "tarball_url": archive("tar.gz"),
            "zipball_url": archive("zip"),
            "upload_url": format!("{url}/assets"),
            "draft": release.draft,
            "prerelease": release.prerelease,
            "created_at": release.created_at, "published_at": release.created_at,
            "author": self.user(release.author),
            "assets": [],
        })
    }

    pub fn hook(&self, hook: &Hook) -> Value {
        json!({
            "id": hook.id,
            "type": "gitea",
            "name": "",
            "branch_filter": "",
            "config": { "url": hook.url, "content_type": hook.content_type },
            "events": hook.events,
            "authorization_header": "",
            "active": hook.active,
            "updated_at": hook.created_at, "created_at": hook.created_at,
        })
    }

    pub fn token(&self, token: &Token) -> Value {
        json!({
            "id": token.id,
            "name": token.name,
            "sha1": "",
            "token_last_eight": token.last_eight,
            "scopes": token.scope.words(),
            "created_at": token.created_at, "last_used_at": token.created_at,
        })
    }
}
