//! The requests that read the log of a job, at once or while it is written.
//!
//! Invariant: a log that is followed is asked for from where it was read to, which some servers heed (F3): the others give
//! all of it.

use std::sync::Arc;

use futures_util::Stream;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;

use super::super::Gitea;
use super::{convert, pages, standing, wire};
use crate::catalogue::cicd::{Job, Log, LogEvent, LogFollow, LogGet};
use crate::providers::ci::actions::{self, Logged, Numbered};
use crate::providers::gitea::refusal::is;
use crate::providers::http::{Outgoing, Pieces, Ranged};
use crate::providers::{Reply, Request};

/// Pages of jobs that are looked through for a name: more jobs than any run has.
const PAGES: u32 = 20;

pub async fn get(gitea: Arc<Gitea>, request: Request<LogGet>) -> Result<Reply<Log>, Failure> {
    let run = standing::run(&gitea, &request).await?;
    let job = job(&gitea, &request.instance, &run, request.input.step.as_deref()).await?;
    let text = text(&gitea, &run, &job.id).await;
    actions::log(&request, &run, &job, text).await
}

async fn text(gitea: &Gitea, run: &Numbered, job: &str) -> Result<Reply<Pieces>, Failure> {
    gitea.endpoint.open_stored(asked(gitea, run, job)?).await?.pieces()
}

fn asked(gitea: &Gitea, run: &Numbered, job: &str) -> Result<Outgoing, Failure> {
    let parts = ["repos", &run.owner, &run.name, "actions", "jobs", job, "logs"];
    Ok(gitea.endpoint.get(&parts)?.accept("text/plain, */*;q=0.9"))
}

/// The job that is meant.
async fn job(gitea: &Gitea, instance: &Arc<str>, run: &Numbered, wanted: Option<&str>) -> Result<Job, Failure> {
    if let Some(id) = wanted.and_then(actions::found) {
        match one(gitea, run, id).await {
            Ok(job) => return Ok(job),
            // It may be called so; one of another run names its fault.
            Err(failure) if failure.kind == Kind::NotFound && failure.field.is_none() => {}
            Err(failure) => return Err(failure),
        }
    }
    let jobs = all(gitea, run).await?;
    actions::pick(jobs, wanted).map_err(|failure| failure.by(instance))
}

async fn one(gitea: &Gitea, run: &Numbered, id: u64) -> Result<Job, Failure> {
    let parts = ["repos", &run.owner, &run.name, "actions", "jobs", &id.to_string()];
    let received = gitea.endpoint.send(gitea.endpoint.get(&parts)?).await?;
    let row = received.row::<wire::Job>(false)?;
    match row.wire.run_id.is_none_or(|of| of == run.id) {
        true => Ok(convert::job(row)),
        false => Err(received.blame(actions::no_job("this job is one of another run"))),
    }
}

async fn all(gitea: &Gitea, run: &Numbered) -> Result<Vec<Job>, Failure> {
    let mut jobs = vec![];
    let mut seen = 0;
    for page in 1..=PAGES {
        let outgoing = gitea.below(run, &["jobs"])?.query("page", page.to_string());
        let outgoing = outgoing.query("limit", pages::ROWS.most.to_string());
        let received = gitea.endpoint.send(outgoing).await?;
        let (rows, total) = pages::rows(&received, false)?;
        let came = rows.len() as u64 + u64::from(received.skipped());
        seen += came;
        jobs.extend(rows.into_iter().map(convert::job));
        // A bare list is all there is, and counted as that.
        if came == 0 || total.is_some_and(|total| seen >= total) {
            break;
        }
    }
    Ok(jobs)
}

pub async fn follow(
    gitea: Arc<Gitea>,
    request: Request<LogFollow>,
) -> Result<Reply<impl Stream<Item = Result<Piece<LogEvent>, Failure>> + Send + 'static>, Failure> {
    let run = standing::run(&gitea, &request).await?;
    let job = job(&gitea, &request.instance, &run, request.input.step.as_deref()).await?;
    let log = JobLog {
        gitea,
        run,
        job: job.id,
    };
    Ok(Reply::of(actions::polled(log, request.input.after).await?))
}

/// The log of a job.
struct JobLog {
    gitea: Arc<Gitea>,
    run: Numbered,
    job: String,
}

impl Logged for JobLog {
    const GROWS: bool = true;

    async fn job(&self) -> Result<Job, Failure> {
        one(&self.gitea, &self.run, self.job.parse().unwrap_or_default()).await
    }

    async fn text(&self, from: u64) -> Result<Option<Ranged>, Failure> {
        let outgoing = asked(&self.gitea, &self.run, &self.job)?.from_byte(from);
        match self.gitea.endpoint.open_stored(outgoing).await {
            // There is nothing from there on.
            Err(failure) if from > 0 && is(&failure, &[416]) => Ok(None),
            opened => Ok(Some(opened?.ranged(from)?)),
        }
    }
}
