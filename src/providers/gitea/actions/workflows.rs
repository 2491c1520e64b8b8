//! The requests that list workflow files.
//!
//! Invariant: a workflow is its file's name, for every release.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::super::Gitea;
use super::super::version::Server;
use super::{convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Pipeline, PipelineList};
use crate::providers::ci::{self, actions};
use crate::providers::forge;
use crate::providers::{Reply, Request};

pub async fn list(gitea: Arc<Gitea>, request: Request<PipelineList>) -> Result<Reply<Page<Pipeline>>, Failure> {
    actions::of_a_project(request.input.project.as_ref())?;
    let (owner, name) = forge::project("project", &request.native)?;
    let page = pages::ROWS.page(&[], request.limit(), request.cursor())?;
    let received = gitea
        .endpoint
        .send(gitea.endpoint.get(&["repos", owner, name, "actions", "workflows"])?)
        .await?;
    // All of them come at once.
    let (rows, _) = pages::rows(&received, request.include_raw)?;
    let pipeline = |row| convert::pipeline(&request.instance, &request.native, row);
    let items = rows.into_iter().map(pipeline).collect();
    Ok(received.reply(ci::part(items, &pages::ROWS, &page)))
}

/// The only workflow of a project that can be started.
pub async fn only(gitea: &Gitea, owner: &str, name: &str) -> Result<String, Failure> {
    if matches!(gitea.server().await, Server::Forgejo(_)) {
        let sentence = "pipeline is required: this server lists none; the name of the workflow's file is its key";
        return Err(Failure::invalid("pipeline", sentence));
    }
    let parts = ["repos", owner, name, "actions", "workflows"];
    let received = gitea.endpoint.send(gitea.endpoint.get(&parts)?).await?;
    let (rows, _) = pages::rows::<wire::Workflow>(&received, false)?;
    let active = rows
        .into_iter()
        .filter(|row| row.wire.state.as_deref() == Some("active"));
    actions::only(active.map(|row| row.wire.id)).map_err(|failure| received.blame(failure))
}

/// Whether a project has a workflow of this key; of a server that lists none it is not known, and taken for granted.
pub async fn has(gitea: &Gitea, owner: &str, name: &str, key: &str) -> Result<bool, Failure> {
    if matches!(gitea.server().await, Server::Forgejo(_)) {
        return Ok(true);
    }
    let parts = ["repos", owner, name, "actions", "workflows"];
    let received = gitea.endpoint.send(gitea.endpoint.get(&parts)?).await?;
    let (rows, _) = pages::rows::<wire::Workflow>(&received, false)?;
    Ok(rows.iter().any(|row| row.wire.id == key))
}
