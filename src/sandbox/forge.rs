//! What a forge holds, in no vendor's form: repositories with their issues.
//!
//! Invariant: numbers of issues only grow, and at most [`MAX_CREATED`] items are ever created.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::sandbox::seed::{BranchSeed, ForgeSeed, IssueSeed, RepoSeed, SEEDED_AT};

/// What stays as it is in a path: RFC 3986's unreserved characters, and the slash.
pub(crate) const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

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

    /// The repository; names are compared without regard to case, as forges do.
    pub fn repo(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.position(owner, name).map(|at| &self.repos[at])
    }

    /// Adds an issue to a repository and gives it its number; `None`: this server holds all that it may.
    pub fn create(&mut self, owner: &str, name: &str, draft: Issue) -> Option<(&Repo, &Issue)> {
        let at = self.position(owner, name).filter(|_| self.created < MAX_CREATED)?;
        self.created += 1;
        let repo = &mut self.repos[at];
        let number = repo.next_number();
        repo.issues.push(Issue { number, ..draft });
        let repo = &self.repos[at];
        repo.issues.last().map(|issue| (repo, issue))
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

    pub fn issue(&self, number: u64) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.number == number)
    }

    fn next_number(&self) -> u64 {
        self.issues.last().map_or(1, |issue| issue.number + 1)
    }
}

impl Issue {
    /// An open issue of now, its number still 0.
    pub fn draft(title: String, author: &'static str) -> Self {
        Self {
            number: 0,
            title,
            body: None,
            open: true,
            labels: Vec::new(),
            assignees: Vec::new(),
            author,
            is_pull: false,
            created_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_so_many_items_are_created() {
        let mut state = State::seeded("one");
        let draft = || Issue::draft("x".to_owned(), "somebody");
        state.created = MAX_CREATED - 1;
        assert_eq!(
            state.create("ACME", "api", draft()).map(|(_, issue)| issue.number),
            Some(7)
        );
        assert!(state.create("acme", "api", draft()).is_none());
        assert_eq!(state.created, MAX_CREATED);
    }
}
