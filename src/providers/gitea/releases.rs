//! The requests that serve releases.
//!
//! Invariant: a refusal tells which is at fault, the tag or what it was to begin at.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::refusal::{blaming, is, taken};
use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{Release, ReleaseCreate, ReleaseList};
use crate::providers::forge;
use crate::providers::{Reply, Request};

pub async fn list(gitea: Arc<Gitea>, request: Request<ReleaseList>) -> Result<Reply<Page<Release>>, Failure> {
    let (owner, name) = forge::project("repo", &request.native)?;
    let parts = ["repos", owner, name, "releases"];
    pages::list(&gitea, &parts, &[], &request, |_, row| Some(convert::release(row))).await
}

/// A tag that is there already becomes the release's.
pub async fn create(gitea: Arc<Gitea>, request: Request<ReleaseCreate>) -> Result<Reply<Release>, Failure> {
    let place = forge::project("repo", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    let new = wire::NewRelease {
        tag_name: &input.tag,
        target_commitish: input.target.as_deref(),
        name: input.name.as_deref().unwrap_or(&input.tag),
        body: input.body.as_deref(),
        draft: input.draft == Some(true),
        prerelease: input.prerelease == Some(true),
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "releases"], &new)?;
    let received = match gitea.endpoint.send(outgoing).await {
        Err(failure) if is(&failure, &[404]) => {
            return Err(gitea.missing(place, failure, "target", Kind::Conflict).await);
        }
        other => other.map_err(|failure| refused(&failure))?,
    };
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::release(row)))
}

fn refused(failure: &Failure) -> Failure {
    if is(failure, &[422]) && failure.kind == Kind::InvalidInput {
        return blaming(
            failure,
            Kind::InvalidInput,
            "tag",
            "tag is not accepted by the provider",
        );
    }
    taken(
        failure.clone(),
        "tag",
        "tag: there is a release of it already, or no commit yet",
    )
}
