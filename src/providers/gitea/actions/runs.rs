//! The requests that read runs.
//!
//! Invariant: a page holds only rows that the filters let through: some servers overlook some of them.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::super::Gitea;
use super::super::version::Server;
use super::{convert, pages, workflows};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Run, RunGet, RunList};
use crate::providers::ci::actions::{Numbered, pipeline};
use crate::providers::forge;
use crate::providers::http::Received;
use crate::providers::{Reply, Request};

pub async fn list(gitea: Arc<Gitea>, request: Request<RunList>) -> Result<Reply<Page<Run>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let key = input
        .pipeline
        .as_deref()
        .map(|text| pipeline(&request.native, text))
        .transpose()?;
    let word = match input.status {
        Some(status) => convert::status_word(matches!(gitea.server().await, Server::Forgejo(_)), status),
        None => None,
    };
    let filters = [
        ("branch", input.branch.as_deref()),
        ("event", input.event.as_deref()),
        ("status", word),
    ];
    let filters: Vec<_> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let run = |row| {
        let run = convert::run(&request.instance, &request.native, row);
        let wanted = key.is_none_or(|key| run.pipeline.as_deref() == Some(key))
            && input
                .branch
                .as_deref()
                .is_none_or(|branch| run.branch.as_deref() == Some(branch))
            && input
                .event
                .as_deref()
                .is_none_or(|event| run.event.as_deref() == Some(event))
            && input.status.is_none_or(|status| run.status == status);
        wanted.then_some(run)
    };
    let parts = ["repos", owner, name, "actions", "runs"];
    let mut reply = pages::list(&gitea, &parts, &filters, false, &request, run).await?;
    // A server that knows no such workflow tells of no runs.
    let nothing = reply.value.items.is_empty() && !reply.value.has_more && request.cursor().is_none();
    if let Some(key) = key.filter(|_| nothing)
        && gitea.endpoint.look(workflows::has(&gitea, owner, name, key)).await == Some(false)
    {
        let mut failure = Failure::new(Kind::NotFound, "pipeline is not there, or not shown to us");
        failure.field = Some("pipeline".into());
        return Err(failure.by(&request.instance));
    }
    if key.is_some() || !filters.is_empty() {
        // It may count what was left out here, too.
        reply.value.total = None;
    }
    Ok(reply)
}

pub async fn get(gitea: Arc<Gitea>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    let run = Numbered::read("run", &request.native)?;
    let received = read(&gitea, &run).await?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::run(&request.instance, &run.project, row)))
}

/// Asks for a run.
pub async fn read(gitea: &Gitea, run: &Numbered) -> Result<Received, Failure> {
    gitea.endpoint.send(gitea.below(run, &[])?).await
}
