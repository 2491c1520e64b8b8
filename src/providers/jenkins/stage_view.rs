//! What the stage view, a plugin, tells of a pipeline's builds: which of them wait for somebody's input, and for what.
//!
//! Invariant: where the plugin is not, a build runs, and that is remembered for a while; no list costs more than one
//! question beside it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::names::Build;
use super::{Jenkins, convert, wire};
use crate::catalogue::cicd::{Run, RunStatus};
use crate::providers::http::{Received, Row};

/// How the class of a pipeline's build ends: those of no other job have stages, and wait for nobody.
const PIPELINE: &str = "WorkflowRun";
/// The stage view's word for a build that waits for somebody's input (J15).
const PAUSED: &str = "PAUSED_PENDING_INPUT";

/// How long the stage view is not asked for again that was not there.
const ABSENT: Duration = Duration::from_secs(300);

/// When the stage view was last seen not to be there; a race costs one question more.
#[derive(Default)]
pub struct StageView(Mutex<Option<Instant>>);

impl StageView {
    fn missing(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_absent(&self) -> bool {
        self.missing().is_some_and(|at| at.elapsed() < ABSENT)
    }

    fn is_missed(&self) {
        *self.missing() = Some(Instant::now());
    }
}

/// Whether a build may wait for somebody's input.
pub fn may_wait(build: &wire::Build) -> bool {
    build.class.ends_with(PIPELINE)
}

/// A build as it stands: one of a pipeline may wait for somebody's input, which the stage view alone tells.
pub async fn standing(jenkins: &Jenkins, instance: &Arc<str>, build: &Build<'_>, row: Row<wire::Build>) -> Run {
    let asked = may_wait(&row.wire);
    let mut run = convert::run(instance, build.project, row);
    if run.status != RunStatus::Running || !asked {
        return run;
    }
    let described: Option<wire::Described> = look(jenkins, &build.parts(&["wfapi", "describe"]), None).await;
    if let Some(described) = described.filter(|described| described.status == PAUSED) {
        (run.status, run.raw_status) = (RunStatus::Blocked, described.status);
        let asked = jenkins.endpoint.look(pending(jenkins, build)).await;
        run.waits_for = asked.into_iter().flatten().map(convert::awaited).collect();
    }
    run
}

/// Tells of the builds of a job that run which of them wait. The stage view tells of the last ones only, eleven unless it
/// is set otherwise: an older one that still runs is told as running.
pub async fn mark(jenkins: &Jenkins, job: &[&str], runs: &mut [Run]) {
    let mut running: Vec<&mut Run> = runs.iter_mut().filter(|run| run.status == RunStatus::Running).collect();
    // Nothing is told of what is older than the last of them.
    let oldest = running.iter().filter_map(|run| run.number).min();
    let since = oldest.map(|number| format!("#{number}"));
    let parts = [job, &["wfapi", "runs"]].concat();
    let described: Option<Vec<wire::Described>> = look(jenkins, &parts, since.as_deref()).await;
    for described in described.unwrap_or_default() {
        let waits = |run: &&mut &mut Run| run.number.is_some_and(|number| number.to_string() == described.id);
        if described.status == PAUSED
            && let Some(run) = running.iter_mut().find(waits)
        {
            (run.status, run.raw_status) = (RunStatus::Blocked, described.status.clone());
        }
    }
}

/// What the stage view tells there; none where it is not, or cannot be read soon.
async fn look<T: DeserializeOwned>(jenkins: &Jenkins, parts: &[&str], since: Option<&str>) -> Option<T> {
    if jenkins.stage_view.is_absent() {
        return None;
    }
    let read = async {
        let told = ask(jenkins, parts, since).await;
        if told.as_ref().is_err_and(|failure| failure.kind == Kind::NotFound) {
            jenkins.stage_view.is_missed();
        }
        told?.json()
    };
    jenkins.endpoint.look(read).await
}

async fn ask(jenkins: &Jenkins, parts: &[&str], since: Option<&str>) -> Result<Received, Failure> {
    jenkins
        .endpoint
        .send(jenkins.endpoint.get(parts)?.query_if("since", since))
        .await
}

/// What a build waits for (J17).
///
/// # Errors
/// What the request fails with; `unsupported` where the plugin is not there. The build is.
pub async fn pending(jenkins: &Jenkins, build: &Build<'_>) -> Result<Vec<wire::Input>, Failure> {
    let parts = build.parts(&["wfapi", "pendingInputActions"]);
    let told = ask(jenkins, &parts, None).await.map_err(|failure| match failure.kind {
        Kind::NotFound => {
            let sentence =
                "nothing tells what this build waits for: it is no pipeline's, or Jenkins lacks the stage view, a plugin";
            let mut lacking = Failure::new(Kind::Unsupported, sentence);
            lacking.provider.clone_from(&failure.provider);
            lacking
        }
        _ => failure,
    })?;
    told.json()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn j15_that_the_stage_view_is_not_there_is_remembered_for_a_while() {
        let view = StageView::default();
        assert!(!view.is_absent());
        view.is_missed();
        advance(ABSENT - Duration::from_secs(1)).await;
        assert!(view.is_absent());
        advance(Duration::from_secs(1)).await;
        assert!(!view.is_absent());
    }
}
