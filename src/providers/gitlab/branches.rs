//! The requests that serve branches.
//!
//! Invariant: what GitLab has no method for is a right that our credential lacks.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::asked::means;
use super::{GitLab, convert, ids, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Branch, BranchCreate, BranchDelete, BranchList};
use crate::catalogue::outcome::Deleted;
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn list(gitlab: Arc<GitLab>, request: Request<BranchList>) -> Result<Reply<Page<Branch>>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let outgoing = gitlab.get(&["projects", path, "repository", "branches"])?;
    gitlab
        .list_in_repo(outgoing, &request, |_, row| convert::branch(row))
        .await
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<BranchCreate>) -> Result<Reply<Branch>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let from = match &request.input.from {
        Some(from) => from.to_string(),
        None => gitlab
            .beginning(path, "from")
            .await
            .map_err(|failure| failure.by(&request.instance))?,
    };
    let branch = wire::NewBranch {
        branch: &request.input.branch,
        from: &from,
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "repository", "branches"], &branch)?;
    let convert = |_: &Arc<str>, row: Row<wire::Branch>| convert::branch(row);
    match gitlab.endpoint.answer(outgoing, &request, convert).await {
        Err(failure) => Err(gitlab.unwritten(path, failure).await),
        made => made,
    }
}

pub async fn delete(gitlab: Arc<GitLab>, request: Request<BranchDelete>) -> Result<Reply<Deleted>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let parts = ["projects", path, "repository", "branches", &request.input.branch];
    let received = gitlab.endpoint.send(gitlab.bare(Method::DELETE, &parts)?).await;
    let received = received.map_err(|failure| match failure.kind {
        // As 405 it says so.
        Kind::Unsupported => means(
            &failure,
            Kind::Forbidden,
            None,
            "our credential may not write to the repository",
        ),
        _ => failure,
    })?;
    Ok(received.reply(Deleted::done()))
}
