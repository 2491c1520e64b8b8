//! Hooks of projects.
//!
//! Invariant: of the events only a push is on unless it is said otherwise.

use http::StatusCode;

use super::ask::{Answer, Ask, created, gone, ok};
use super::caller::Caller;
use super::data::Data;
use super::objects::beside::{EVENTS, hook};
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Hook, HookDraft};

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let id = managed(&ask, &data)?;
    let repo = data.forge.by_id(id)?;
    let hooks: Vec<&Hook> = repo.hooks.iter().collect();
    page::answer(&ask, &hooks, |one| hook(repo, one))
}

/// Hooks are shown only to those who may change them, though an archived project shows its own.
fn managed(ask: &Ask, data: &Data) -> Result<u64, Problem> {
    let repo = ask.project(data)?;
    match ask.caller {
        Caller::Anonymous => Err(Problem::unauthorized()),
        _ if !data.member(repo) => Err(Problem::forbidden()),
        _ => Ok(repo.id),
    }
}

pub(crate) async fn get(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let id = managed(&ask, &data)?;
    let (repo, number) = (data.forge.by_id(id)?, ask.number(1)?);
    let found = repo.hooks.iter().find(|hook| hook.id == number);
    ok(hook(repo, found.ok_or_else(Problem::not_found)?))
}

pub(crate) async fn create(ask: Ask) -> Answer {
    let url = ask.input.required("url")?;
    let scheme = url.split("://").next().unwrap_or_default();
    if !matches!(scheme, "http" | "https") || url.parse::<http::Uri>().is_err() {
        return Err(Problem::error(StatusCode::UNPROCESSABLE_ENTITY, "Invalid url given"));
    }
    let mut events = Vec::new();
    for event in EVENTS {
        if ask.input.flag(event)?.unwrap_or(*event == "push_events") {
            events.push((*event).to_owned());
        }
    }
    let draft = HookDraft {
        url,
        events,
        active: true,
        content_type: "json".to_owned(),
        insecure_tls: ask.input.flag("enable_ssl_verification")? == Some(false),
        signed: ask.input.filled("token")?.is_some(),
    };
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    let made = data.forge.create_hook(id, draft)?;
    created(hook(data.forge.by_id(id)?, &made))
}

pub(crate) async fn delete(ask: Ask) -> Answer {
    let number = ask.number(1)?;
    let mut data = ask.gitlab.data();
    let id = ask.writable(&data)?;
    data.forge.delete_hook(id, number)?;
    gone()
}
