//! Labels: a repository's own, and those that its organisation shares.
//!
//! Invariant: a label has one id, the same on every instance.

use crate::sandbox::forge::{Label as Own, Repo, stable_id};

/// Every organisation has these.
const SHARED: &[&str] = &["org-wide"];

/// A label.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub own: Own,
    /// Its organisation's, not the repository's own.
    pub shared: bool,
}

/// A repository's own labels.
pub(crate) fn of_repo(repo: &Repo) -> Vec<Label> {
    let own = |own: &Own| Label {
        own: own.clone(),
        shared: false,
    };
    repo.labels.iter().map(own).collect()
}

pub(crate) fn of_org(org: &str) -> Vec<Label> {
    let label = |name: &&str| Label {
        own: Own {
            id: stable_id(&format!("label {org} {name}")),
            ..Own::seeded(org, name)
        },
        shared: true,
    };
    SHARED.iter().map(label).collect()
}

/// What an issue of this repository can carry.
pub(crate) fn known(repo: &Repo) -> Vec<Label> {
    let mut labels = of_repo(repo);
    labels.extend(of_org(&repo.owner));
    labels
}

/// The names of those with these ids; an id that there is not is dropped without a word.
pub(crate) fn named(repo: &Repo, ids: &[i64]) -> Vec<String> {
    let asked = |label: &Label| ids.iter().any(|id| u64::try_from(*id) == Ok(label.own.id));
    let known = known(repo).into_iter().filter(asked);
    known.map(|label| label.own.name).collect()
}
