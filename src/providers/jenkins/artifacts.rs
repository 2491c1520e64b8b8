//! The requests about what builds left behind.
//!
//! Invariant: a file is streamed; where Jenkins keeps it elsewhere, our credential does not go there.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use mosaic_actors::stream::ByteStream;

use super::jobs::ROWS;
use super::names::{self, Build};
use super::{Jenkins, convert, standing, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Artifact, ArtifactGet, ArtifactList};
use crate::providers::ci;
use crate::providers::{Reply, Request};
use crate::wire::file;

/// Jenkins gives all of them at once.
pub async fn list(jenkins: Arc<Jenkins>, request: Request<ArtifactList>) -> Result<Reply<Page<Artifact>>, Failure> {
    let native = standing::native(&jenkins, &request).await?;
    let build = Build::named("run", &native)?;
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    let received = jenkins
        .endpoint
        .send(jenkins.tell(&build.parts(&[]), wire::ARTIFACTS)?)
        .await?;
    let found: wire::Artifacts = received.json()?;
    let rows = received.rows_of(&found.artifacts.unwrap_or_default(), request.include_raw)?;
    let items = rows
        .into_iter()
        .map(|row| convert::artifact(&request.instance, &build, row))
        .collect();
    Ok(received.reply(ci::part(items, &ROWS, &page)))
}

pub async fn get(jenkins: Arc<Jenkins>, request: Request<ArtifactGet>) -> Result<Reply<ByteStream>, Failure> {
    let (build, path) = names::artifact(&request.native)?;
    let name = path.last().copied().unwrap_or_default();
    let below = [&["artifact"], &path[..]].concat();
    let opened = jenkins
        .endpoint
        .open_stored(jenkins.endpoint.get(&build.parts(&below))?)
        .await?;
    let media_type = file::media_type(name);
    // A file may be a page by its name; of another, a page is somebody's word in its place.
    let page = &*media_type == "text/html";
    let mut reply = opened.file(if page { "text/html" } else { "application/octet-stream" })?;
    reply.value.media_type = media_type;
    reply.value.name.get_or_insert_with(|| Arc::from(name));
    Ok(reply)
}
