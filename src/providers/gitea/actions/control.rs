//! The requests that do runs again and delete them.
//!
//! Invariant: a refusal that a run's state explains is told as that.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::super::Gitea;
use super::trigger::begun;
use super::{convert, parts, runs, standing};
use crate::catalogue::cicd::{RunDelete, RunRerun, RunRerunFailed, Triggered};
use crate::catalogue::op::Op;
use crate::catalogue::outcome::Deleted;
use crate::providers::ci::actions::{started, state};
use crate::providers::{Reply, Request};

pub async fn rerun(gitea: Arc<Gitea>, request: Request<RunRerun>) -> Result<Reply<Triggered>, Failure> {
    again(&gitea, &request, "rerun").await
}

pub async fn rerun_failed(gitea: Arc<Gitea>, request: Request<RunRerunFailed>) -> Result<Reply<Triggered>, Failure> {
    again(&gitea, &request, "rerun-failed-jobs").await
}

/// The run keeps its id.
async fn again<O: Op>(gitea: &Arc<Gitea>, request: &Request<O>, how: &str) -> Result<Reply<Triggered>, Failure> {
    let run = standing::run(gitea, request).await?;
    let outgoing = gitea.endpoint.bare(Method::POST, &parts(&run, &run.number(), &[how]))?;
    let received = gitea
        .endpoint
        .send(outgoing)
        .await
        .map_err(|failure| match failure.kind {
            Kind::InvalidInput | Kind::Conflict => state(
                "the run cannot be run again: it has not ended yet, or its workflow is disabled",
                &failure,
            ),
            _ => failure,
        })?;
    let run = begun(gitea, &request.instance, &run, request.include_raw).await;
    Ok(started(&received, run))
}

pub async fn delete(gitea: Arc<Gitea>, request: Request<RunDelete>) -> Result<Reply<Deleted>, Failure> {
    let run = standing::run(&gitea, &request).await?;
    let outgoing = gitea.endpoint.delete(&parts(&run, &run.number(), &[]))?;
    match gitea.endpoint.send(outgoing).await {
        Ok(received) => Ok(received.reply(Deleted::of(run.tag()))),
        Err(failure) if matches!(failure.kind, Kind::InvalidInput | Kind::Conflict) => {
            Err(state("the run has not ended yet", &failure))
        }
        // Forgejo calls that a fault of its own.
        Err(failure) if failure.kind == Kind::UpstreamFailed => {
            let read = async { runs::read(&gitea, &run).await?.row(false) };
            let now = read.await.map_err(|_| failure.clone())?;
            let now = convert::run(&request.instance, &run.project, now);
            Err(match now.status.has_ended() {
                true => failure,
                false => state("the run has not ended yet", &failure),
            })
        }
        Err(failure) => Err(failure),
    }
}
