//! What a GitHub holds: repositories with their issues.
//!
//! Invariant: numbers of issues only grow, and at most [`MAX_CREATED`] items are ever created.

use crate::sandbox::seed::{BranchSeed, ForgeSeed, IssueSeed, RepoSeed, SEEDED_AT};

/// The most items that clients can create on one server.
pub(crate) const MAX_CREATED: usize = 10_000;

#[derive(Debug)]
pub(crate) struct State {
    pub user: &'static str,
    pub repos: Vec<Repo>,
    pub created: usize,
}

#[derive(Debug)]
pub(crate) struct Repo {
    pub id: u64,
    pub seed: RepoSeed,
    pub full_name: String,
    /// By rising number.
    pub issues: Vec<Issue>,
}

#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub open: bool,
    pub labels: Vec<String>,
    pub assignees: Vec<String>,
    pub author: &'static str,
    pub is_pull: bool,
    pub created_at: String,
}

/// A number that is the same in every run and every instance.
pub(crate) fn stable_id(name: &str) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    // 32 bits: a number that every JSON reader holds exactly.
    hash.as_bytes()[..4]
        .iter()
        .fold(0, |id, byte| id << 8 | u64::from(*byte))
}

impl State {
    pub fn seeded(instance: &str) -> Self {
        let ForgeSeed { user, repos } = ForgeSeed::new(instance);
        let repos = repos.into_iter().map(|seed| Repo::new(seed, user)).collect();
        Self {
            user,
            repos,
            created: 0,
        }
    }

    /// The repository; names are compared without regard to case, as GitHub does.
    pub fn repo(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.position(owner, name).map(|at| &self.repos[at])
    }

    pub fn repo_mut(&mut self, owner: &str, name: &str) -> Option<&mut Repo> {
        self.position(owner, name).map(|at| &mut self.repos[at])
    }

    fn position(&self, owner: &str, name: &str) -> Option<usize> {
        let same = |repo: &Repo| repo.seed.org.eq_ignore_ascii_case(owner) && repo.seed.name.eq_ignore_ascii_case(name);
        self.repos.iter().position(same)
    }

    /// The repositories of an organisation; `None`: there is no such organisation.
    pub fn repos_of(&self, org: &str) -> Option<Vec<&Repo>> {
        let repos: Vec<_> = self
            .repos
            .iter()
            .filter(|repo| repo.seed.org.eq_ignore_ascii_case(org))
            .collect();
        (!repos.is_empty()).then_some(repos)
    }
}

impl Repo {
    fn new(mut seed: RepoSeed, user: &'static str) -> Self {
        let full_name = format!("{}/{}", seed.org, seed.name);
        let issues = std::mem::take(&mut seed.issues)
            .into_iter()
            .map(|issue| Issue::seeded(issue, user))
            .collect();
        Self {
            id: stable_id(&full_name),
            seed,
            full_name,
            issues,
        }
    }

    pub fn default_branch(&self) -> &BranchSeed {
        &self.seed.branches[0]
    }

    /// The branch that a `ref` means: its name, its full ref, or the id of its last commit.
    pub fn branch(&self, name: Option<&str>) -> Option<&BranchSeed> {
        let Some(name) = name else {
            return Some(self.default_branch());
        };
        let short = name.strip_prefix("refs/heads/").unwrap_or(name);
        self.seed
            .branches
            .iter()
            .find(|branch| branch.name == short || branch.commit == name)
    }

    pub fn open_issues(&self) -> usize {
        self.issues.iter().filter(|issue| issue.open).count()
    }

    pub fn next_number(&self) -> u64 {
        self.issues.last().map_or(1, |issue| issue.number + 1)
    }
}

impl Issue {
    fn seeded(seed: IssueSeed, author: &'static str) -> Self {
        Self {
            number: seed.number,
            title: seed.title,
            body: Some(seed.body),
            open: seed.open,
            labels: seed.labels.iter().map(ToString::to_string).collect(),
            assignees: Vec::new(),
            author,
            is_pull: seed.is_pull,
            created_at: SEEDED_AT.to_owned(),
        }
    }
}
