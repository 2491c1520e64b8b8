//! What a CI server begins with.
//!
//! Invariant: the same in every run, ids included.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::acts::Trigger;
use super::ending::Ending;
use super::outcome::OUTCOME;
use super::plan::{Event, Gate, JobPlan, Workflow};
use super::progress::Progress;
use super::project::Project;
use super::refused::Refused;
use super::server::Ci;
use crate::sandbox::seed::{BranchSeed, USER};

/// 2026-01-05T09:00:00Z, as seconds since the epoch.
pub(crate) const SEEDED_AT_S: i64 = 1_767_603_600;

/// The usual jobs. `clone` stands in both: a name alone does not tell which.
const CHECKS: &[JobPlan] = &[
    JobPlan {
        name: "lint",
        steps: &["clone", "lint"],
    },
    JobPlan {
        name: "test",
        steps: &["clone", "test"],
    },
];
const DEPLOY: &[JobPlan] = &[JobPlan {
    name: "deploy",
    steps: &["clone", "deploy"],
}];

/// The workflow that checks a change, as most projects have it.
pub(crate) fn workflow(id: u64) -> Workflow {
    Workflow {
        id,
        file: "ci.yml",
        name: "CI",
        enabled: true,
        manual: true,
        push: true,
        pull: true,
        inputs: &[OUTCOME, "note"],
        gate: None,
        jobs: CHECKS,
        artifact: Some("report"),
    }
}

impl Ci {
    /// A project with every kind of workflow: one for changes, one that waits for an environment's keeper, one that people
    /// cannot start, and one that is switched off.
    pub fn seed_workflows(&mut self, key: &str) {
        let usual = workflow(self.next_id());
        let deploy = Workflow {
            id: self.next_id(),
            file: "deploy.yml",
            name: "Deploy",
            push: false,
            pull: false,
            gate: Some(Gate::Environment("production")),
            jobs: DEPLOY,
            artifact: None,
            ..usual
        };
        let nightly = Workflow {
            id: self.next_id(),
            file: "nightly.yml",
            name: "Nightly",
            manual: false,
            push: false,
            pull: false,
            ..usual
        };
        let retired = Workflow {
            id: self.next_id(),
            file: "retired.yml",
            name: "Retired",
            enabled: false,
            ..usual
        };
        self.projects
            .push(Project::new(key, vec![usual, deploy, nightly, retired]));
    }

    /// A project with the usual workflow.
    pub fn seed_project(&mut self, key: &str) {
        let id = self.next_id();
        self.projects.push(Project::new(key, vec![workflow(id)]));
    }

    /// Runs of the project's first workflow that ended long ago, a minute apart, on these branches in turn.
    pub fn seed_runs(
        &mut self,
        key: &str,
        branches: &[BranchSeed],
        endings: impl Iterator<Item = Ending>,
    ) -> Result<(), Refused> {
        for (ending, minute) in endings.zip(1_i64..) {
            let project = self.project(key)?;
            let workflow = project.workflows.first().ok_or(Refused::Missing)?.clone();
            let number = project.last_number + 1;
            let turn = usize::try_from(number).unwrap_or_default() % branches.len().max(1);
            let branch = branches.get(turn).ok_or(Refused::Missing)?;
            let at = Timestamp::from_second(SEEDED_AT_S + minute * 60).unwrap_or_default();
            let trigger = Trigger {
                workflow: workflow.id,
                event: Event::Push,
                branch: branch.name.to_owned(),
                commit: branch.commit.clone(),
                title: format!("Change {number}\n\nThe second paragraph of change {number}."),
                actor: USER.to_owned(),
                inputs: BTreeMap::new(),
                parent: None,
                gate: None,
                unlisted: 0,
            };
            self.add(key, &workflow, trigger, Progress::over(ending, at))?;
        }
        Ok(())
    }

    /// Lets what the oldest run of a project left behind expire.
    pub fn seed_expired(&mut self, key: &str) -> Result<(), Refused> {
        let run = self.project_mut(key)?.runs.first_mut().ok_or(Refused::Missing)?;
        if let Some(artifact) = &mut run.latest_mut().artifact {
            artifact.expired = true;
            artifact.files.clear();
        }
        Ok(())
    }
}
