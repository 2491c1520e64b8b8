//! Hooks, releases, statuses, files and trees, as GitLab shows them.
//!
//! Invariant: a hook's token is never shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::commit::PIPELINE;
use super::{Links, time};
use crate::sandbox::forge::{Blob, Commit, Entry, Hook, Release, Repo, Status};

/// The events of a hook, each a flag of its own.
pub(crate) const EVENTS: &[&str] = &[
    "push_events",
    "tag_push_events",
    "merge_requests_events",
    "repository_update_events",
    "issues_events",
    "confidential_issues_events",
    "note_events",
    "confidential_note_events",
    "pipeline_events",
    "wiki_page_events",
    "deployment_events",
    "feature_flag_events",
    "job_events",
    "releases_events",
    "milestone_events",
    "emoji_events",
    "resource_access_token_events",
];

/// A file at a revision, with the commits that matter to it.
pub(crate) struct FileAt<'a> {
    pub path: &'a str,
    pub revision: &'a str,
    pub blob: &'a Blob,
    pub commit: &'a Commit,
    pub last_commit: String,
}

impl FileAt<'_> {
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn hash(&self) -> String {
        let hash = digest(&SHA256, &self.blob.content);
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is told of it in headers, by their names behind `x-gitlab-`.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("blob-id", self.blob.id.to_string()),
            ("commit-id", self.commit.id.clone()),
            ("content-sha256", self.hash()),
            ("encoding", "base64".to_owned()),
            ("execute-filemode", "false".to_owned()),
            ("file-name", self.name().to_owned()),
            ("file-path", self.path.to_owned()),
            ("last-commit-id", self.last_commit.clone()),
            ("ref", self.revision.to_owned()),
            ("size", self.blob.content.len().to_string()),
        ]
    }

    pub fn shown(&self) -> Value {
        json!({
            "file_name": self.name(),
            "file_path": self.path,
            "size": self.blob.content.len(),
            "encoding": "base64",
            "content_sha256": self.hash(),
            "ref": self.revision,
            "blob_id": *self.blob.id,
            "commit_id": self.commit.id,
            "last_commit_id": self.last_commit,
            "execute_filemode": false,
            "content": STANDARD.encode(&self.blob.content),
        })
    }
}

/// An entry of a tree.
pub(crate) fn entry(entry: &Entry) -> Value {
    let (kind, mode) = match entry.size {
        Some(_) => ("blob", "100644"),
        None => ("tree", "040000"),
    };
    json!({
        "id": entry.id,
        "name": entry.name(),
        "type": kind,
        "path": entry.path,
        "mode": mode,
    })
}

pub(crate) fn hook(repo: &Repo, hook: &Hook) -> Value {
    let mut shown = json!({
        "id": hook.id,
        "url": hook.url,
        "name": null,
        "description": null,
        "project_id": repo.id,
        "created_at": time(&hook.created_at),
        "enable_ssl_verification": !hook.insecure_tls,
        "push_events_branch_filter": "",
        "branch_filter_strategy": "wildcard",
        "alert_status": "executable",
        "disabled_until": null,
        "url_variables": [],
        "custom_headers": [],
        "custom_webhook_template": "",
        "token_present": hook.signed,
        "signing_token_present": false,
    });
    for event in EVENTS {
        shown[event] = hook.events.iter().any(|on| on == event).into();
    }
    shown
}

impl Links<'_> {
    pub fn release(&self, repo: &Repo, release: &Release) -> Value {
        let page = self.page(&repo.full_name);
        let tag = repo.tags.get(&release.tag);
        let commit = tag.and_then(|tag| repo.history.get(&tag.commit));
        let source = |format: &str| {
            let name = format!("{}-{}.{format}", repo.name, release.tag);
            json!({ "format": format, "url": format!("{page}/-/archive/{}/{name}", release.tag) })
        };
        let sources = ["zip", "tar.gz", "tar.bz2", "tar"].map(source);
        let text = release.body.as_deref().unwrap_or_default();
        let at = release.published_at.as_ref().unwrap_or(&release.created_at);
        json!({
            "tag_name": release.tag,
            "name": release.name.as_ref().unwrap_or(&release.tag),
            "description": release.body,
            "description_html": format!("<p data-sourcepos=\"1:1-1:{}\" dir=\"auto\">{}</p>", text.len(), escaped(text)),
            "created_at": time(&release.created_at),
            "released_at": time(at),
            "upcoming_release": false,
            "author": self.user(release.author),
            "commit": commit.map(|commit| self.commit(repo, commit)),
            "milestones": [],
            "commit_path": commit.map(|commit| format!("/{}/-/commit/{}", repo.full_name, commit.id)),
            "tag_path": format!("/{}/-/tags/{}", repo.full_name, release.tag),
            "assets": {
                "count": 4,
                "sources": sources,
                "links": [],
            },
            "evidences": [],
            "_links": {
                "self": format!("{page}/-/releases/{}", release.tag),
                "edit_url": format!("{page}/-/releases/{}/edit", release.tag),
            },
        })
    }

    pub fn status(&self, status: &Status, branch: Option<&String>) -> Value {
        let begun = matches!(status.state.as_str(), "running" | "success" | "failed");
        let over = !matches!(status.state.as_str(), "pending" | "running");
        let at = time(&status.created_at);
        json!({
            "id": status.id,
            "sha": status.commit,
            "ref": branch,
            "status": status.state,
            "name": status.context,
            "target_url": status.target_url,
            "description": status.description,
            "created_at": at,
            "started_at": begun.then_some(&at),
            "finished_at": over.then_some(&at),
            "allow_failure": false,
            "coverage": null,
            "pipeline_id": PIPELINE,
            "author": self.user(status.creator),
        })
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
