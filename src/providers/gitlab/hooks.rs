//! The requests that serve hooks.
//!
//! Invariant: a hook tells of what it was made for and of nothing more: each thing is said, whether it is wanted or not.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::Failure;

use super::{GitLab, convert, ids};
use crate::catalogue::Page;
use crate::catalogue::confidential::Confidential;
use crate::catalogue::git::{Hook, HookCreate, HookDelete, HookList};
use crate::catalogue::outcome::Deleted;
use crate::providers::{Reply, Request};

pub async fn list(gitlab: Arc<GitLab>, request: Request<HookList>) -> Result<Reply<Page<Hook>>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let outgoing = gitlab.get(&["projects", path, "hooks"])?;
    gitlab
        .list(outgoing, &request, |at, row| convert::hook(at, path, row))
        .await
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<HookCreate>) -> Result<Reply<Hook>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    let token = input.secret.as_ref().map(Confidential::expose);
    let hook = convert::new_hook(&input.url, &input.events, token);
    let outgoing = gitlab.with(Method::POST, &["projects", path, "hooks"], &hook)?;
    let convert = |at: &Arc<str>, row| convert::hook(at, path, row);
    gitlab.endpoint.answer(outgoing, &request, convert).await
}

pub async fn delete(gitlab: Arc<GitLab>, request: Request<HookDelete>) -> Result<Reply<Deleted>, Failure> {
    let (path, id) = ids::hook(&request.native)?;
    let received = gitlab
        .endpoint
        .send(gitlab.bare(Method::DELETE, &["projects", path, "hooks", &id])?)
        .await?;
    Ok(received.reply(Deleted::done()))
}
