//! The requests that serve hooks.
//!
//! Invariant: a hook's secret goes into one request and nowhere else.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::lookup::{At, Numbered, renamed};
use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::confidential::Confidential;
use crate::catalogue::git::{Hook, HookCreate, HookDelete, HookList};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page::Page;
use crate::providers::{Reply, Request};

pub async fn list(github: Arc<GitHub>, request: Request<HookList>) -> Result<Reply<Page<Hook>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let outgoing = github.endpoint.get(&repo.parts(&["hooks"]))?;
    let hook = |at: &Arc<str>, row| Some(convert::hook(at, &request.native, row));
    github.endpoint.page(outgoing, SIZE, &request, hook).await
}

pub async fn create(github: Arc<GitHub>, request: Request<HookCreate>) -> Result<Reply<Hook>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    let hook = wire::NewHook {
        name: "web",
        active: true,
        events: convert::events(&input.events),
        config: wire::NewHookConfig {
            url: &input.url,
            content_type: "json",
            secret: input.secret.as_ref().map(Confidential::expose),
        },
    };
    let outgoing = github.endpoint.post(&repo.parts(&["hooks"]), &hook)?;
    let convert = |at: &Arc<str>, row| convert::hook(at, &request.native, row);
    let made = github.endpoint.answer(outgoing, &request, convert);
    made.await.map_err(|failure| renamed(failure, &[("config", "url")]))
}

pub async fn delete(github: Arc<GitHub>, request: Request<HookDelete>) -> Result<Reply<Deleted>, Failure> {
    let hook = Numbered::of("hook", &request.native)?;
    let outgoing = github.endpoint.delete(&hook.parts("hooks", &[]))?;
    let received = github.endpoint.send(outgoing).await?;
    Ok(received.reply(Deleted::done()))
}
