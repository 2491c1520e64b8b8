//! The requests that end builds and delete them.
//!
//! Invariant: Jenkins answers an order with a redirect whether it does something or not, so where a build stands is read
//! before, and behind it.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::names::{self, Build};
use super::{Jenkins, builds, queue, standing};
use crate::catalogue::cicd::{OrderOutcome, Ordered, RunCancel, RunDelete, tag_of_run};
use crate::catalogue::outcome::Deleted;
use crate::providers::http::behind;
use crate::providers::{Reply, Request};

pub async fn cancel(jenkins: Arc<Jenkins>, request: Request<RunCancel>) -> Result<Reply<Ordered>, Failure> {
    if let Some((project, item)) = names::waiting(&request.native)
        && queue::waits(&jenkins, project, item)
            .await
            .map_err(Failure::never_sent)?
    {
        return unqueue(&jenkins, item).await;
    }
    let native = standing::native(&jenkins, &request).await?;
    let build = Build::named("run", &native)?;
    let run = builds::run(&jenkins, &request.instance, &build).await?;
    if run.status.has_ended() {
        return Err(Failure::new(Kind::PreconditionFailed, "the run has ended already").by(&request.instance));
    }
    let force = request.input.force == Some(true);
    let how = if force { "kill" } else { "stop" };
    let outgoing = jenkins.endpoint.bare(Method::POST, &build.parts(&[how]))?;
    let (_, received) = jenkins.order(outgoing).await.map_err(|failure| match failure.kind {
        // The build was there a moment ago.
        Kind::NotFound if force => {
            let sentence = "this job's builds know one way to be ended, and no stronger one";
            Failure::unsupported_field("force", sentence).by(&request.instance)
        }
        _ => failure,
    })?;
    // What was ordered is ordered.
    let run = behind(&request.instance, builds::run(&jenkins, &request.instance, &build)).await;
    let outcome = match run.as_ref().is_some_and(|run| run.status.has_ended()) {
        true => OrderOutcome::Done,
        false => OrderOutcome::Requested,
    };
    let about = vec![tag_of_run(&native)];
    Ok(received.reply(Ordered { outcome, run, about }))
}

/// Takes what waits out of the queue. Jenkins is told no more than its number, so whose that is by now was read before.
async fn unqueue(jenkins: &Jenkins, item: u64) -> Result<Reply<Ordered>, Failure> {
    let outgoing = jenkins.endpoint.bare(Method::POST, &["queue", "cancelItem"])?;
    let outgoing = outgoing.query("id", item.to_string());
    let (_, received) = jenkins.order(outgoing).await.map_err(|failure| match failure.kind {
        Kind::InvalidInput => queue::gone(&failure),
        _ => failure,
    })?;
    Ok(received.reply(Ordered {
        outcome: OrderOutcome::Done,
        run: None,
        about: vec![],
    }))
}

pub async fn delete(jenkins: Arc<Jenkins>, request: Request<RunDelete>) -> Result<Reply<Deleted>, Failure> {
    let native = standing::native(&jenkins, &request).await?;
    let build = Build::named("run", &native)?;
    let run = builds::run(&jenkins, &request.instance, &build).await?;
    if !run.status.has_ended() {
        return Err(Failure::new(Kind::PreconditionFailed, "the run has not ended yet").by(&request.instance));
    }
    let outgoing = jenkins.endpoint.bare(Method::POST, &build.parts(&["doDelete"]))?;
    let (_, received) = jenkins.order(outgoing).await?;
    Ok(received.reply(Deleted::of(tag_of_run(&native))))
}
