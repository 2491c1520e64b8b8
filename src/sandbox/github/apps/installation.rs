//! Who has installed the app, and what that covers.
//!
//! Invariant: an installation has the same number in every run.

use crate::sandbox::forge::{Repo, State, stable_id};
use crate::sandbox::seed::USER;

/// Who has installed it.
const ACCOUNTS: &[&str] = &["acme", USER];

/// An installation of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Installation {
    pub account: &'static str,
}

impl Installation {
    pub fn all() -> impl Iterator<Item = Self> {
        ACCOUNTS.iter().map(|account| Self { account })
    }

    pub fn of(account: &str) -> Option<Self> {
        Self::all().find(|installation| installation.account.eq_ignore_ascii_case(account))
    }

    pub fn numbered(id: u64) -> Option<Self> {
        Self::all().find(|installation| installation.id() == id)
    }

    pub fn id(self) -> u64 {
        stable_id(&format!("installation of {}", self.account))
    }

    pub fn repos(self, state: &State) -> Vec<&Repo> {
        let all = state.repos.iter();
        all.filter(|repo| repo.owner.eq_ignore_ascii_case(self.account))
            .collect()
    }
}
