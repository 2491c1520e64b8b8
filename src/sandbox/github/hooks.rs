//! Hooks.
//!
//! Invariant: a hook's secret is taken, and never given.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Named, created, number};
use super::body::Input;
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{Hook, HookDraft};

/// The most events of one hook.
const MAX_EVENTS: usize = 100;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &repo.hooks, |hook| {
        links.hook(repo, hook)
    }))
}

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Hook")?;
    if !matches!(input.text("name")?, None | Some("web")) {
        return Err(input.wrong("name"));
    }
    let config = input.part("config")?;
    let config = config.ok_or_else(|| Problem::field("Hook", "config", "missing_field"))?;
    let url = config.required("url")?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(config.wrong("url"));
    }
    let events = input.texts("events")?.filter(|events| !events.is_empty());
    let events = events.unwrap_or_else(|| vec!["push".to_owned()]);
    let word = |event: &String| event == "*" || event.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if events.len() > MAX_EVENTS || !events.iter().all(word) {
        return Err(input.wrong("events"));
    }
    // A text or a number.
    let insecure = match config.value("insecure_ssl") {
        Value::String(text) => text == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    };
    let draft = HookDraft {
        url: url.to_owned(),
        events,
        active: input.flag("active")?.unwrap_or(true),
        content_type: config.text("content_type")?.unwrap_or("form").to_owned(),
        insecure_tls: insecure,
        signed: config.text("secret")?.is_some_and(|secret| !secret.is_empty()),
    };
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    let same = |hook: &&Hook| hook.url == draft.url && hook.events == draft.events;
    if repo.hooks.iter().find(same).is_some() {
        return Err(Problem::custom_of("Hook", "Hook already exists on this repository"));
    }
    let repo = repo.id;
    let hook = state.create_hook(repo, draft)?;
    Ok(created(github.links().hook(state.by_id(repo)?, &hook)))
}

pub(crate) async fn delete(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let mut state = github.state();
    let repo = state.named(&owner, &name)?.id;
    state.delete_hook(repo, number(&id)?)?;
    Ok(StatusCode::NO_CONTENT)
}
