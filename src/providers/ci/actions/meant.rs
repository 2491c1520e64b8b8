//! Which run is meant: by its id, or by what its trigger has answered as pending.
//!
//! Invariant: nothing is asked of a run that has no id yet, and it is never guessed which it will be.

use std::future::Future;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;

use super::names::Numbered;
use super::pending::Pending;
use crate::catalogue::cicd::{RunResolve, RunResolveInput, Triggered};
use crate::catalogue::op::Op;
use crate::providers::ci;
use crate::providers::{Reply, Request};

/// The run that a request is about; `resolve` tells which one came of a trigger.
///
/// # Errors
/// `invalid_input` on `run`; what `resolve` fails with; `precondition_failed` while there is no run. Nothing else was sent.
pub async fn run<O: Op, F>(
    request: &Request<O>,
    resolve: impl FnOnce(Request<RunResolve>) -> F,
) -> Result<Numbered, Failure>
where
    F: Future<Output = Result<Reply<Triggered>, Failure>>,
{
    if Pending::read(&request.native).is_err() {
        return Numbered::read("run", &request.native);
    }
    let asking = request.asking(&request.native, RunResolveInput::default());
    let resolved = resolve(asking).await.map_err(Failure::never_sent)?;
    match resolved.value.run {
        Some(run) => Numbered::read("run", Resource::parse(&run.id).native()),
        None => Err(ci::not_begun().by(&request.instance)),
    }
}
