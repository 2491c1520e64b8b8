//! The requests that read builds.
//!
//! Invariant: what is to be told is named in each request: Jenkins tells all of everything otherwise.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::jobs::{ROWS, cut, range};
use super::names::{self, Build};
use super::stage_view::{mark, may_wait, standing};
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
    let mut waits = false;
    let told = |row: Row<wire::Build>| {
        let pipeline = may_wait(&row.wire);
        let run = convert::run(&request.instance, &request.native, row);
        waits |= pipeline && run.status == RunStatus::Running;
        run
    };
    let mut items: Vec<Run> = rows.into_iter().map(told).collect();
    if waits {
        mark(&jenkins, &parts, &mut items).await;
    }
    Ok(received.reply(Page::new(items, next)))
}

pub async fn get(jenkins: Arc<Jenkins>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    let build = Build::named("run", &request.native)?;
    let received = read(&jenkins, &build).await?;
    let row = received.row(request.include_raw)?;
    let run = standing(&jenkins, &request.instance, &build, row).await;
    Ok(received.reply(run))
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
