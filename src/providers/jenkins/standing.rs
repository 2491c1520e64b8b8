//! Where one run stands: by its id, or by what its trigger has answered as pending; and waiting until it has ended.
//!
//! Invariant: what was asked for and has no id yet is told as one that waits, until its run is known.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;

use super::{Jenkins, builds, names, queue};
use crate::catalogue::cicd::{Run, RunGet, RunGetInput, RunResolveInput, RunWait, Waited};
use crate::catalogue::op::Op;
use crate::providers::ci;
use crate::providers::{Reply, Request};

pub async fn get(jenkins: Arc<Jenkins>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    if names::waiting(&request.native).is_none() {
        return builds::get(jenkins, request).await;
    }
    let asking = request.asking(&request.native, RunResolveInput::default());
    let triggered = queue::resolve(jenkins.clone(), asking).await?;
    match &triggered.value.run {
        // The queue tells which it is, and not how it stands.
        Some(run) => {
            let native = Resource::parse(&run.id).native().clone();
            builds::get(jenkins, request.asking(&native, RunGetInput::default())).await
        }
        None => Ok(ci::run_of(triggered, &request.instance, &request.native)),
    }
}

/// The build that a request is about, as it is named: of what waits in the queue, the one that came of it.
///
/// # Errors
/// What the queue fails with; `precondition_failed` while there is none. Nothing else was sent.
pub async fn native<O: Op>(jenkins: &Arc<Jenkins>, request: &Request<O>) -> Result<Arc<str>, Failure> {
    if names::waiting(&request.native).is_none() {
        return Ok(request.native.clone());
    }
    let asking = request.asking(&request.native, RunResolveInput::default());
    let resolved = queue::resolve(jenkins.clone(), asking)
        .await
        .map_err(Failure::never_sent)?;
    match resolved.value.run {
        Some(run) => Ok(Resource::parse(&run.id).native().clone()),
        None => Err(ci::not_begun().by(&request.instance)),
    }
}

pub async fn wait(jenkins: Arc<Jenkins>, request: Request<RunWait>) -> Result<Reply<Waited>, Failure> {
    ci::wait_for(&request, |asking| get(jenkins.clone(), asking)).await
}
