//! A repository: its refs, its history, and what people keep beside them.
//!
//! Invariant: every ref leads to a commit of its history.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::commit::Commit;
use super::data::branch::Branch;
use super::data::hook::Hook;
use super::data::issue::Issue;
use super::data::label::{Label, Milestone};
use super::data::release::Release;
use super::data::status::Status;
use super::data::tag::{Annotation, Tag};
use super::history::History;
use super::oid::stable_id;
use super::refused::Refused;
use crate::sandbox::seed::{RepoSeed, SEEDED_AT};

/// The default branch of what nobody gave another.
const DEFAULT_BRANCH: &str = "main";

/// The repository with more labels than a page has.
const LABELLED: &str = "acme/web";
/// How many more.
const AREAS: usize = 120;

/// A repository.
#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub id: u64,
    pub owner: String,
    pub name: String,
    pub full_name: String,
    pub description: Option<String>,
    pub language: Option<&'static str>,
    pub private: bool,
    pub archived: bool,
    pub default_branch: String,
    /// The repository that it was forked from.
    pub parent: Option<u64>,
    pub created_at: String,
    pub updated_at: String,
    /// By name. Shared until one changes: there may be thousands.
    pub branches: Arc<BTreeMap<String, Branch>>,
    pub tags: BTreeMap<String, Tag>,
    pub history: History,
    /// Tag objects by id, also those that no tag leads to.
    pub annotations: HashMap<String, Annotation>,
    /// By rising number.
    pub issues: Vec<Issue>,
    /// The numbers of issues that are gone.
    pub deleted: BTreeSet<u64>,
    pub labels: Vec<Label>,
    pub milestones: Vec<Milestone>,
    pub statuses: Vec<Status>,
    pub releases: Vec<Release>,
    pub hooks: Vec<Hook>,
}

impl Repo {
    /// One without a commit.
    pub fn empty(owner: &str, name: &str, created_at: &str) -> Self {
        let full_name = format!("{owner}/{name}");
        Self {
            id: stable_id(&full_name),
            owner: owner.to_owned(),
            name: name.to_owned(),
            labels: Label::usual(&full_name),
            full_name,
            description: None,
            language: None,
            private: false,
            archived: false,
            default_branch: DEFAULT_BRANCH.to_owned(),
            parent: None,
            created_at: created_at.to_owned(),
            updated_at: created_at.to_owned(),
            branches: Arc::default(),
            tags: BTreeMap::new(),
            history: History::default(),
            annotations: HashMap::new(),
            issues: Vec::new(),
            deleted: BTreeSet::new(),
            milestones: Vec::new(),
            statuses: Vec::new(),
            releases: Vec::new(),
            hooks: Vec::new(),
        }
    }

    pub fn seeded(seed: RepoSeed) -> Self {
        let mut repo = Self {
            description: Some(seed.description),
            language: Some(seed.language),
            issues: seed.issues.into_iter().map(Issue::seeded).collect(),
            ..Self::empty(seed.org, &seed.name, SEEDED_AT)
        };
        if repo.full_name == LABELLED {
            let areas = (1..=AREAS).map(|n| Label::seeded(LABELLED, &format!("area-{n:03}")));
            repo.labels.extend(areas);
        }
        if let Some(first) = seed.branches.first() {
            repo.default_branch = first.name.to_owned();
        }
        for branch in seed.branches {
            for commit in branch.commits {
                repo.history.add(commit);
            }
            repo.set_branch(Branch {
                name: branch.name.to_owned(),
                commit: branch.commit,
                protected: branch.protected,
            });
        }
        repo
    }

    /// Gives it another name.
    pub fn rename(&mut self, owner: &str, name: &str) {
        self.owner = owner.to_owned();
        self.name = name.to_owned();
        self.full_name = format!("{owner}/{name}");
    }

    /// Whether it has this name; case does not matter, as on forges.
    pub fn is_called(&self, owner: &str, name: &str) -> bool {
        self.owner.eq_ignore_ascii_case(owner) && self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it has no commit.
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// Refuses when nothing may change here.
    pub fn writable(&self) -> Result<(), Refused> {
        if self.archived { Err(Refused::Archived) } else { Ok(()) }
    }

    /// The bytes of the files on the default branch.
    pub fn size(&self) -> usize {
        self.head().map(|head| head.tree.size()).unwrap_or_default()
    }

    /// The last commit of the default branch; `None`: it is empty.
    pub fn head(&self) -> Option<&Arc<Commit>> {
        self.branch_head(&self.default_branch)
    }

    /// The last commit of a branch.
    pub fn branch_head(&self, name: &str) -> Option<&Arc<Commit>> {
        self.history.get(&self.branches.get(name)?.commit)
    }

    /// The commit that a revision means: a branch, a tag, their full refs, an id or its beginning; none given: the default
    /// branch's last.
    pub fn resolve(&self, revision: Option<&str>) -> Option<&Arc<Commit>> {
        let Some(name) = revision.filter(|name| *name != "HEAD") else {
            return self.head();
        };
        let full = name.strip_prefix("refs/").unwrap_or(name);
        let of_branch = |name| self.branch_head(name);
        let of_tag = |name| self.tags.get(name).and_then(|tag: &Tag| self.history.get(&tag.commit));
        let by_ref = || match (full.strip_prefix("heads/"), full.strip_prefix("tags/")) {
            (Some(name), _) => of_branch(name),
            (_, Some(name)) => of_tag(name),
            _ => None,
        };
        of_branch(name)
            .or_else(|| of_tag(name))
            .or_else(by_ref)
            .or_else(|| self.history.find(name))
    }

    pub(crate) fn set_branch(&mut self, branch: Branch) {
        Arc::make_mut(&mut self.branches).insert(branch.name.clone(), branch);
    }

    pub fn issue(&self, number: u64) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.number == number)
    }

    pub(crate) fn issue_mut(&mut self, number: u64) -> Option<&mut Issue> {
        self.issues.iter_mut().find(|issue| issue.number == number)
    }

    pub fn open_issues(&self) -> usize {
        self.issues.iter().filter(|issue| issue.open).count()
    }

    /// The milestone of this number.
    pub fn milestone(&self, number: u64) -> Option<&Milestone> {
        self.milestones.iter().find(|its| its.number == number)
    }

    /// How many issues a milestone has that are open, and that are closed.
    pub fn reached(&self, milestone: &Milestone) -> (usize, usize) {
        let its = self
            .issues
            .iter()
            .filter(|issue| issue.milestone == Some(milestone.number));
        let (open, closed): (Vec<_>, Vec<_>) = its.partition(|issue| issue.open);
        (open.len(), closed.len())
    }

    pub(crate) fn next_number(&self) -> u64 {
        let numbers = self.issues.iter().map(|issue| issue.number);
        numbers.chain(self.deleted.iter().copied()).max().unwrap_or_default() + 1
    }
}
