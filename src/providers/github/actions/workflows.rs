//! The requests that list workflow files.
//!
//! Invariant: a workflow is named by its file where it has one, which stays the same wherever the repository goes.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::{GitHub, MOST, SIZE, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Pipeline, PipelineList};
use crate::providers::ci::actions;
use crate::providers::forge;
use crate::providers::github::lookup::named;
use crate::providers::{Reply, Request};

pub async fn list(github: Arc<GitHub>, request: Request<PipelineList>) -> Result<Reply<Page<Pipeline>>, Failure> {
    actions::of_a_project(request.input.project.as_ref())?;
    let (owner, name) = forge::project("project", &request.native)?;
    let outgoing = github.endpoint.get(&["repos", owner, name, "actions", "workflows"])?;
    let pipeline = |row| Some(convert::pipeline(&request.instance, &request.native, row));
    github.listed(outgoing, &request, pipeline).await
}

/// The only workflow of a project that can be started.
pub async fn only(github: &GitHub, owner: &str, name: &str) -> Result<String, Failure> {
    let outgoing = github.endpoint.get(&["repos", owner, name, "actions", "workflows"])?;
    let received = github.endpoint.send(outgoing.query(SIZE, MOST)).await?;
    let mut listed: wire::Listed = received.json()?;
    let rows = received.rows_of::<wire::Workflow>(&listed.rows(&received)?, false)?;
    let active = rows
        .into_iter()
        .map(|row| row.wire)
        .filter(|one| one.state.as_deref() == Some("active"));
    let files = active.filter_map(|one| convert::file(one.path.as_deref()?).map(str::to_owned));
    actions::only(files).map_err(|failure| received.blame(failure))
}

/// What it means that something of a workflow is not there: that the repository is not, or that the workflow is none of it.
pub async fn missing(github: &GitHub, (owner, name): (&str, &str), workflow: &str, failure: Failure) -> Failure {
    if failure.kind != Kind::NotFound || failure.field.is_some() {
        return failure;
    }
    // The failure of what is not there, where that is what was found out.
    let absent = async |parts: &[&str]| match github.endpoint.send(github.endpoint.get(parts)?).await {
        Ok(_) => Ok(None),
        Err(absent) if absent.kind == Kind::NotFound => Ok(Some(absent)),
        Err(failure) => Err(failure),
    };
    let looked = github.endpoint.look(async {
        // Where it is there, the right to start it is lacking.
        match absent(&["repos", owner, name, "actions", "workflows", workflow]).await? {
            Some(_) => Ok(Some(absent(&["repos", owner, name]).await?)),
            None => Ok(None),
        }
    });
    match looked.await.flatten() {
        Some(Some(absent)) => absent,
        Some(None) => named(failure.saying("pipeline is not there, or not shown to us"), "pipeline"),
        None => failure,
    }
}
