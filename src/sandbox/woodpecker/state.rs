//! What a Woodpecker holds: repositories with their pipelines.
//!
//! Invariant: numbers of pipelines only grow, a pipeline that has ended stays as it is, and at most [`MAX_CREATED`] are
//! ever created.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

use super::secret::Secret;
use super::stage::{Ending, Progress};
use crate::sandbox::seed::{BranchSeed, ForgeSeed, RepoSeed};

/// The most pipelines that clients can create on one server.
pub(crate) const MAX_CREATED: usize = 10_000;
/// Seeded pipelines of `acme/web`: two full pages of fifty, and a short one.
const WEB_PIPELINES: u64 = 120;
/// 2026-01-05T09:00:00Z, as seconds since the epoch.
pub(crate) const SEEDED_AT_S: i64 = 1_767_603_600;

#[derive(Debug)]
pub(crate) struct State {
    pub user: &'static str,
    pub repos: Vec<Repo>,
    pub created: usize,
    /// No agent takes work from the queue.
    pub paused: bool,
    /// Tells open streams that something has changed.
    pub changed: watch::Sender<()>,
    last_id: u64,
}

#[derive(Debug)]
pub(crate) struct Repo {
    pub id: u64,
    pub seed: RepoSeed,
    pub full_name: String,
    /// By rising number.
    pub pipelines: Vec<Pipeline>,
    pub secrets: Vec<Secret>,
    last_number: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    /// Unique on the server.
    pub id: u64,
    /// Unique in the repository.
    pub number: u64,
    pub event: &'static str,
    pub branch: &'static str,
    pub commit: String,
    pub message: String,
    pub variables: BTreeMap<String, String>,
    /// The number of the one that it repeats; 0: none.
    pub parent: u64,
    pub created_s: i64,
    pub progress: Progress,
    /// When somebody approved or declined it; 0: nobody has.
    pub reviewed_s: i64,
    /// Whether somebody cancelled it.
    pub cancelled: bool,
    /// The ids of steps that a stream has followed to their end.
    pub followed: BTreeSet<u64>,
    /// The ids of steps whose log was deleted.
    pub without_log: BTreeSet<u64>,
}

impl State {
    pub fn seeded(instance: &str) -> Self {
        let ForgeSeed { user, repos } = ForgeSeed::new(instance);
        let repos = repos.into_iter().zip(1..).map(|(seed, id)| Repo::new(id, seed));
        let mut state = Self {
            user,
            repos: repos.collect(),
            created: 0,
            paused: false,
            changed: watch::Sender::new(()),
            last_id: 0,
        };
        state.seed("acme/api", Ending::ALL.iter().copied());
        let alternate = |n| if n % 4 == 0 { Ending::Failure } else { Ending::Success };
        state.seed("acme/web", (1..=WEB_PIPELINES).map(alternate));
        state
    }

    fn seed(&mut self, full_name: &str, endings: impl Iterator<Item = Ending>) {
        for ending in endings {
            let id = self.next_id();
            let Some(repo) = self.repos.iter_mut().find(|repo| repo.full_name == full_name) else {
                return;
            };
            let number = repo.take_number();
            let branches = &repo.seed.branches;
            let branch = &branches[usize::try_from(number).unwrap_or_default() % branches.len()];
            let created_s = SEEDED_AT_S + i64::try_from(number).unwrap_or_default() * 60;
            let pipeline = Pipeline {
                number,
                event: "push",
                message: format!("Change {number}\n\nThe second paragraph of change {number}."),
                ..Pipeline::new(
                    id,
                    branch.name,
                    &branch.commit,
                    created_s,
                    Progress::over(ending, created_s + 1),
                )
            };
            repo.pipelines.push(pipeline);
        }
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn repo(&self, id: u64) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.id == id)
    }

    pub fn repo_mut(&mut self, id: u64) -> Option<&mut Repo> {
        self.repos.iter_mut().find(|repo| repo.id == id)
    }

    /// The repository; names are compared without regard to case.
    pub fn repo_named(&self, full_name: &str) -> Option<&Repo> {
        self.repos
            .iter()
            .find(|repo| repo.full_name.eq_ignore_ascii_case(full_name))
    }
}

impl Pipeline {
    /// One that was triggered by hand and has no number yet.
    pub fn new(id: u64, branch: &'static str, commit: &str, created_s: i64, progress: Progress) -> Self {
        Self {
            id,
            number: 0,
            event: "manual",
            branch,
            commit: commit.to_owned(),
            message: format!("MANUAL PIPELINE @ {branch}"),
            variables: BTreeMap::new(),
            parent: 0,
            created_s,
            progress,
            reviewed_s: 0,
            cancelled: false,
            followed: BTreeSet::new(),
            without_log: BTreeSet::new(),
        }
    }
}

impl Repo {
    fn new(id: u64, seed: RepoSeed) -> Self {
        Self {
            id,
            full_name: format!("{}/{}", seed.org, seed.name),
            seed,
            pipelines: Vec::new(),
            secrets: Vec::new(),
            last_number: 0,
        }
    }

    pub fn branch(&self, name: &str) -> Option<&BranchSeed> {
        self.seed.branches.iter().find(|branch| branch.name == name)
    }

    /// The number of the next pipeline; a deleted one's is not used again.
    pub fn take_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub fn pipeline_mut(&mut self, number: u64) -> Option<&mut Pipeline> {
        self.pipelines.iter_mut().find(|pipeline| pipeline.number == number)
    }
}
