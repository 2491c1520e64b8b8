//! The requests that read builds.
//!
//! Invariant: what is to be told is named in each request: Jenkins tells all of everything otherwise.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use tokio::time::Instant;

use super::jobs::{ROWS, cut, range};
use super::names::{self, Build};
use super::{Jenkins, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Run, RunGet, RunList, RunStatus};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// Builds that a job tells of without looking further back.
const RECENT: u64 = 100;

pub async fn list(jenkins: Arc<Jenkins>, request: Request<RunList>) -> Result<Reply<Page<Run>>, Failure> {
    let parts = names::job("project", &request.native)?;
    let input = &request.input;
    for (field, given) in [
        ("pipeline", input.pipeline.is_some()),
        ("branch", input.branch.is_some()),
        ("status", input.status.is_some()),
        ("event", input.event.is_some()),
    ] {
        if given {
            let sentence = format!("this provider lists all builds of a job and cannot be asked for some by {field}");
            return Err(Failure::unsupported_field(field, sentence).never_sent());
        }
    }
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    // The whole history is named apart: to go through it costs Jenkins much.
    let all = page.number.saturating_mul(page.size) >= RECENT;
    let history = if all { "allBuilds" } else { "builds" };
    let tree = format!("{history}[{}]{}", wire::BUILD, range(&page));
    let received = jenkins.endpoint.send(jenkins.tell(&parts, &tree)?).await?;
    let below: wire::Below = received.json()?;
    let Some(builds) = below.all_builds.or(below.builds) else {
        return Err(received.blame(Failure::invalid(
            "project",
            "project holds jobs, and is none that is built",
        )));
    };
    let (builds, next) = cut(builds, &page);
    let rows = received.rows_of(&builds, request.include_raw)?;
    let items = rows
        .into_iter()
        .map(|row| convert::run(&request.instance, &request.native, row))
        .collect();
    Ok(received.reply(Page::new(items, next)))
}

pub async fn get(jenkins: Arc<Jenkins>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    let build = Build::named("run", &request.native)?;
    let received = read(&jenkins, &build).await?;
    let row = received.row(request.include_raw)?;
    let run = standing(&jenkins, &request.instance, &build, row).await;
    Ok(received.reply(run))
}

/// The class of a build that is no pipeline's, and waits for nobody.
const PLAIN: &str = "hudson.model.FreeStyleBuild";
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

/// A build as it stands: one of a pipeline may wait for somebody's input, which the stage view alone tells. Where that
/// plugin is not, the build runs.
async fn standing(jenkins: &Jenkins, instance: &Arc<str>, build: &Build<'_>, row: Row<wire::Build>) -> Run {
    let may_wait = !row.wire.class.is_empty() && row.wire.class != PLAIN;
    let mut run = convert::run(instance, build.project, row);
    if run.status != RunStatus::Running || !may_wait || jenkins.stage_view.is_absent() {
        return run;
    }
    let described = jenkins.endpoint.look(async {
        let outgoing = jenkins.endpoint.get(&build.parts(&["wfapi", "describe"]))?;
        let sent = jenkins.endpoint.send(outgoing).await;
        if sent.as_ref().is_err_and(|failure| failure.kind == Kind::NotFound) {
            jenkins.stage_view.is_missed();
        }
        sent?.json::<wire::Described>()
    });
    if let Some(described) = described.await.filter(|described| described.status == PAUSED) {
        (run.status, run.raw_status) = (RunStatus::Blocked, described.status);
    }
    run
}

/// Asks for a build.
pub async fn read(jenkins: &Jenkins, build: &Build<'_>) -> Result<Received, Failure> {
    jenkins
        .endpoint
        .send(jenkins.tell(&build.parts(&[]), wire::BUILD)?)
        .await
}

/// Asks for a build, of which no more than the neutral form is wanted.
pub async fn run(jenkins: &Jenkins, instance: &str, build: &Build<'_>) -> Result<Run, Failure> {
    let received = read(jenkins, build).await?;
    Ok(convert::run(instance, build.project, received.row(false)?))
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
