//! Labels: a repository's own, and those that its organisation shares.
//!
//! Invariant: a label has one id, the same on every instance.

use crate::sandbox::forge::{Repo, stable_id};

/// Every repository has these.
const USUAL: &[&str] = &["bug", "documentation", "enhancement", "help wanted"];
/// Every organisation has these.
const SHARED: &[&str] = &["org-wide"];
/// The repository with more labels than a page has.
const LABELLED: &str = "acme/web";
/// How many more.
const AREAS: usize = 120;

/// A label.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub id: u64,
    pub name: String,
    /// Its organisation's, not the repository's own.
    pub shared: bool,
}

/// A repository's own labels.
pub(crate) fn of_repo(repo: &Repo) -> Vec<Label> {
    let areas = if repo.full_name == LABELLED { AREAS } else { 0 };
    let areas = (1..=areas).map(|n| format!("area-{n:03}"));
    let names = USUAL.iter().map(ToString::to_string).chain(areas);
    names
        .map(|name| Label {
            id: stable_id(&format!("label {} {name}", repo.full_name)),
            name,
            shared: false,
        })
        .collect()
}

pub(crate) fn of_org(org: &str) -> Vec<Label> {
    let label = |name: &&str| Label {
        id: stable_id(&format!("label {org} {name}")),
        name: (*name).to_owned(),
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
    let asked = |label: &Label| ids.iter().any(|id| u64::try_from(*id) == Ok(label.id));
    let known = known(repo).into_iter().filter(asked);
    known.map(|label| label.name).collect()
}
