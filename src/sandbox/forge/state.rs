//! The whole forge.
//!
//! Invariant: at most [`MAX_CREATED`](super::MAX_CREATED) items are ever created.

use std::collections::HashMap;

use super::created::Created;
use super::oid::stable_id;
use super::refused::{Refused, What};
use super::repo::Repo;
use crate::sandbox::seed::GUEST;

/// All that a forge holds.
#[derive(Debug)]
pub(crate) struct State {
    /// Who the credential belongs to.
    pub user: &'static str,
    pub repos: Vec<Repo>,
    /// Former names in small letters, and who had them.
    pub(crate) former: HashMap<String, u64>,
    pub created: Created,
}

impl State {
    /// The repository of this name.
    pub fn repo(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.is_called(owner, name))
    }

    /// The repository that had this name, when no other has it now.
    pub fn moved(&self, owner: &str, name: &str) -> Option<&Repo> {
        let id = self.former.get(&format!("{owner}/{name}").to_lowercase())?;
        let free = self.repo(owner, name).is_none();
        self.by_id(*id).ok().filter(|_| free)
    }

    pub fn by_id(&self, id: u64) -> Result<&Repo, Refused> {
        let found = self.repos.iter().find(|repo| repo.id == id);
        found.ok_or(Refused::Missing(What::Repo))
    }

    pub(crate) fn by_id_mut(&mut self, id: u64) -> Result<&mut Repo, Refused> {
        let found = self.repos.iter_mut().find(|repo| repo.id == id);
        found.ok_or(Refused::Missing(What::Repo))
    }

    /// The repository, unless nothing may change in it.
    pub(crate) fn writable(&self, id: u64) -> Result<&Repo, Refused> {
        let repo = self.by_id(id)?;
        repo.writable().map(|()| repo)
    }

    /// What the user has to do with: all but what is a stranger's own.
    pub fn own_repos(&self) -> Vec<&Repo> {
        self.repos.iter().filter(|repo| repo.owner != GUEST).collect()
    }

    /// The repositories of an organisation; `None`: there is no such organisation.
    pub fn repos_of(&self, org: &str) -> Option<Vec<&Repo>> {
        let person = [self.user, GUEST].iter().any(|login| login.eq_ignore_ascii_case(org));
        let repos: Vec<_> = self
            .repos
            .iter()
            .filter(|repo| repo.owner.eq_ignore_ascii_case(org))
            .collect();
        (!person && !repos.is_empty()).then_some(repos)
    }

    /// A number that no other repository has, for one with this name.
    pub(crate) fn free_id(&self, full_name: &str) -> u64 {
        let mut id = stable_id(full_name);
        while self.by_id(id).is_ok() {
            id += 1;
        }
        id
    }
}
