//! The request that reads the jobs of a run.
//!
//! Invariant: a job is told as its run's, and by the id that its log is asked for by.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::super::Gitea;
use super::{convert, pages, parts, standing};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Job, RunJobs};
use crate::providers::{Reply, Request};

pub async fn list(gitea: Arc<Gitea>, request: Request<RunJobs>) -> Result<Reply<Page<Job>>, Failure> {
    let run = standing::run(&gitea, &request).await?;
    let number = run.number();
    let job = |row| Some(convert::job(row));
    pages::list(&gitea, &parts(&run, &number, &["jobs"]), &[], false, &request, job).await
}
