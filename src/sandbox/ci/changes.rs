//! What changes in a repository starts runs: a push, and a pull request that is opened or moved.
//!
//! Invariant: a change starts the workflows that listen to it once, and what was there at the beginning starts none.

use jiff::Timestamp;

use super::acts::Trigger;
use super::outcome::Outcome;
use super::plan::{Event, Gate};
use super::progress::Progress;
use super::seen::Seen;
use super::server::Ci;
use crate::sandbox::forge::{Repo, State};
use crate::sandbox::seed::GUEST;

/// A change of a repository.
#[derive(Clone, Copy, Debug)]
struct Change<'a> {
    event: Event,
    branch: &'a str,
    commit: &'a str,
    gate: Option<Gate>,
    actor: &'a str,
}

/// How a repository is found again, whatever its name.
pub(crate) fn key(repo: &Repo) -> String {
    repo.id.to_string()
}

impl Ci {
    /// Looks at a repository without starting anything.
    pub fn note(&mut self, repo: &Repo) {
        if let Ok(project) = self.project_mut(&key(repo)) {
            project.seen = Seen::of(repo);
        }
    }

    /// Looks at every repository that has workflows, and starts what listens to its changes. Where a repository is gone,
    /// so are its runs.
    pub fn follow(&mut self, state: &State, now: Timestamp) {
        let repo = |key: &str| key.parse().ok().and_then(|id| state.by_id(id).ok());
        self.projects.retain(|project| repo(&project.key).is_some());
        let keys: Vec<_> = self.projects.iter().map(|project| project.key.clone()).collect();
        for key in keys {
            if let Some(repo) = repo(&key) {
                self.follow_repo(state, &key, repo, now);
            }
        }
    }

    fn follow_repo(&mut self, state: &State, key: &str, repo: &Repo, now: Timestamp) {
        let seen = Seen::of(repo);
        let Ok(project) = self.project_mut(key) else { return };
        let before = std::mem::replace(&mut project.seen, seen.clone());
        let pushed = seen
            .branches
            .iter()
            .filter(|(name, commit)| before.branches.get(*name) != Some(commit));
        for (branch, commit) in pushed {
            let actor = state.user;
            self.start(
                key,
                repo,
                Change {
                    event: Event::Push,
                    branch,
                    commit,
                    gate: None,
                    actor,
                },
                now,
            );
        }
        let moved = seen
            .pulls
            .iter()
            .filter(|(number, head)| before.pulls.get(number) != Some(head));
        for (number, head) in moved {
            let Some((issue, pull)) = repo
                .issue(*number)
                .and_then(|issue| Some((issue, issue.pull.as_ref()?)))
            else {
                continue;
            };
            let gate = (pull.head_owner == GUEST).then_some(Gate::Stranger);
            let (branch, actor) = (pull.head.as_str(), issue.author);
            self.start(
                key,
                repo,
                Change {
                    event: Event::Pull(*number),
                    branch,
                    commit: head,
                    gate,
                    actor,
                },
                now,
            );
        }
    }

    /// Starts all workflows that listen to a change.
    fn start(&mut self, key: &str, repo: &Repo, change: Change<'_>, now: Timestamp) {
        let (Ok(project), Some(commit)) = (self.project(key), repo.history.get(change.commit)) else {
            return;
        };
        let listening: Vec<_> = project
            .workflows
            .iter()
            .filter(|workflow| workflow.enabled && workflow.listens_to(change.event))
            .cloned()
            .collect();
        for workflow in listening {
            let gate = change.gate.or(workflow.gate);
            let trigger = Trigger {
                gate,
                ..Trigger::of(
                    &workflow,
                    change.event,
                    change.branch,
                    &commit.id,
                    commit.title(),
                    change.actor,
                )
            };
            let ending = Outcome::of(&trigger.inputs).ending(1);
            // What a client may change is bounded, and so are the runs that it starts.
            if let Err(refused) = self.add(key, &workflow, trigger, Progress::new(ending, gate.is_some(), now)) {
                tracing::error!(?refused, "sandbox: a change started no run");
            }
        }
    }
}
