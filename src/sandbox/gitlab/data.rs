//! All that one GitLab holds, and the groups and people that its projects are in.
//!
//! Invariant: a path is one text, however many groups it names; nothing splits it but at its last slash.

use std::collections::BTreeSet;

use super::own::Own;
use super::problem::Problem;
use crate::sandbox::forge::{Repo, State, stable_id};
use crate::sandbox::seed::GUEST;

/// All that it holds.
pub(crate) struct Data {
    pub forge: State,
    pub own: Own,
}

/// A group, or a person, that has projects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub path: String,
    pub is_person: bool,
}

impl Namespace {
    /// Numbers of groups and persons are apart, and fit GitLab's integers.
    pub fn id(&self) -> u64 {
        let kind = if self.is_person { "person" } else { "group" };
        stable_id(&format!("{kind}:{}", self.path)) >> 1
    }

    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.path.rsplit_once('/')?;
        Some(Self {
            path: parent.to_owned(),
            is_person: false,
        })
    }
}

impl Data {
    /// The namespace with this path, whether or not it is there.
    pub fn namespace_at(&self, path: &str) -> Namespace {
        Namespace {
            path: path.to_owned(),
            is_person: [self.forge.user, GUEST]
                .iter()
                .any(|login| login.eq_ignore_ascii_case(path)),
        }
    }

    /// All groups, by path: those of projects, those above them, and those that were made.
    pub fn groups(&self) -> Vec<Namespace> {
        let owners = self.forge.repos.iter().map(|repo| repo.owner.as_str());
        let paths = owners.chain(self.own.groups.keys().map(String::as_str));
        let above = |path: &str| {
            let parents = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
            parents.chain([path.to_owned()]).collect::<Vec<_>>()
        };
        let paths: BTreeSet<String> = paths.flat_map(above).collect();
        let all = paths.iter().map(|path| self.namespace_at(path));
        all.filter(|namespace| !namespace.is_person).collect()
    }

    /// The groups, and the caller's own namespace.
    pub fn namespaces(&self) -> Vec<Namespace> {
        let own = self.namespace_at(self.forge.user);
        [own].into_iter().chain(self.groups()).collect()
    }

    /// The namespace of this number or path.
    pub fn namespace(&self, key: &str) -> Option<Namespace> {
        let number: Option<u64> = key.parse().ok();
        let wanted = |namespace: &Namespace| match number {
            Some(number) => namespace.id() == number,
            None => namespace.path.eq_ignore_ascii_case(key),
        };
        self.namespaces().into_iter().find(wanted)
    }

    /// The group of this number or path.
    pub fn group(&self, key: &str) -> Result<Namespace, Problem> {
        let found = self.namespace(key).filter(|namespace| !namespace.is_person);
        found.ok_or_else(|| Problem::missing("Group"))
    }

    /// The projects of a group, and of those below it if they are wanted.
    pub fn projects_of(&self, group: &Namespace, below: bool) -> Vec<&Repo> {
        let inside = |repo: &&Repo| {
            let owner = repo.owner.as_str();
            let rest = owner
                .get(..group.path.len())
                .filter(|head| head.eq_ignore_ascii_case(&group.path));
            let rest = rest.map(|head| &owner[head.len()..]);
            rest.is_some_and(|rest| rest.is_empty() || (below && rest.starts_with('/')))
        };
        self.forge.repos.iter().filter(inside).collect()
    }

    /// Whether the credential's owner has a say in a project.
    pub fn member(&self, repo: &Repo) -> bool {
        repo.owner != GUEST
    }
}
