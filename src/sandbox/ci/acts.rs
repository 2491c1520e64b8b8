//! What people do with runs.
//!
//! Invariant: what is refused changes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::artifact::Artifact;
use super::attempt::{Attempt, Job};
use super::ending::{Ending, Stage};
use super::outcome::Outcome;
use super::plan::{Event, Gate, Workflow};
use super::progress::Progress;
use super::refused::Refused;
use super::run::Run;
use super::server::Ci;

/// The most attempts of a run.
const MAX_ATTEMPTS: u32 = 50;

/// A run to be started.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    pub workflow: u64,
    pub event: Event,
    pub branch: String,
    pub commit: String,
    pub title: String,
    pub actor: String,
    pub inputs: BTreeMap<String, String>,
    /// Whose word it waits for, beside the workflow's own.
    pub gate: Option<Gate>,
    /// How many lists leave it out at first, as where a trigger tells no id.
    pub unlisted: u8,
}

impl Trigger {
    /// One that says nothing more.
    pub fn of(workflow: &Workflow, event: Event, branch: &str, commit: &str, title: &str, actor: &str) -> Self {
        Self {
            workflow: workflow.id,
            event,
            branch: branch.to_owned(),
            commit: commit.to_owned(),
            title: title.to_owned(),
            actor: actor.to_owned(),
            inputs: BTreeMap::new(),
            gate: None,
            unlisted: 0,
        }
    }
}

/// How a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelling {
    /// It is told to stop, and does so a read later.
    Asked,
    /// It is over at once.
    Forced,
}

/// What of a run is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    All,
    Failed,
    /// This job of its last attempt, and those after it.
    Job(u64),
}

impl Ci {
    /// Starts a run, and tells its id.
    pub fn trigger(&mut self, key: &str, trigger: Trigger, now: Timestamp) -> Result<u64, Refused> {
        let project = self.project(key)?;
        let number = trigger.workflow;
        let workflow = project.workflows.iter().find(|workflow| workflow.id == number);
        let workflow = workflow.ok_or(Refused::Missing)?.clone();
        if !workflow.enabled {
            return Err(Refused::Disabled);
        }
        if !workflow.listens_to(trigger.event) {
            return Err(Refused::NoTrigger);
        }
        self.count()?;
        let outcome = Outcome::of(&trigger.inputs);
        let waits = (outcome == Outcome::Waits).then_some(Gate::Stranger);
        let gate = trigger.gate.or(workflow.gate).or(waits);
        let progress = Progress::new(outcome.ending(1), gate.is_some(), now);
        self.add(key, &workflow, Trigger { gate, ..trigger }, progress)
    }

    /// Adds a run that has come so far.
    pub(super) fn add(
        &mut self,
        key: &str,
        workflow: &Workflow,
        trigger: Trigger,
        progress: Progress,
    ) -> Result<u64, Refused> {
        let id = self.next_id();
        let jobs = workflow.jobs.iter().map(|plan| Job {
            id: self.next_id(),
            plan: *plan,
            kept: None,
        });
        let jobs = jobs.collect();
        let artifact = workflow.artifact.map(|name| (self.next_id(), name));
        let instance = self.instance.clone();
        let project = self.project_mut(key)?;
        project.last_number += 1;
        let number = project.last_number;
        let in_workflow = project.last_in_workflow.entry(workflow.id).or_default();
        *in_workflow += 1;
        let run = Run {
            id,
            number,
            number_in_workflow: *in_workflow,
            workflow: workflow.id,
            event: trigger.event,
            branch: trigger.branch,
            commit: trigger.commit,
            title: trigger.title,
            outcome: Outcome::of(&trigger.inputs),
            gate: trigger.gate,
            created_at: progress.queued_at,
            attempts: vec![Attempt {
                number: 1,
                actor: trigger.actor.clone(),
                progress,
                jobs,
                artifact: artifact.map(|(id, name)| Artifact::report(id, name, number, &instance)),
            }],
            actor: trigger.actor,
            logs_deleted: false,
            unlisted: trigger.unlisted,
        };
        project.runs.push(run);
        Ok(id)
    }

    /// Stops a run.
    pub fn cancel(&mut self, key: &str, run: u64, how: Cancelling, now: Timestamp) -> Result<(), Refused> {
        let run = self.project_mut(key)?.run_mut(run)?;
        if run.stage().is_over() {
            return Err(Refused::Over);
        }
        let progress = &mut run.latest_mut().progress;
        match how {
            Cancelling::Asked => progress.stop(),
            Cancelling::Forced => progress.end(Ending::Cancelled, now),
        }
        Ok(())
    }

    /// Says the word for which a run waits: it goes on, or it is declined.
    pub fn decide(&mut self, key: &str, run: u64, goes_on: bool, now: Timestamp) -> Result<(), Refused> {
        let run = self.project_mut(key)?.run_mut(run)?;
        if run.stage() != Stage::Blocked {
            return Err(Refused::NotBlocked);
        }
        let progress = &mut run.latest_mut().progress;
        match goes_on {
            true => progress.release(now),
            false => progress.end(Ending::Declined, now),
        }
        Ok(())
    }

    /// Tries a run again, under the same id.
    pub fn rerun(&mut self, key: &str, run: u64, again: Again, actor: &str, now: Timestamp) -> Result<(), Refused> {
        let of = self.project(key)?.run(run)?;
        let before = of.latest();
        let ending = before.stage().ending().ok_or(Refused::NotOver)?;
        if ending == Ending::Error {
            return Err(Refused::Broken);
        }
        if before.number >= MAX_ATTEMPTS {
            return Err(Refused::TooManyAttempts);
        }
        let failed = before.views().position(|view| {
            let ending = view.stage().ending();
            !matches!(ending, Some(Ending::Success | Ending::Skipped))
        });
        let from = match again {
            Again::All => 0,
            Again::Failed => failed.ok_or(Refused::NothingFailed)?,
            Again::Job(id) => before
                .jobs
                .iter()
                .position(|job| job.id == id)
                .ok_or(Refused::Missing)?,
        };
        let kept = |view: super::JobView<'_>| {
            let times = view.started_at().zip(view.finished_at());
            times.map(|(started, finished)| (Ending::Success, started, finished))
        };
        let jobs: Vec<_> = before
            .views()
            .map(|view| (view.job.plan, kept(view).filter(|_| view.place < from)))
            .collect();
        let (number, artifact) = (before.number + 1, before.artifact.clone());
        let progress = Progress::new(of.outcome.ending(number), false, now);
        self.count()?;
        let jobs = jobs.into_iter().map(|(plan, kept)| Job {
            id: self.next_id(),
            plan,
            kept,
        });
        let jobs = jobs.collect();
        let artifact = artifact.map(|artifact| Artifact {
            id: self.next_id(),
            expired: false,
            ..artifact
        });
        let run = self.project_mut(key)?.run_mut(run)?;
        run.logs_deleted = false;
        run.attempts.push(Attempt {
            number,
            actor: actor.to_owned(),
            progress,
            jobs,
            artifact,
        });
        Ok(())
    }

    /// Deletes a run that is over.
    pub fn delete(&mut self, key: &str, run: u64) -> Result<(), Refused> {
        let project = self.project_mut(key)?;
        if !project.run(run)?.stage().is_over() {
            return Err(Refused::NotOver);
        }
        project.runs.retain(|other| other.id != run);
        Ok(())
    }

    /// Deletes what a run printed.
    pub fn delete_logs(&mut self, key: &str, run: u64) -> Result<(), Refused> {
        let run = self.project_mut(key)?.run_mut(run)?;
        if !run.stage().is_over() {
            return Err(Refused::NotOver);
        }
        run.logs_deleted = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
