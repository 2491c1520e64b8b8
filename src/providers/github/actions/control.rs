//! The requests that end runs, do them again, let them go on and delete them.
//!
//! Invariant: GitHub forbids by one status what the credential may not do and what the run's state does not allow, so the
//! run is read before a refusal is told.

use std::sync::Arc;

use futures_util::future::OptionFuture;
use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::super::refuse;
use super::trigger::begun;
use super::{GitHub, convert, deployments, parts, runs, standing};
use crate::catalogue::cicd::{
    LogDelete, OrderOutcome, Ordered, Run, RunApprove, RunCancel, RunDelete, RunRerun, RunRerunFailed, Triggered,
};
use crate::catalogue::outcome::Deleted;
use crate::providers::ci;
use crate::providers::ci::actions::{Numbered, Pending, started, state};
use crate::providers::http::Received;
use crate::providers::{Reply, Request};

pub async fn cancel(github: Arc<GitHub>, request: Request<RunCancel>) -> Result<Reply<Ordered>, Failure> {
    let run = standing::run(&github, &request).await?;
    let how = match request.input.force {
        Some(true) => "force-cancel",
        Some(false) | None => "cancel",
    };
    let received = order(&github, &run, how).await.map_err(|failure| match failure.kind {
        Kind::Conflict => state("the run has ended already, or cannot be ended (status 409)", &failure),
        _ => failure,
    })?;
    // Of one that the caller has no id of it is told which it was.
    let asked = Pending::read(&request.native).is_ok();
    let told = async { begun(&github, &request.instance, &run, request.include_raw).await };
    let run = OptionFuture::from(asked.then_some(told)).await;
    // It may take minutes until it has ended.
    Ok(received.reply(Ordered {
        outcome: OrderOutcome::Requested,
        run,
        about: vec![],
    }))
}

pub async fn rerun(github: Arc<GitHub>, request: Request<RunRerun>) -> Result<Reply<Triggered>, Failure> {
    again(&github, &request, "rerun").await
}

pub async fn rerun_failed(github: Arc<GitHub>, request: Request<RunRerunFailed>) -> Result<Reply<Triggered>, Failure> {
    again(&github, &request, "rerun-failed-jobs").await
}

/// The run keeps its id, and has one attempt more.
async fn again<O: crate::catalogue::op::Op>(
    github: &Arc<GitHub>,
    request: &Request<O>,
    how: &str,
) -> Result<Reply<Triggered>, Failure> {
    let run = standing::run(github, request).await?;
    let received = order(github, &run, how).await.map_err(|failure| {
        // HA10. A right that is lacking GitHub names, and an archived repository, too.
        match failure.kind == Kind::Conflict || refuse::is_unexplained(&failure) {
            true => {
                let sentence = "the run cannot be run again: it has not ended, is older than 30 days, was run 50 times \
                    or its workflow file is broken; or our credential may not";
                state(sentence, &failure)
            }
            false => failure,
        }
    })?;
    let run = begun(github, &request.instance, &run, request.include_raw).await;
    Ok(started(&received, run))
}

pub async fn approve(github: Arc<GitHub>, request: Request<RunApprove>) -> Result<Reply<Ordered>, Failure> {
    ci::plain(&request.input)?;
    let run = standing::run(&github, &request).await?;
    let outcome = OrderOutcome::Done;
    let refusal = match order(&github, &run, "approve").await {
        Ok(received) => {
            let about = vec![run.tag()];
            let run = None;
            return Ok(received.reply(Ordered { outcome, run, about }));
        }
        Err(failure) if matches!(failure.kind, Kind::Forbidden | Kind::Conflict) => failure,
        Err(failure) => return Err(failure),
    };
    let now = stands(&github, &request.instance, &run, refusal.clone()).await?;
    match &*now.raw_status {
        "action_required" => Err(refusal),
        // HA11. It is no fork's, and waits for others.
        deployments::WAITING => {
            let received = deployments::approve(&github, &request.instance, &run).await?;
            let mut left = begun(&github, &request.instance, &run, request.include_raw).await;
            deployments::tell(&github, &mut left).await;
            Ok(received.reply(Ordered {
                outcome,
                run: Some(left),
                about: vec![],
            }))
        }
        _ => Err(state("the run waits for nobody's approval", &refusal)),
    }
}

pub async fn delete(github: Arc<GitHub>, request: Request<RunDelete>) -> Result<Reply<Deleted>, Failure> {
    let run = standing::run(&github, &request).await?;
    remove(&github, &request.instance, &run, &[]).await
}

pub async fn log_delete(github: Arc<GitHub>, request: Request<LogDelete>) -> Result<Reply<Deleted>, Failure> {
    let run = standing::run(&github, &request).await?;
    remove(&github, &request.instance, &run, &["logs"]).await
}

async fn remove(
    github: &GitHub,
    instance: &Arc<str>,
    run: &Numbered,
    rest: &[&str],
) -> Result<Reply<Deleted>, Failure> {
    let outgoing = github.endpoint.delete(&parts(run, &run.number(), rest))?;
    match github.endpoint.send(outgoing).await {
        Ok(received) => Ok(received.reply(Deleted::of(run.tag()))),
        Err(failure) if matches!(failure.kind, Kind::Forbidden | Kind::Conflict) => {
            let now = stands(github, instance, run, failure.clone()).await?;
            Err(match now.status.has_ended() {
                true => failure,
                false => state("the run has not ended yet", &failure),
            })
        }
        Err(failure) => Err(failure),
    }
}

async fn order(github: &GitHub, run: &Numbered, how: &str) -> Result<Received, Failure> {
    let outgoing = github.endpoint.bare(Method::POST, &parts(run, &run.number(), &[how]))?;
    github.endpoint.send(outgoing).await
}

/// The run as it stands; where it cannot be read, `refusal` remains.
async fn stands(github: &GitHub, instance: &str, run: &Numbered, refusal: Failure) -> Result<Run, Failure> {
    let read = async { runs::read(github, run).await?.row(false) };
    let row = read.await.map_err(|_| refusal)?;
    Ok(convert::run(instance, &run.project, row))
}
