//! The requests that serve tags.
//!
//! Invariant: a tag with a message is an annotated one, and no other is.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::Failure;

use super::{GitLab, convert, ids, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Tag, TagCreate, TagList};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn list(gitlab: Arc<GitLab>, request: Request<TagList>) -> Result<Reply<Page<Tag>>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let outgoing = gitlab.get(&["projects", path, "repository", "tags"])?;
    gitlab
        .list_in_repo(outgoing, &request, |_, row| convert::tag(row))
        .await
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<TagCreate>) -> Result<Reply<Tag>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    let target = match &input.target {
        Some(target) => target.to_string(),
        None => gitlab
            .beginning(path, "target")
            .await
            .map_err(|failure| failure.by(&request.instance))?,
    };
    let tag = wire::NewTag {
        tag_name: &input.tag,
        target: &target,
        message: input.message.as_deref(),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "repository", "tags"], &tag)?;
    let convert = |_: &Arc<str>, row: Row<wire::Tag>| convert::tag(row);
    match gitlab.endpoint.answer(outgoing, &request, convert).await {
        Err(failure) => Err(gitlab.unwritten(path, failure).await),
        made => made,
    }
}
