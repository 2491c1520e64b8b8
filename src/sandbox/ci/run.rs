//! A run, in its attempts.
//!
//! Invariant: a run has at least one attempt, and only the last one moves.

use jiff::Timestamp;

use super::artifact::Artifact;
use super::ending::Stage;
use super::job::{Job, JobView};
use super::outcome::Outcome;
use super::plan::{Event, Gate};
use super::progress::Progress;

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Unique on the server.
    pub id: u64,
    /// Unique in the project.
    pub number: u64,
    /// Unique in the workflow.
    pub number_in_workflow: u64,
    pub workflow: u64,
    pub event: Event,
    pub branch: String,
    pub commit: String,
    pub title: String,
    pub actor: String,
    pub outcome: Outcome,
    /// For whose word it waits, or waited.
    pub gate: Option<Gate>,
    pub created_at: Timestamp,
    pub attempts: Vec<Attempt>,
    /// Whether somebody deleted what it printed.
    pub logs_deleted: bool,
    /// How many lists leave it out still.
    pub(super) unlisted: u8,
}

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

impl Attempt {
    pub fn stage(&self) -> Stage {
        self.progress.stage()
    }

    /// Its jobs, as they are.
    pub fn views(&self) -> impl Iterator<Item = JobView<'_>> {
        self.jobs.iter().enumerate().map(|(place, job)| JobView {
            attempt: self,
            job,
            place,
        })
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

impl Run {
    /// The last attempt.
    pub fn latest(&self) -> &Attempt {
        // Every run is made with one, and none is ever taken away.
        self.attempts.last().expect("a run has an attempt")
    }

    pub(super) fn latest_mut(&mut self) -> &mut Attempt {
        self.attempts.last_mut().expect("a run has an attempt")
    }

    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub fn stage(&self) -> Stage {
        self.latest().stage()
    }

    /// A job of any attempt.
    pub fn job(&self, id: u64) -> Option<JobView<'_>> {
        self.attempts
            .iter()
            .flat_map(Attempt::views)
            .find(|view| view.job.id == id)
    }

    /// What it has left behind, newest first.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.attempts.iter().rev().filter_map(Attempt::artifact)
    }
}
