//! GitHub's JSON objects of apps.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::installation::Installation;
use super::{APP_ID, CLIENT_ID};
use crate::sandbox::forge::stable_id;
use crate::sandbox::github::objects::Links;
use crate::sandbox::seed::{SEEDED_AT, USER};

/// The app's name in addresses.
const SLUG: &str = "sandbox-app";

/// What the app may do.
pub(crate) fn permissions() -> Value {
    json!({
        "actions": "write", "contents": "write", "issues": "write", "metadata": "read", "pull_requests": "write",
        "secrets": "write", "statuses": "write", "workflows": "write",
    })
}

impl Links<'_> {
    pub fn app(&self, installed: usize) -> Value {
        json!({
            "id": APP_ID,
            "slug": SLUG,
            "node_id": format!("A_{APP_ID}"),
            "client_id": CLIENT_ID,
            "owner": self.user(USER, "User"),
            "name": "Sandbox app",
            "description": null,
            "external_url": self.web(""),
            "html_url": self.web(&format!("apps/{SLUG}")),
            "created_at": SEEDED_AT, "updated_at": SEEDED_AT,
            "permissions": permissions(),
            "events": ["push", "pull_request", "workflow_run"],
            "installations_count": installed,
        })
    }

    pub fn installation(&self, installation: Installation) -> Value {
        let (id, account) = (installation.id(), installation.account);
        let kind = if account == USER { "User" } else { "Organization" };
        json!({
            "id": id,
            "account": self.user(account, kind),
            "repository_selection": "all",
            "access_tokens_url": format!("{}/app/installations/{id}/access_tokens", self.origin),
            "repositories_url": format!("{}/installation/repositories", self.origin),
            "html_url": self.web(&format!("settings/installations/{id}")),
            "app_id": APP_ID,
            "client_id": CLIENT_ID,
            "app_slug": SLUG,
            "target_id": stable_id(account),
            "target_type": kind,
            "permissions": permissions(),
            "events": ["push", "pull_request", "workflow_run"],
            "created_at": SEEDED_AT, "updated_at": SEEDED_AT,
            "single_file_name": null, "has_multiple_single_files": false, "single_file_paths": [],
            "suspended_by": null, "suspended_at": null,
        })
    }
}
