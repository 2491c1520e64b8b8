//! One try of a run, and the jobs that it is made of.
//!
//! Invariant: what an attempt leaves behind is there only when it has ended.

use jiff::Timestamp;

use super::artifact::Artifact;
use super::ending::{Ending, Stage};
use super::plan::JobPlan;
use super::progress::Progress;

/// One try of a run.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// From 1.
    pub number: u32,
    pub actor: String,
    pub progress: Progress,
    pub jobs: Vec<Job>,
    pub(super) artifact: Option<Artifact>,
}

/// A job of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// New in each attempt.
    pub id: u64,
    pub plan: JobPlan,
    /// How it ended in the attempt before, and when, where it is not tried again.
    pub kept: Option<(Ending, Timestamp, Timestamp)>,
}

impl Attempt {
    pub fn stage(&self) -> Stage {
        self.progress.stage()
    }

    /// What it has left behind.
    pub fn artifact(&self) -> Option<&Artifact> {
        let ran = self.stage().ending().is_some_and(|ending| ending.ran());
        self.artifact.as_ref().filter(|_| ran)
    }

    /// When something last happened to it.
    pub fn updated_at(&self) -> Timestamp {
        let progress = &self.progress;
        progress
            .finished_at
            .or(progress.started_at)
            .unwrap_or(progress.queued_at)
    }
}
