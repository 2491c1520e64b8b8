//! Repositories that are made, forked, renamed and removed.
//!
//! Invariant: no two repositories share a name, and a former name leads to whoever had it last.

use std::collections::HashMap;

use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::state::State;

/// The longest name.
const MAX_NAME: usize = 100;

/// A repository to be made.
#[derive(Clone, Debug)]
pub(crate) struct RepoDraft<'a> {
    pub owner: &'a str,
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub private: bool,
    /// `None`: the forge's own.
    pub default_branch: Option<&'a str>,
}

/// What is changed about a repository; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct RepoEdit {
    pub description: Option<String>,
    pub private: Option<bool>,
    pub archived: Option<bool>,
    pub default_branch: Option<String>,
}

/// Whether a repository can have this name.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(plain) && !matches!(name, "." | "..")
}

impl State {
    /// Makes an empty repository; the answer is its id.
    pub fn create_repo(&mut self, draft: &RepoDraft<'_>) -> Result<u64, Refused> {
        if !is_name(draft.name) {
            return Err(Refused::BadName);
        }
        if self.repo(draft.owner, draft.name).is_some() {
            return Err(Refused::Exists(What::Repo));
        }
        self.created.take(draft.description.map_or(0, str::len))?;
        let mut repo = Repo::empty(draft.owner, draft.name, &now());
        repo.id = self.free_id(&repo.full_name);
        repo.description = draft.description.map(str::to_owned);
        repo.private = draft.private;
        if let Some(branch) = draft.default_branch {
            repo.default_branch = branch.to_owned();
        }
        let id = repo.id;
        self.repos.push(repo);
        Ok(id)
    }

    /// Removes a repository. Its forks stay, without a parent.
    pub fn delete_repo(&mut self, id: u64) -> Result<(), Refused> {
        self.by_id(id)?;
        self.repos.retain(|repo| repo.id != id);
        for repo in &mut self.repos {
            repo.parent = repo.parent.filter(|parent| *parent != id);
        }
        Ok(())
    }

    /// Forks a repository; the answer is the fork's id, and whether it is new.
    pub fn fork(&mut self, id: u64, owner: &str, name: Option<&str>) -> Result<(u64, bool), Refused> {
        let origin = self.by_id(id)?;
        let name = name.unwrap_or(&origin.name).to_owned();
        let existing = self
            .repos
            .iter()
            .find(|repo| repo.parent == Some(id) && repo.owner.eq_ignore_ascii_case(owner));
        if let Some(existing) = existing {
            return Ok((existing.id, false));
        }
        if !is_name(&name) {
            return Err(Refused::BadName);
        }
        if self.repo(owner, &name).is_some() {
            return Err(Refused::Exists(What::Repo));
        }
        let fork = copy(origin, owner, &name, &now());
        self.created.take(0)?;
        let fork = Repo {
            id: self.free_id(&fork.full_name),
            ..fork
        };
        let id = fork.id;
        self.repos.push(fork);
        Ok((id, true))
    }

    /// Changes a repository. One that takes no change can be opened again.
    pub fn edit_repo(&mut self, id: u64, edit: RepoEdit) -> Result<(), Refused> {
        let repo = self.by_id(id)?;
        if edit.archived != Some(false) {
            repo.writable()?;
        }
        let default = edit.default_branch.as_ref();
        if default.is_some_and(|name| !repo.branches.contains_key(name)) {
            return Err(Refused::Missing(What::Branch));
        }
        let repo = self.by_id_mut(id)?;
        repo.archived = edit.archived.unwrap_or(repo.archived);
        repo.private = edit.private.unwrap_or(repo.private);
        repo.description = edit.description.or(repo.description.take());
        repo.default_branch = edit.default_branch.unwrap_or(std::mem::take(&mut repo.default_branch));
        repo.updated_at = now();
        Ok(())
    }

    /// Gives a repository another name; the former one leads to it from now on.
    pub fn rename_repo(&mut self, id: u64, owner: &str, name: &str) -> Result<(), Refused> {
        if !is_name(name) {
            return Err(Refused::BadName);
        }
        if self.repo(owner, name).is_some_and(|other| other.id != id) {
            return Err(Refused::Exists(What::Repo));
        }
        let former = self.by_id(id)?.full_name.to_lowercase();
        self.by_id_mut(id)?.rename(owner, name);
        self.former.insert(former, id);
        Ok(())
    }

    /// The repository of this owner that was forked from it, or that it was forked from.
    pub fn relative(&self, repo: &Repo, owner: &str) -> Option<&Repo> {
        let mut theirs = self
            .repos
            .iter()
            .filter(|other| other.owner.eq_ignore_ascii_case(owner));
        theirs.find(|other| other.parent == Some(repo.id) || repo.parent == Some(other.id))
    }

    /// Where a line of forks began.
    pub(crate) fn root_of(&self, repo: &Repo) -> u64 {
        let (mut id, mut parent) = (repo.id, repo.parent);
        while let Some(next) = parent {
            (id, parent) = (next, self.by_id(next).ok().and_then(|repo| repo.parent));
        }
        id
    }
}

/// The same refs and history under another name, and nothing of what people said.
pub(crate) fn copy(origin: &Repo, owner: &str, name: &str, at: &str) -> Repo {
    Repo {
        description: origin.description.clone(),
        language: origin.language,
        private: origin.private,
        default_branch: origin.default_branch.clone(),
        parent: Some(origin.id),
        branches: origin.branches.clone(),
        tags: origin.tags.clone(),
        history: origin.history.clone(),
        annotations: HashMap::clone(&origin.annotations),
        ..Repo::empty(owner, name, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft<'a>(name: &'a str) -> RepoDraft<'a> {
        RepoDraft {
            owner: "acme",
            name,
            description: None,
            private: true,
            default_branch: None,
        }
    }

    #[test]
    fn a_repository_comes_goes_and_comes_again() {
        let mut state = State::seeded("one");
        let id = state.create_repo(&draft("new")).unwrap();
        assert!(state.by_id(id).unwrap().is_empty());
        assert_eq!(state.create_repo(&draft("NEW")), Err(Refused::Exists(What::Repo)));
        assert_eq!(state.create_repo(&draft("a/b")), Err(Refused::BadName));
        assert_eq!(state.delete_repo(id), Ok(()));
        assert_eq!(state.delete_repo(id), Err(Refused::Missing(What::Repo)));
        assert!(state.create_repo(&draft("new")).is_ok());
    }

    #[test]
    fn a_former_name_leads_on_until_somebody_takes_it() {
        let mut state = State::seeded("one");
        let id = state.create_repo(&draft("before")).unwrap();
        state.rename_repo(id, "acme", "after").unwrap();
        assert!(state.repo("acme", "before").is_none());
        assert_eq!(state.moved("ACME", "Before").map(|repo| repo.id), Some(id));
        state.create_repo(&draft("before")).unwrap();
        assert!(state.moved("acme", "before").is_none());
    }

    #[test]
    fn what_is_archived_takes_no_change_until_it_is_opened() {
        let mut state = State::seeded("one");
        let id = state.repo("many", "repo-001").unwrap().id;
        let edit = |archived, branch: &str| RepoEdit {
            archived,
            default_branch: Some(branch.to_owned()),
            ..RepoEdit::default()
        };
        let unknown = state.edit_repo(id, edit(None, "none"));
        assert_eq!(unknown, Err(Refused::Missing(What::Branch)));
        assert_eq!(state.edit_repo(id, edit(Some(true), "main")), Ok(()));
        assert_eq!(state.create_branch(id, "x", "main"), Err(Refused::Archived));
        assert_eq!(state.edit_repo(id, edit(None, "main")), Err(Refused::Archived));
        assert_eq!(state.edit_repo(id, edit(Some(false), "main")), Ok(()));
        assert_eq!(state.create_branch(id, "x", "main"), Ok(()));
    }

    #[test]
    fn a_fork_is_made_once() {
        let mut state = State::seeded("one");
        let origin = state.repo("acme", "api").unwrap().id;
        let (fork, new) = state.fork(origin, "sandbox-user", None).unwrap();
        assert_eq!(state.fork(origin, "sandbox-user", Some("other")), Ok((fork, false)));
        let found = state.by_id(fork).unwrap();
        assert!(new && found.issues.is_empty() && found.branches.len() == 3);
        assert_eq!(state.root_of(found), origin);
        let origin = state.by_id(origin).unwrap();
        assert_eq!(state.relative(origin, "Sandbox-User").map(|repo| repo.id), Some(fork));
        assert_eq!(state.relative(found, "acme").map(|repo| repo.id), Some(origin.id));
        assert!(state.relative(origin, "many").is_none());
    }
}
