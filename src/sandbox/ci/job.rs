//! The jobs of an attempt, and their steps: where each is, seen from where the attempt is.
//!
//! Invariant: while an attempt runs, all of its jobs but the last are over; when it failed, the last job's last step did.

use jiff::Timestamp;

use super::attempt::{Attempt, Job};
use super::ending::{Ending, Stage};

/// A job, as it is in its attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobView<'a> {
    pub attempt: &'a Attempt,
    pub job: &'a Job,
    /// Its place in the attempt, from 0.
    pub place: usize,
}

/// A step, as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// From 1.
    pub number: usize,
    pub name: &'static str,
    pub stage: Stage,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl Attempt {
    /// Its jobs, as they are.
    pub fn views(&self) -> impl Iterator<Item = JobView<'_>> {
        self.jobs.iter().enumerate().map(|(place, job)| JobView {
            attempt: self,
            job,
            place,
        })
    }
}

impl JobView<'_> {
    fn is_last(&self) -> bool {
        self.place + 1 == self.attempt.jobs.len()
    }

    pub fn stage(&self) -> Stage {
        if let Some((ending, ..)) = self.job.kept {
            return Stage::Over(ending);
        }
        match self.attempt.progress.stage() {
            Stage::Running if !self.is_last() => Stage::Over(Ending::Success),
            Stage::Over(Ending::Failure | Ending::Unstable) if !self.is_last() => Stage::Over(Ending::Success),
            // Those before the last were done when it was stopped.
            Stage::Over(Ending::Cancelled) if !self.is_last() && self.attempt.progress.started_at.is_some() => {
                Stage::Over(Ending::Success)
            }
            stage => stage,
        }
    }

    pub fn started_at(&self) -> Option<Timestamp> {
        match self.job.kept {
            Some((_, started, _)) => Some(started),
            None => self.attempt.progress.started_at,
        }
    }

    pub fn finished_at(&self) -> Option<Timestamp> {
        let progress = &self.attempt.progress;
        match (self.job.kept, self.stage().is_over()) {
            (Some((.., finished)), _) => Some(finished),
            (None, true) => progress.finished_at.or(progress.started_at),
            (None, false) => None,
        }
    }

    /// Its steps, as they are.
    pub fn steps(&self) -> Vec<Step> {
        let names = self.job.plan.steps;
        let steps = names.iter().enumerate().map(|(place, name)| {
            let stage = self.step_stage(place, names.len());
            let begun = !matches!(stage, Stage::Queued | Stage::Blocked | Stage::Over(Ending::Skipped));
            let finished = || self.finished_at().or(self.started_at());
            Step {
                number: place + 1,
                name,
                stage,
                started_at: self.started_at().filter(|_| begun),
                finished_at: if stage.is_over() && begun { finished() } else { None },
            }
        });
        steps.collect()
    }

    /// While a job runs, its first step is done already and its second runs.
    fn step_stage(&self, place: usize, steps: usize) -> Stage {
        let (first, last) = (place == 0, place + 1 == steps);
        match self.stage() {
            Stage::Running if first && !last => Stage::Over(Ending::Success),
            Stage::Running if place > 1 => Stage::Queued,
            Stage::Over(Ending::Failure | Ending::Unstable) if !last => Stage::Over(Ending::Success),
            Stage::Over(Ending::Cancelled) if self.started_at().is_some() => match place {
                0 if !last => Stage::Over(Ending::Success),
                0 | 1 => Stage::Over(Ending::Cancelled),
                _ => Stage::Over(Ending::Skipped),
            },
            stage => stage,
        }
    }
}
