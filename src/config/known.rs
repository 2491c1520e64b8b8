//! What a configuration may name that the program decides: its drivers' kinds, and its operations.
//!
//! Invariant: what is not listed here is refused where a configuration names it.

use crate::credential::Scheme;

/// The names that a program knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The kinds of providers that have a driver.
    pub kinds: Vec<KnownKind>,
    /// The operations, e.g. `git.repo.get`.
    pub operations: Vec<String>,
}

/// A kind of providers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownKind {
    /// Its name, e.g. `github`.
    pub name: String,
    /// The operations that its driver declares.
    pub operations: Vec<String>,
    /// The credentials that its driver takes.
    pub credentials: Vec<Scheme>,
    /// What it sends by itself.
    pub sends: Sends,
}

/// What a kind of providers sends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sends {
    /// Nothing.
    #[default]
    Nothing,
    /// Deliveries that prove nothing.
    Unsigned,
    /// Deliveries that prove that they come from it.
    Signed,
    /// The same, by a secret that its first delivery brings.
    Introduced,
}

impl Known {
    pub(super) fn kind(&self, name: &str) -> Option<&KnownKind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// The services, which are the first words of the operations' names.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.operations.iter().filter_map(|name| Some(name.split_once('.')?.0))
    }

    /// How operations' names may begin, up to their whole.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.operations.iter().flat_map(|name| {
            let words = name.match_indices('.').map(|(end, _)| &name[..end]);
            words.chain([name.as_str()])
        })
    }
}
