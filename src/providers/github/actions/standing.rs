//! Where one run stands: by its id, or by what its trigger has answered as pending; and waiting until it has ended.
//!
//! Invariant: what was asked for and has no id yet is told as one that waits, until its run is known.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::{GitHub, deployments, runs, trigger};
use crate::catalogue::cicd::{Run, RunGet, RunResolveInput, RunWait, Waited};
use crate::catalogue::op::Op;
use crate::providers::ci;
use crate::providers::ci::actions::{self, Numbered, Pending};
use crate::providers::{Reply, Request};

pub async fn get(github: Arc<GitHub>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    if Pending::read(&request.native).is_err() {
        return runs::get(github, request).await;
    }
    let asking = request.asking(&request.native, RunResolveInput::default());
    let triggered = trigger::resolve(github.clone(), asking).await?;
    let mut reply = ci::run_of(triggered, &request.instance, &request.native);
    deployments::tell(&github, &mut reply.value).await;
    Ok(reply)
}

/// The run that a request is about.
pub async fn run<O: Op>(github: &Arc<GitHub>, request: &Request<O>) -> Result<Numbered, Failure> {
    actions::run(request, |asking| trigger::resolve(github.clone(), asking)).await
}

pub async fn wait(github: Arc<GitHub>, request: Request<RunWait>) -> Result<Reply<Waited>, Failure> {
    ci::wait_for(&request, |asking| get(github.clone(), asking)).await
}
