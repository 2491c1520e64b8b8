//! The requests that serve releases.
//!
//! Invariant: a release that is asked for as a draft is never published instead.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::Failure;

use super::{GitLab, convert, ids, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Release, ReleaseCreate, ReleaseList};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn list(gitlab: Arc<GitLab>, request: Request<ReleaseList>) -> Result<Reply<Page<Release>>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let outgoing = gitlab.get(&["projects", path, "releases"])?;
    gitlab.list(outgoing, &request, |_, row| convert::release(row)).await
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<ReleaseCreate>) -> Result<Reply<Release>, Failure> {
    let path = ids::project("repo", &request.native)?;
    let input = &request.input;
    for (field, asked) in [("draft", input.draft), ("prerelease", input.prerelease)] {
        if asked == Some(true) {
            let sentence = format!("this provider knows no {field} of a release");
            return Err(Failure::unsupported_field(field, sentence).never_sent());
        }
    }
    // It counts only where there is no such tag yet, and is missed then.
    let target = match &input.target {
        Some(target) => target.to_string(),
        None => gitlab
            .beginning(path, "target")
            .await
            .map_err(|failure| failure.by(&request.instance))?,
    };
    let release = wire::NewRelease {
        tag_name: &input.tag,
        target: &target,
        name: input.name.as_deref(),
        description: input.body.as_deref(),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "releases"], &release)?;
    let convert = |_: &Arc<str>, row: Row<wire::Release>| convert::release(row);
    match gitlab.endpoint.answer(outgoing, &request, convert).await {
        Err(failure) => Err(gitlab.unwritten(path, failure).await),
        made => made,
    }
}
