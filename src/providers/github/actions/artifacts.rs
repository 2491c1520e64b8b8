//! The requests about what runs left behind.
//!
//! Invariant: an archive is streamed from where GitHub keeps it, without our credential, and never held whole.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use mosaic_actors::stream::ByteStream;

use super::{GitHub, convert, standing};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Artifact, ArtifactGet, ArtifactList};
use crate::providers::ci::actions::Numbered;
use crate::providers::{Reply, Request};

/// Attempts of a run may each have left one of the same name: all are told, each with its id.
pub async fn list(github: Arc<GitHub>, request: Request<ArtifactList>) -> Result<Reply<Page<Artifact>>, Failure> {
    let run = standing::run(&github, &request).await?;
    let outgoing = github.below(&run, &["artifacts"])?;
    let artifact = |row| Some(convert::artifact(&request.instance, &run.project, row));
    github.listed(outgoing, &request, artifact).await
}

pub async fn get(github: Arc<GitHub>, request: Request<ArtifactGet>) -> Result<Reply<ByteStream>, Failure> {
    let artifact = Numbered::read("artifact", &request.native)?;
    let (owner, name, number) = (&artifact.owner, &artifact.name, artifact.number());
    let parts = ["repos", owner, name, "actions", "artifacts", &number, "zip"];
    let opened = github.endpoint.open_stored(github.endpoint.get(&parts)?).await?;
    opened.file("application/zip")
}
