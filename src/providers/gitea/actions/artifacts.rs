//! The requests about what runs left behind.
//!
//! Invariant: an archive is streamed from wherever the server keeps it, and never held whole.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use mosaic_actors::stream::ByteStream;

use super::super::Gitea;
use super::{convert, pages, parts, standing};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Artifact, ArtifactGet, ArtifactList};
use crate::providers::ci::actions::Numbered;
use crate::providers::{Reply, Request};

pub async fn list(gitea: Arc<Gitea>, request: Request<ArtifactList>) -> Result<Reply<Page<Artifact>>, Failure> {
    let run = standing::run(&gitea, &request).await?;
    let number = run.number();
    let artifact = |row| Some(convert::artifact(&request.instance, &run.project, row));
    pages::list(
        &gitea,
        &parts(&run, &number, &["artifacts"]),
        &[],
        true,
        &request,
        artifact,
    )
    .await
}

pub async fn get(gitea: Arc<Gitea>, request: Request<ArtifactGet>) -> Result<Reply<ByteStream>, Failure> {
    let artifact = Numbered::read("artifact", &request.native)?;
    let (owner, name, number) = (&artifact.owner, &artifact.name, artifact.number());
    let parts = ["repos", owner, name, "actions", "artifacts", &number, "zip"];
    let outgoing = gitea.endpoint.get(&parts)?.accept("*/*");
    gitea.endpoint.open_stored(outgoing).await?.file("application/zip")
}
