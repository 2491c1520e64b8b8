//! The requests that end runs, do them again, approve and delete them.
//!
//! Invariant: what Woodpecker refuses for where a run stands is a conflict, and no mistake of the caller's.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::names::numbered;
use super::runs::{pipeline, triggered};
use super::{Woodpecker, convert, wire};
use crate::catalogue::cicd::{
    LogDelete, OrderOutcome, Ordered, Run, RunApprove, RunCancel, RunDelete, RunRerun, Triggered,
};
use crate::catalogue::outcome::Deleted;
use crate::providers::ci;
use crate::providers::http::{Received, Row, behind};
use crate::providers::{Reply, Request};

/// Woodpecker sets the run's word at once, while its agents still stop what runs: where it stands is read behind the order.
pub async fn cancel(woodpecker: Arc<Woodpecker>, request: Request<RunCancel>) -> Result<Reply<Ordered>, Failure> {
    let (project, number) = numbered(&request.native)?;
    if request.input.force == Some(true) {
        let sentence = "this provider knows one way to end a run, and no stronger one";
        return Err(Failure::unsupported_field("force", sentence).never_sent());
    }
    let ordered = order(&woodpecker, project, number, Some("cancel"))
        .await
        .map_err(|failure| refused(failure, "the run has ended already"))?;
    let read = stands(&woodpecker, &request, project, number);
    let (outcome, run) = match behind(&request.instance, read).await {
        Some((outcome, run)) => (outcome, Some(run)),
        // What was ordered is ordered.
        None => (OrderOutcome::Requested, None),
    };
    Ok(ordered.reply(Ordered {
        outcome,
        run,
        about: vec![],
    }))
}

async fn stands(
    woodpecker: &Woodpecker,
    request: &Request<RunCancel>,
    project: &str,
    number: u64,
) -> Result<(OrderOutcome, Run), Failure> {
    let row: Row<wire::Pipeline> = pipeline(woodpecker, project, number).await?.row(request.include_raw)?;
    let outcome = match convert::at_rest(&row.wire) {
        true => OrderOutcome::Done,
        false => OrderOutcome::Requested,
    };
    Ok((outcome, convert::run(&request.instance, project, row)))
}

/// A restart is a run of its own. Nothing may stand in its query: it would become a variable of the run.
pub async fn rerun(woodpecker: Arc<Woodpecker>, request: Request<RunRerun>) -> Result<Reply<Triggered>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let received = order(&woodpecker, project, number, None)
        .await
        .map_err(|failure| refused(failure, "the run waits for its approval, or was declined"))?;
    triggered(&received, &request, project)
}

pub async fn approve(woodpecker: Arc<Woodpecker>, request: Request<RunApprove>) -> Result<Reply<Ordered>, Failure> {
    let (project, number) = numbered(&request.native)?;
    ci::plain(&request.input)?;
    let received = order(&woodpecker, project, number, Some("approve"))
        .await
        .map_err(|failure| refused(failure, "the run does not wait for an approval"))?;
    let run = match received.bytes().is_empty() {
        true => None,
        false => Some(convert::run(
            &request.instance,
            project,
            received.row(request.include_raw)?,
        )),
    };
    let outcome = OrderOutcome::Done;
    Ok(received.reply(Ordered {
        outcome,
        run,
        about: vec![],
    }))
}

pub async fn delete(woodpecker: Arc<Woodpecker>, request: Request<RunDelete>) -> Result<Reply<Deleted>, Failure> {
    remove(&woodpecker, &request.native, "pipelines").await
}

pub async fn log_delete(woodpecker: Arc<Woodpecker>, request: Request<LogDelete>) -> Result<Reply<Deleted>, Failure> {
    remove(&woodpecker, &request.native, "logs").await
}

async fn remove(woodpecker: &Woodpecker, run: &str, what: &str) -> Result<Reply<Deleted>, Failure> {
    let (project, number) = numbered(run)?;
    let number = number.to_string();
    let received = woodpecker
        .in_repo(project, |id| woodpecker.endpoint.delete(&["repos", id, what, &number]))
        .await
        .map_err(|failure| refused(failure, "the run has not ended yet"))?;
    Ok(received.reply(Deleted::done()))
}

/// A `POST` without a body to a run, or to what is below it.
async fn order(woodpecker: &Woodpecker, project: &str, number: u64, what: Option<&str>) -> Result<Received, Failure> {
    let number = number.to_string();
    let ask = |id: &str| {
        let mut parts = vec!["repos", id, "pipelines", &number];
        parts.extend(what);
        woodpecker.endpoint.bare(Method::POST, &parts)
    };
    woodpecker.in_repo(project, ask).await
}

/// A refusal as wrong (400, 422) of a request that says nothing but which run is meant.
fn refused(failure: Failure, sentence: &str) -> Failure {
    if failure.kind != Kind::InvalidInput || failure.unsent {
        return failure;
    }
    let mut refusal = Failure::new(Kind::PreconditionFailed, sentence);
    (refusal.provider, refusal.unbilled) = (failure.provider, failure.unbilled);
    refusal
}
