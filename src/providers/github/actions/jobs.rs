//! The request that reads the jobs of a run.
//!
//! Invariant: those of its last attempt: the others are told by the raw ids of earlier answers.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::{GitHub, convert, standing};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Job, RunJobs};
use crate::providers::{Reply, Request};

pub async fn list(github: Arc<GitHub>, request: Request<RunJobs>) -> Result<Reply<Page<Job>>, Failure> {
    let run = standing::run(&github, &request).await?;
    let outgoing = github.below(&run, &["jobs"])?.query("filter", "latest");
    github.listed(outgoing, &request, |row| Some(convert::job(row))).await
}
