//! GitHub's JSON objects.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use crate::sandbox::forge::{PATH, stable_id};
use crate::sandbox::seed::{GUEST, SEEDED_AT, USER};

pub(crate) mod beside;
pub(crate) mod commit;
pub(crate) mod issue;
pub(crate) mod pull;
pub(crate) mod repo;

/// The URLs of a user's parts: the field's name before `_url`, and what follows the user's own URL.
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

    pub fn web(&self, path: &str) -> String {
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

    /// Who owns something: a person, or else an organisation.
    pub fn owner(&self, login: &str) -> Value {
        let person = [USER, GUEST].contains(&login);
        self.user(login, if person { "User" } else { "Organization" })
    }
}

/// A name as it stands in a path.
fn escaped(name: &str) -> String {
    utf8_percent_encode(name, PATH).to_string()
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
