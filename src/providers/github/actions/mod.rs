//! GitHub Actions: workflow files, their runs, jobs, logs and artifacts.
//!
//! Invariant: a run is named by `owner/name#id`, the id being GitHub's own; its number is counted within its workflow and
//! names nothing.

mod artifacts;
mod control;
mod convert;
mod deployments;
mod jobs;
mod logs;
mod runs;
mod secrets;
mod standing;
mod trigger;
mod wire;
mod workflows;

use mosaic_actors::error::Failure;

use super::GitHub;
use crate::catalogue::Page;
use crate::catalogue::cicd;
use crate::catalogue::op::{Op, Paged};
use crate::providers::ci::actions::Numbered;
use crate::providers::http::{Outgoing, Row};
use crate::providers::{Handlers, Reply, Request};

/// How GitHub calls the page size.
const SIZE: &str = "per_page";
/// The most rows a page.
const MOST: &str = "100";

/// What GitHub Actions can do.
pub fn handlers(handlers: Handlers<GitHub>) -> Handlers<GitHub> {
    handlers
        .on::<cicd::PipelineList, _, _>(workflows::list)
        .on::<cicd::RunTrigger, _, _>(trigger::trigger)
        .on::<cicd::RunResolve, _, _>(trigger::resolve)
        .on::<cicd::RunList, _, _>(runs::list)
        .on::<cicd::RunGet, _, _>(standing::get)
        .on::<cicd::RunJobs, _, _>(jobs::list)
        .on::<cicd::RunWait, _, _>(standing::wait)
        .emulates::<cicd::RunWait>()
        .on::<cicd::RunCancel, _, _>(control::cancel)
        .on::<cicd::RunRerun, _, _>(control::rerun)
        .on::<cicd::RunRerunFailed, _, _>(control::rerun_failed)
        .on::<cicd::RunApprove, _, _>(control::approve)
        .on::<cicd::RunDelete, _, _>(control::delete)
        .on::<cicd::LogGet, _, _>(logs::get)
        .stream::<cicd::LogFollow, _, _, _>(logs::follow)
        .emulates::<cicd::LogFollow>()
        .on::<cicd::LogDelete, _, _>(control::log_delete)
        .on::<cicd::ArtifactList, _, _>(artifacts::list)
        .raw::<cicd::ArtifactGet, _, _>(artifacts::get)
        .on::<cicd::SecretPut, _, _>(secrets::put)
}

impl GitHub {
    /// One page of a list that stands within an object. A row that converts to nothing is left out.
    async fn listed<O, T, W>(
        &self,
        outgoing: Outgoing,
        request: &Request<O>,
        convert: impl Fn(Row<W>) -> Option<T>,
    ) -> Result<Reply<Page<T>>, Failure>
    where
        O: Op<Output = Page<T>>,
        O::Input: Paged,
        W: serde::de::DeserializeOwned,
    {
        let part = outgoing.part(SIZE, request.limit(), request.cursor());
        let received = self.endpoint.send(part).await?;
        let mut listed: wire::Listed = received.json()?;
        let rows = received.rows_of(&listed.rows(&received)?, request.include_raw)?;
        let items = rows.into_iter().filter_map(convert).collect();
        let mut page = Page::new(items, received.next_query());
        page.total = listed.total_count;
        Ok(received.reply(page))
    }

    /// A `GET` of what a run has below it.
    fn below(&self, run: &Numbered, rest: &[&str]) -> Result<Outgoing, Failure> {
        self.endpoint.get(&parts(run, &run.number(), rest))
    }
}

/// The path of a run, and of what is below it.
fn parts<'a>(run: &'a Numbered, number: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let begin = ["repos", &*run.owner, &*run.name, "actions", "runs", number];
    [&begin, rest].concat()
}
