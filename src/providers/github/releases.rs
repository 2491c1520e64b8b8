//! The requests that serve releases.
//!
//! Invariant: a release that was made is told, whatever becomes of a question behind it.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::{self, At, renamed};
use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::git::{Release, ReleaseCreate, ReleaseList};
use crate::catalogue::page::Page;
use crate::providers::{Reply, Request};

pub async fn list(github: Arc<GitHub>, request: Request<ReleaseList>) -> Result<Reply<Page<Release>>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let outgoing = github.endpoint.get(&repo.parts(&["releases"]))?;
    let release = |_: &Arc<str>, row| Some(convert::release(None, row));
    github.endpoint.page(outgoing, SIZE, &request, release).await
}

pub async fn create(github: Arc<GitHub>, request: Request<ReleaseCreate>) -> Result<Reply<Release>, Failure> {
    let repo = At::of("repo", &request.native)?;
    let input = &request.input;
    // GitHub takes a branch or a whole hash, and no tag.
    let target = match input.target.as_deref() {
        None => None,
        target => Some(
            lookup::commit(&github, repo, "target", target)
                .await
                .map_err(Failure::never_sent)?,
        ),
    };
    let release = wire::NewRelease {
        tag_name: &input.tag,
        target_commitish: target.as_deref(),
        name: input.name.as_deref().unwrap_or(&input.tag),
        body: input.body.as_deref(),
        draft: input.draft,
        prerelease: input.prerelease,
    };
    let outgoing = github.endpoint.post(&repo.parts(&["releases"]), &release)?;
    let received = github.endpoint.send(outgoing).await.map_err(refused)?;
    let row = received.row::<wire::Release>(request.include_raw)?;
    // A draft makes no tag. Where the tag was there before, the target was for nothing (H26).
    let sha = match row.wire.draft {
        Some(true) => None,
        _ => lookup::commit(&github, repo, "tag", Some(&input.tag)).await.ok(),
    };
    Ok(received.reply(convert::release(sha, row)))
}

fn refused(failure: Failure) -> Failure {
    match failure.kind {
        // H11
        Kind::NotFound | Kind::Forbidden => failure
            .also("a commit that changes files below .github/workflows needs a credential with the scope workflow"),
        _ => renamed(failure, &[("ref", "tag")]),
    }
}
