//! What a forge begins with: the seeds, repositories that are unlike others, and the fork from which the seeded pull
//! requests come.
//!
//! Invariant: they are the same in every run.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use super::repos::copy;
use crate::sandbox::forge::created::Created;
use crate::sandbox::forge::data::branch::Branch;
use crate::sandbox::forge::data::issue::Issue;
use crate::sandbox::forge::data::pull::{Merge, Pull};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::state::State;
use crate::sandbox::forge::tree::{Blob, Snapshot};
use crate::sandbox::seed::{ForgeSeed, GUEST, SEEDED_AT, USER, seeded_commit};

/// Who has them.
const OWNER: &str = "quirks";
/// The number that an issue of `quirks/renamed` had.
const DELETED: u64 = 2;
/// Branches of `quirks/crowded`.
const CROWD: usize = 10_000;

/// Made once: it is the same everywhere.
static CROWDED: LazyLock<Repo> = LazyLock::new(|| {
    let mut repo = small(OWNER, "crowded", "Many branches");
    let commit = repo.head().map(|head| head.id.clone()).unwrap_or_default();
    let crowd = (1..=CROWD).map(|n| Branch {
        name: format!("topic/{n:05}"),
        commit: commit.clone(),
        protected: false,
    });
    let crowd: BTreeMap<_, _> = crowd.map(|branch| (branch.name.clone(), branch)).collect();
    Arc::make_mut(&mut repo.branches).extend(crowd);
    repo
});

impl State {
    /// What the forge of this instance begins with.
    pub fn seeded(instance: &str) -> Self {
        let ForgeSeed { user, repos } = ForgeSeed::new(instance);
        let mut state = Self {
            user,
            repos: repos.into_iter().map(Repo::seeded).collect(),
            former: HashMap::new(),
            created: Created::default(),
        };
        add(&mut state);
        state
    }
}

impl State {
    /// Adds a repository with one commit, for a forge that begins with more than others.
    pub fn plant(&mut self, owner: &str, name: &str, text: &str) {
        self.repos.push(small(owner, name, text));
    }
}

fn add(state: &mut State) {
    let archived = Repo {
        archived: true,
        ..small(OWNER, "archived", "Nothing changes here any more")
    };
    let empty = Repo {
        description: Some("Nothing was written here yet".to_owned()),
        ..Repo::empty(OWNER, "empty", SEEDED_AT)
    };
    let mut renamed = small(OWNER, "former", "It had another name");
    renamed.rename(OWNER, "renamed");
    renamed.issues.extend(odd_issues());
    renamed.deleted.insert(DELETED);
    state.former.insert(format!("{OWNER}/former"), renamed.id);
    state.repos.extend([archived, CROWDED.clone(), empty, renamed]);
    for name in ["api", "web"] {
        let at = state.repos.iter().position(|repo| repo.is_called("acme", name));
        let fork = at.map(|at| fork_with_pulls(&mut state.repos[at]));
        state.repos.extend(fork);
    }
}

/// Issues that are unlike others: one that has moved, one that is locked, and the number of one that is gone.
fn odd_issues() -> [Issue; 2] {
    let at = || SEEDED_AT.to_owned();
    let draft = |number, title: &str| Issue {
        number,
        created_at: at(),
        updated_at: at(),
        ..Issue::draft(title.to_owned(), USER)
    };
    let moved = Issue {
        open: false,
        closed_at: Some(at()),
        moved_to: Some(("acme/api".to_owned(), 1)),
        ..draft(1, "It was moved")
    };
    let locked = Issue {
        locked: true,
        ..draft(DELETED + 1, "Nobody else may say more")
    };
    [moved, locked]
}

/// A repository with one commit.
fn small(owner: &str, name: &str, text: &str) -> Repo {
    let mut repo = Repo {
        description: Some(text.to_owned()),
        ..Repo::empty(owner, name, SEEDED_AT)
    };
    let readme = Blob::new(format!("# {owner}/{name}\n\n{text}.\n"));
    let tree: Snapshot = [("README.md".into(), readme)].into_iter().collect();
    let commit = seeded_commit(tree, None, "Initial commit\n");
    repo.set_branch(Branch {
        name: repo.default_branch.clone(),
        commit: commit.id.clone(),
        protected: false,
    });
    repo.history.add(commit);
    repo
}

/// The fork of somebody else, with a branch for every seeded pull request, each with one more file.
fn fork_with_pulls(origin: &mut Repo) -> Repo {
    let mut fork = copy(origin, GUEST, &origin.name, SEEDED_AT);
    let (Some(head), base) = (origin.head().cloned(), origin.default_branch.clone()) else {
        return fork;
    };
    let root = origin.history.log(&head.id).pop().unwrap_or_else(|| head.clone());
    let guests = origin.issues.iter_mut().filter(|issue| issue.author == GUEST);
    for Issue {
        number,
        open,
        pull,
        closed_at,
        title,
        ..
    } in guests
    {
        let (number, branch) = (*number, format!("pull-{number}"));
        // Those that are closed were merged, and what they started from is behind the base's last commit.
        let from = if *open { &head } else { &root };
        let note = Blob::new(format!("{title}\n"));
        let tree = from.tree.with(&format!("notes/{number}.md"), note).unwrap_or_default();
        let commit = seeded_commit(tree, Some(from), &format!("{title}\n"));
        for history in [&mut origin.history, &mut fork.history] {
            history.add(commit.clone());
        }
        fork.set_branch(Branch {
            name: branch.clone(),
            commit: commit.id.clone(),
            protected: false,
        });
        *pull = Some(Box::new(Pull {
            head_repo: fork.id,
            head_owner: GUEST.to_owned(),
            head: branch,
            head_id: commit.id.clone(),
            base: base.clone(),
            base_id: from.id.clone(),
            draft: false,
            merged: closed_at.clone().map(|at| Merge {
                at,
                by: USER,
                commit: head.id.clone(),
            }),
            reviews: Vec::new(),
            asked: false,
        }));
    }
    fork
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_as_it_is_named() {
        let state = State::seeded("one");
        let repo = |name| state.repo(OWNER, name).unwrap();
        assert!(repo("archived").writable().is_err() && repo("empty").is_empty());
        assert_eq!(repo("crowded").branches.len(), CROWD + 1);
        assert_eq!(state.moved(OWNER, "former").unwrap().name, "renamed");
        let other = State::seeded("two");
        assert_eq!(repo("renamed").id, other.repo(OWNER, "renamed").unwrap().id);
    }
}
