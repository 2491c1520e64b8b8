//! The requests that read the log of a job, at once or until the job has ended.
//!
//! Invariant: a job's own log is read, never the archive of its run, which is there only once all jobs have ended.

use std::sync::Arc;

use futures_util::Stream;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;

use super::{GitHub, MOST, SIZE, convert, standing, wire};
use crate::catalogue::cicd::{Job, Log, LogEvent, LogFollow, LogGet};
use crate::providers::ci::actions::{self, Logged, Numbered};
use crate::providers::http::{Pieces, Ranged};
use crate::providers::{Reply, Request};

/// Pages of jobs that are looked through for a name: more jobs than any run has.
const PAGES: usize = 10;

pub async fn get(github: Arc<GitHub>, request: Request<LogGet>) -> Result<Reply<Log>, Failure> {
    let run = standing::run(&github, &request).await?;
    let job = job(&github, &request.instance, &run, request.input.step.as_deref()).await?;
    let text = text(&github, &run, &job.id).await;
    actions::log(&request, &run, &job, text).await
}

/// GitHub sends who asks to where it keeps the log.
async fn text(github: &GitHub, run: &Numbered, job: &str) -> Result<Reply<Pieces>, Failure> {
    let parts = ["repos", &run.owner, &run.name, "actions", "jobs", job, "logs"];
    let outgoing = github.endpoint.get(&parts)?;
    github.endpoint.open_stored(outgoing).await?.pieces()
}

/// The job that is meant.
async fn job(github: &GitHub, instance: &Arc<str>, run: &Numbered, wanted: Option<&str>) -> Result<Job, Failure> {
    if let Some(id) = wanted.and_then(actions::found) {
        match one(github, run, id).await {
            Ok(job) => return Ok(job),
            // It may be called so; one of another run names its fault.
            Err(failure) if failure.kind == Kind::NotFound && failure.field.is_none() => {}
            Err(failure) => return Err(failure),
        }
    }
    let jobs = all(github, run).await?;
    actions::pick(jobs, wanted).map_err(|failure| failure.by(instance))
}

/// The job of this id, of whichever attempt of the run.
async fn one(github: &GitHub, run: &Numbered, id: u64) -> Result<Job, Failure> {
    let parts = ["repos", &run.owner, &run.name, "actions", "jobs", &id.to_string()];
    let received = github.endpoint.send(github.endpoint.get(&parts)?).await?;
    let row = received.row::<wire::Job>(false)?;
    match row.wire.run_id.is_none_or(|of| of == run.id) {
        true => Ok(convert::job(row)),
        false => Err(received.blame(actions::no_job("this job is one of another run"))),
    }
}

/// The jobs of the run's last attempt.
async fn all(github: &GitHub, run: &Numbered) -> Result<Vec<Job>, Failure> {
    let mut jobs = vec![];
    let first = github
        .below(run, &["jobs"])?
        .query("filter", "latest")
        .query(SIZE, MOST);
    let mut next = Some(first);
    for _ in 0..PAGES {
        let Some(outgoing) = next.take() else { break };
        let received = github.endpoint.send(outgoing).await?;
        let mut listed: wire::Listed = received.json()?;
        let rows = received.rows_of(&listed.rows(&received)?, false)?;
        jobs.extend(rows.into_iter().map(convert::job));
        if let Some(query) = received.next_query() {
            next = Some(github.below(run, &["jobs"])?.continued(&query));
        }
    }
    Ok(jobs)
}

pub async fn follow(
    github: Arc<GitHub>,
    request: Request<LogFollow>,
) -> Result<Reply<impl Stream<Item = Result<Piece<LogEvent>, Failure>> + Send + 'static>, Failure> {
    let run = standing::run(&github, &request).await?;
    let job = job(&github, &request.instance, &run, request.input.step.as_deref()).await?;
    let log = JobLog {
        github,
        run,
        job: job.id,
    };
    Ok(Reply::of(actions::polled(log, request.input.after).await?))
}

/// The log of a job. GitHub keeps it only once the job has ended.
struct JobLog {
    github: Arc<GitHub>,
    run: Numbered,
    job: String,
}

impl Logged for JobLog {
    const GROWS: bool = false;

    async fn job(&self) -> Result<Job, Failure> {
        one(&self.github, &self.run, self.job.parse().unwrap_or_default()).await
    }

    async fn text(&self, _from: u64) -> Result<Option<Ranged>, Failure> {
        let pieces = text(&self.github, &self.run, &self.job).await?.value;
        Ok(Some(Ranged::Whole(pieces, None)))
    }
}
