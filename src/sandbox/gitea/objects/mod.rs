//! Gitea's JSON objects.
//!
//! Invariant: an object has only fields that Gitea's description knows; what is absent is null or empty, as Go
//! writes it.

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use crate::sandbox::forge::{PATH, stable_id};
use crate::sandbox::seed::SEEDED_AT;

pub(crate) mod beside;
pub(crate) mod commit;
pub(crate) mod issue;
pub(crate) mod pull;
pub(crate) mod repo;

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
    pub fn api_repo(&self, full_name: &str) -> String {
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
}

/// A name as it stands in a path.
fn escaped(name: &str) -> String {
    utf8_percent_encode(name, PATH).to_string()
}

/// The fields of both; those of `more` win.
fn merged(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}
