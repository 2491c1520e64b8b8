//! What a CI server begins with.
//!
//! Invariant: the same in every run, ids included.

use jiff::Timestamp;

use super::acts::Trigger;
use super::changes::key;
use super::ending::Ending;
use super::outcome::OUTCOME;
use super::plan::{Event, Gate, JobPlan, Workflow};
use super::progress::Progress;
use super::project::Project;
use super::refused::Refused;
use super::server::Ci;
use crate::sandbox::forge::{Repo, State};
use crate::sandbox::seed::{BranchSeed, ForgeSeed, GUEST, USER};

/// 2026-01-05T09:00:00Z, as seconds since the epoch.
pub(crate) const SEEDED_AT_S: i64 = 1_767_603_600;

/// Seeded runs of `acme/web`: two full pages of fifty, and a short one.
const WEB_RUNS: u64 = 120;

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
    /// The CI of a forge: `acme/api` has a run of every ending, and one for a stranger's pull request that waits; `acme/web`
    /// has many.
    pub fn of_forge(instance: &str, state: &State) -> Self {
        let mut ci = Self::new(instance);
        let seeds = ForgeSeed::new(instance).repos;
        let alternate = |n| if n % 4 == 0 { Ending::Failure } else { Ending::Success };
        for (name, endings) in [
            ("api", Ending::ALL.to_vec()),
            ("web", (1..=WEB_RUNS).map(alternate).collect()),
        ] {
            let seed = seeds.iter().find(|seed| seed.org == "acme" && seed.name == name);
            let (Some(seed), Some(repo)) = (seed, state.repo("acme", name)) else {
                continue;
            };
            let key = key(repo);
            ci.seed_workflows(&key);
            let seeded = ci
                .seed_runs(&key, &seed.branches, endings.into_iter())
                .and_then(|()| ci.seed_expired(&key))
                .and_then(|()| ci.seed_nightly(&key, &seed.branches))
                .and_then(|()| ci.seed_waiting(&key, repo));
            // Nothing is refused to an empty server.
            debug_assert_eq!(seeded, Ok(()));
            ci.note(repo);
        }
        ci
    }

    /// A run that a clock started.
    fn seed_nightly(&mut self, key: &str, branches: &[BranchSeed]) -> Result<(), Refused> {
        let workflow = self
            .project(key)?
            .workflow("nightly.yml")
            .ok_or(Refused::Missing)?
            .clone();
        let branch = branches.first().ok_or(Refused::Missing)?;
        let at = Timestamp::from_second(SEEDED_AT_S).unwrap_or_default();
        let trigger = Trigger::of(
            &workflow,
            Event::Schedule,
            branch.name,
            &branch.commit,
            workflow.name,
            USER,
        );
        self.add(key, &workflow, trigger, Progress::over(Ending::Success, at))
            .map(|_| ())
    }

    /// A run for the first open pull request of a stranger, which waits for a member's word.
    fn seed_waiting(&mut self, key: &str, repo: &Repo) -> Result<(), Refused> {
        let guests = repo.issues.iter().filter(|issue| issue.open && issue.author == GUEST);
        let Some((issue, pull)) = guests.filter_map(|issue| Some((issue, issue.pull.as_ref()?))).next() else {
            return Ok(());
        };
        let workflow = self.project(key)?.workflows.first().ok_or(Refused::Missing)?.clone();
        let at = Timestamp::from_second(SEEDED_AT_S).unwrap_or_default();
        let event = Event::Pull(issue.number);
        let trigger = Trigger {
            gate: Some(Gate::Stranger),
            ..Trigger::of(&workflow, event, &pull.head, &pull.head_id, &issue.title, GUEST)
        };
        let progress = Progress::new(Some(Ending::Success), true, at);
        self.add(key, &workflow, trigger, progress).map(|_| ())
    }

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
            let title = format!("Change {number}\n\nThe second paragraph of change {number}.");
            let trigger = Trigger::of(&workflow, Event::Push, branch.name, &branch.commit, &title, USER);
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
