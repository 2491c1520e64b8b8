//! Runs that wait for the reviewers of a deployment (HA11): what they wait for, and the request that approves it.
//!
//! Invariant: only what our credential may review is approved; and where a run stands is read before a refusal is told.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};

use super::{GitHub, convert, parts, wire};
use crate::catalogue::cicd::{Run, RunStatus};
use crate::providers::ci;
use crate::providers::ci::actions::{Numbered, state};
use crate::providers::http::Received;

/// GitHub's word for a run that waits so.
pub const WAITING: &str = "waiting";
/// Below a run: the deployments that it waits for.
const PENDING: &[&str] = &["pending_deployments"];

/// What a run waits for that waits so; of another nothing is asked.
pub async fn tell(github: &GitHub, run: &mut Run) {
    let waits = run.status == RunStatus::Blocked && run.raw_status == WAITING;
    let Some(numbered) = waits.then(|| numbered(run)).flatten() else {
        return;
    };
    let read = github.endpoint.look(pending(github, &numbered)).await;
    run.waits_for = read.into_iter().flatten().map(convert::awaited).collect();
}

/// How a run is asked for that was told.
fn numbered(run: &Run) -> Option<Numbered> {
    Numbered::read("run", Resource::parse(&run.id).native()).ok()
}

async fn pending(github: &GitHub, run: &Numbered) -> Result<Vec<wire::PendingDeployment>, Failure> {
    let received = github.endpoint.send(github.below(run, PENDING)?).await?;
    let rows = received.rows::<wire::PendingDeployment>(false)?;
    Ok(rows.into_iter().map(|row| row.wire).collect())
}

/// Approves the deployments that a run waits for, as far as that is ours.
///
/// # Errors
/// `precondition_failed` where it waits for nobody; `forbidden` where it waits for others.
pub async fn approve(github: &GitHub, instance: &Arc<str>, run: &Numbered) -> Result<Received, Failure> {
    let waits = pending(github, run).await.map_err(Failure::never_sent)?;
    let ours: Vec<u64> = waits
        .iter()
        .filter(|one| one.current_user_can_approve != Some(false))
        .filter_map(|one| one.environment.id)
        .collect();
    if ours.is_empty() {
        return Err(not_ours(&waits).by(instance));
    }
    let body = wire::DeploymentReview {
        environment_ids: &ours,
        state: "approved",
        comment: "Approved",
    };
    let outgoing = github.endpoint.post(&parts(run, &run.number(), PENDING), &body)?;
    github
        .endpoint
        .send(outgoing)
        .await
        .map_err(|failure| match failure.kind {
            Kind::InvalidInput | Kind::Conflict => state("the run waits for our approval no more", &failure),
            _ => failure,
        })
}

/// Why there is nothing for us to approve.
fn not_ours(waits: &[wire::PendingDeployment]) -> Failure {
    let is_reviewed = |one: &&wire::PendingDeployment| one.reviewers.as_ref().is_some_and(|all| !all.is_empty());
    let reviewed = waits.iter().filter(is_reviewed);
    let names = ci::listed(reviewed.map(|one| one.environment.name.as_deref().unwrap_or_default()));
    let (kind, sentence) = match (waits, &*names) {
        ([], _) => (
            Kind::PreconditionFailed,
            "the run waits for nobody's approval".to_owned(),
        ),
        (_, "") => (
            Kind::PreconditionFailed,
            "the run waits for its environment's timer, and for nobody's approval".to_owned(),
        ),
        (_, names) => (
            Kind::Forbidden,
            format!("the run waits for the reviewers of {names}, and our credential is none of theirs"),
        ),
    };
    Failure::new(kind, sentence).never_sent()
}
