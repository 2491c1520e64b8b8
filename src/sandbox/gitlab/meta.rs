//! The routes around the data: which release, who am I, what may my token do.
//!
//! Invariant: none of these changes anything.

use serde_json::json;

use super::ask::{Answer, Ask, ok};
use super::caller::Caller;
use super::objects::{time, user_id};
use super::page;
use super::problem::Problem;
use crate::sandbox::seed::{GUEST, SEEDED_AT};

/// The release that this speaks.
const VERSION: &str = "18.4.1";

pub(crate) async fn version(ask: Ask) -> Answer {
    ok(json!({
        "version": VERSION,
        "revision": "5a4d0bd5e3c",
        "kas": { "enabled": false, "externalUrl": null, "version": null },
        "enterprise": false,
        "instance": ask.gitlab.instance.name,
    }))
}

pub(crate) async fn user(ask: Ask) -> Answer {
    let login = ask.gitlab.data().forge.user;
    ok(ask.gitlab.links().self_user(login))
}

pub(crate) async fn users(ask: Ask) -> Answer {
    let links = ask.gitlab.links();
    let people = [ask.gitlab.data().forge.user, GUEST];
    let (name, search) = (ask.input.text("username")?, ask.input.text("search")?);
    let wanted = |login: &&str| {
        name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(login))
            && search.as_ref().is_none_or(|search| login.contains(search.as_str()))
    };
    let found: Vec<_> = people.into_iter().filter(wanted).collect();
    page::answer(&ask, &found, |login| links.user(login))
}

pub(crate) async fn user_by_id(ask: Ask) -> Answer {
    let id = ask.number(0)?;
    let people = [ask.gitlab.data().forge.user, GUEST];
    let found = people.into_iter().find(|login| user_id(login) == id);
    let login = found.ok_or_else(|| Problem::missing("User"))?;
    ok(ask.gitlab.links().user(login))
}

/// The token that the caller shows.
pub(crate) async fn token(ask: Ask) -> Answer {
    let scope = if ask.caller == Caller::Reader {
        "read_api"
    } else {
        "api"
    };
    ok(json!({
        "id": 1,
        "name": "sandbox",
        "description": null,
        "revoked": false,
        "active": true,
        "scopes": [scope],
        "user_id": user_id(ask.gitlab.data().forge.user),
        "created_at": time(SEEDED_AT),
        "last_used_at": time(SEEDED_AT),
        "expires_at": null,
    }))
}
