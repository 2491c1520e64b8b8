//! A run, in its attempts.
//!
//! Invariant: a run has at least one attempt, and only the last one moves.

use jiff::Timestamp;

use super::artifact::Artifact;
use super::attempt::Attempt;
use super::ending::Stage;
use super::job::JobView;
use super::outcome::Outcome;
use super::plan::{Event, Gate};

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
