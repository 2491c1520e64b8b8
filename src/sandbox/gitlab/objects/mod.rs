//! What GitLab's answers are made of.
//!
//! Invariant: nothing here decides anything; what is shown was decided before.

use serde_json::{Value, json};

use super::data::Namespace;
use crate::sandbox::forge::PATH;
use crate::sandbox::seed::{SEEDED_AT, USER};

pub(crate) mod beside;
pub(crate) mod commit;
pub(crate) mod issue;
pub(crate) mod merge;
pub(crate) mod project;

/// The beginnings of all links.
#[derive(Clone, Copy)]
pub(crate) struct Links<'a> {
    pub origin: &'a str,
    /// The server's name, visible in the data.
    pub instance: &'a str,
}

/// A time as GitLab writes it: with milliseconds.
pub(crate) fn time(at: &str) -> String {
    match at.strip_suffix('Z') {
        Some(at) if !at.contains('.') => format!("{at}.000Z"),
        _ => at.to_owned(),
    }
}

/// The number of a person.
pub(crate) fn user_id(login: &str) -> u64 {
    if login == USER { 1 } else { 2 }
}

/// How a person is called.
pub(crate) fn user_name(login: &str) -> String {
    let words = login.split('-').map(|word| {
        let (head, rest) = word.split_at(word.len().min(1));
        head.to_uppercase() + rest
    });
    words.collect::<Vec<_>>().join(" ")
}

impl Links<'_> {
    /// The page for people of a project's path, and what is below it.
    pub fn page(&self, path: &str) -> String {
        format!("{}/{}", self.origin, percent_encoding::utf8_percent_encode(path, PATH))
    }

    pub fn api(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, super::BASE)
    }

    /// A person, as shown beside what they did.
    pub fn user(&self, login: &str) -> Value {
        json!({
            "id": user_id(login),
            "username": login,
            "name": user_name(login),
            "state": "active",
            "locked": false,
            "avatar_url": null,
            "web_url": format!("{}/{login}", self.origin),
        })
    }

    /// A person, as they see themselves.
    pub fn self_user(&self, login: &str) -> Value {
        let mut user = self.user(login);
        let more = json!({
            "email": format!("{login}@noreply.sandbox.invalid"),
            "public_email": null,
            "commit_email": format!("{login}@noreply.sandbox.invalid"),
            "created_at": time(SEEDED_AT),
            "bio": format!("On {}", self.instance),
            "location": null,
            "skype": "",
            "linkedin": "",
            "twitter": "",
            "website_url": "",
            "organization": "",
            "job_title": "",
            "bot": false,
            "last_sign_in_at": time(SEEDED_AT),
            "current_sign_in_at": time(SEEDED_AT),
            "confirmed_at": time(SEEDED_AT),
            "last_activity_on": &SEEDED_AT[..10],
            "theme_id": 1,
            "color_scheme_id": 1,
            "projects_limit": 100_000,
            "identities": [],
            "can_create_group": true,
            "can_create_project": true,
            "two_factor_enabled": true,
            "external": false,
            "private_profile": false,
        });
        extend(&mut user, more);
        user
    }

    pub fn namespace(&self, namespace: &Namespace) -> Value {
        let kind = if namespace.is_person { "user" } else { "group" };
        let page = match namespace.is_person {
            true => self.page(&namespace.path),
            false => format!("{}/groups/{}", self.origin, namespace.path),
        };
        json!({
            "id": namespace.id(),
            "name": namespace.name(),
            "path": namespace.name(),
            "kind": kind,
            "full_path": namespace.path,
            "parent_id": namespace.parent().map(|parent| parent.id()),
            "avatar_url": null,
            "web_url": page,
        })
    }
}

/// Adds the fields of another object.
pub(crate) fn extend(object: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) {
        fields.extend(more);
    }
}
