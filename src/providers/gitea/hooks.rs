//! The requests that serve hooks.
//!
//! Invariant: a hook that does not tell of all that was asked for is not left behind.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::numbered;
use super::refusal::{blaming, is};
use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Hook, HookCreate, HookDelete, HookEvent, HookList};
use crate::catalogue::outcome::Deleted;
use crate::providers::forge;
use crate::providers::{Reply, Request};

pub async fn list(gitea: Arc<Gitea>, request: Request<HookList>) -> Result<Reply<Page<Hook>>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let parts = ["repos", owner, name, "hooks"];
    let convert = |at: &Arc<str>, row| Some(convert::hook(at, &request.native, row));
    pages::list(&gitea, &parts, &[], &request, convert).await
}

/// Gitea leaves out events that it does not know, without a word: what it made is looked at.
pub async fn create(gitea: Arc<Gitea>, request: Request<HookCreate>) -> Result<Reply<Hook>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let input = &request.input;
    let mut events = vec![];
    for word in input.events.iter().flat_map(|event| convert::words(*event)) {
        if !events.contains(word) {
            events.push(*word);
        }
    }
    let new = wire::NewHook {
        kind: "gitea",
        config: wire::HookConfig {
            url: &input.url,
            content_type: "json",
            secret: input.secret.as_ref().map(|secret| secret.expose()),
        },
        events,
        active: true,
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "hooks"], &new)?;
    let received = gitea
        .endpoint
        .send(outgoing)
        .await
        .map_err(|failure| match failure.kind {
            Kind::InvalidInput if is(&failure, &[422]) => blaming(
                &failure,
                Kind::InvalidInput,
                "url",
                "url is not accepted by the provider",
            ),
            _ => failure,
        })?;
    let row = received.row::<wire::Hook>(request.include_raw)?;
    let id = row.wire.id.to_string();
    let hook = convert::hook(&request.instance, &request.native, row);
    let told_of = |event: &HookEvent| hook.events.contains(event);
    if input.events.iter().all(told_of) {
        return Ok(received.reply(hook));
    }
    let removal = gitea.endpoint.delete(&["repos", owner, name, "hooks", &id])?;
    let removed = gitea.endpoint.send(removal).await;
    let sentence = match removed {
        Ok(_) => "this server does not know one of these events",
        Err(_) => "this server does not know one of these events, and a hook for the others is left behind there",
    };
    Err(received.blame(Failure::unsupported_field("events", sentence)))
}

pub async fn delete(gitea: Arc<Gitea>, request: Request<HookDelete>) -> Result<Reply<Deleted>, Failure> {
    let (_, (owner, name), id) = numbered("hook", &request.native)?;
    let outgoing = gitea.endpoint.delete(&["repos", owner, name, "hooks", &id])?;
    let received = gitea.endpoint.send(outgoing).await?;
    Ok(received.reply(Deleted::done()))
}
