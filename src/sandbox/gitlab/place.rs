//! Where things are: projects by number, by path and by former path, and the groups above them.
//!
//! Invariant: a path is one text, however many groups it names; nothing splits it but at its last slash.

use std::collections::BTreeSet;

use http::Method;

use super::ask::Ask;
use super::problem::Problem;
use super::{BASE, Caller, Data};
use crate::sandbox::forge::{Repo, stable_id};
use crate::sandbox::seed::GUEST;

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

    /// The project of this number or path, as far as the caller sees it. A former path leads a read to the number, and
    /// refuses a write.
    pub fn project(&self, ask: &Ask, key: &str) -> Result<&Repo, Problem> {
        let missing = || Problem::missing("Project");
        let seen = |repo: &&Repo| !repo.private || ask.caller != Caller::Anonymous;
        if let Ok(number) = key.parse::<u64>() {
            return self.forge.by_id(number).ok().filter(seen).ok_or_else(missing);
        }
        let (owner, name) = key.rsplit_once('/').ok_or_else(missing)?;
        if let Some(repo) = self.forge.repo(owner, name).filter(seen) {
            return Ok(repo);
        }
        let moved = self.forge.moved(owner, name).filter(seen).ok_or_else(missing)?;
        match ask.method {
            Method::GET | Method::HEAD => Err(Problem::moved(by_number(ask, moved.id))),
            _ => Err(Problem::message(
                http::StatusCode::METHOD_NOT_ALLOWED,
                "Non GET methods are not allowed for moved projects",
            )),
        }
    }

    /// Whether the credential's owner has a say in a project.
    pub fn member(&self, repo: &Repo) -> bool {
        repo.owner != GUEST
    }
}

/// The address that was asked for, with the project's number for its path.
fn by_number(ask: &Ask, id: u64) -> String {
    let path = ask.uri.path().strip_prefix(BASE).unwrap_or_default();
    let rest = path.trim_start_matches("/projects/");
    let rest = rest.find('/').map(|at| &rest[at..]).unwrap_or_default();
    let query = ask.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{BASE}/projects/{id}{rest}{query}", ask.gitlab.instance.origin)
}
