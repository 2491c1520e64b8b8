//! Statuses, releases and hooks as GitHub shows them.
//!
//! Invariant: a hook's secret is never shown.

use serde_json::{Value, json};

use super::{Links, escaped};
use crate::sandbox::forge::{Hook, Release, Repo, Status};

impl Links<'_> {
    /// A status as the answer to its making and the list of all show it.
    pub fn status(&self, repo: &Repo, status: &Status) -> Value {
        let mut object = self.simple_status(repo, status);
        object["creator"] = self.user(status.creator, "User");
        object
    }

    /// A status as the combined one shows it.
    pub fn simple_status(&self, repo: &Repo, status: &Status) -> Value {
        json!({
            "url": format!("{}/statuses/{}", self.api_repo(&repo.full_name), status.commit),
            "avatar_url": self.web(&format!("avatars/{}.png", status.creator)),
            "id": status.id,
            "node_id": format!("SC_{}", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": status.created_at,
            "updated_at": status.created_at,
        })
    }

    pub fn release(&self, repo: &Repo, release: &Release) -> Value {
        let api = self.api_repo(&repo.full_name);
        let (url, tag) = (format!("{api}/releases/{}", release.id), escaped(&release.tag));
        let ball = |kind: &str| (!release.draft).then(|| format!("{api}/{kind}/{tag}"));
        json!({
            "url": url,
            "html_url": self.web(&format!("{}/releases/tag/{tag}", repo.full_name)),
            "assets_url": format!("{url}/assets"),
            "upload_url": format!("{url}/assets{{?name,label}}"),
            "tarball_url": ball("tarball"),
            "zipball_url": ball("zipball"),
            "id": release.id,
            "node_id": format!("RE_{}", release.id),
            "tag_name": release.tag,
            "target_commitish": release.target,
            "name": release.name,
            "body": release.body.as_deref().unwrap_or_default(),
            "draft": release.draft,
            "prerelease": release.prerelease,
            "immutable": false,
            "created_at": release.created_at,
            "published_at": release.published_at,
            "updated_at": release.created_at,
            "author": self.user(release.author, "User"),
            "assets": [],
        })
    }

    pub fn hook(&self, repo: &Repo, hook: &Hook) -> Value {
        let url = format!("{}/hooks/{}", self.api_repo(&repo.full_name), hook.id);
        let mut config = json!({
            "url": hook.url,
            "content_type": hook.content_type,
            "insecure_ssl": if hook.insecure_tls { "1" } else { "0" },
        });
        if hook.signed {
            config["secret"] = json!("********");
        }
        json!({
            "type": "Repository",
            "id": hook.id,
            "name": "web",
            "active": hook.active,
            "events": hook.events,
            "config": config,
            "created_at": hook.created_at,
            "updated_at": hook.created_at,
            "url": url,
            "test_url": format!("{url}/test"),
            "ping_url": format!("{url}/pings"),
            "deliveries_url": format!("{url}/deliveries"),
            "last_response": { "code": null, "status": "unused", "message": null },
        })
    }
}
