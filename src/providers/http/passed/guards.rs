//! What is replaced in the answers of an endpoint.
//!
//! Invariant: it is of the address at which a caller finds the instance and of what is hidden of the credential that went with
//! the request: for another address or another of what is hidden, there is another.

use std::sync::Arc;

use super::few::Few;
use super::masks::Masks;
use super::replace::Rules;

/// What is replaced, and what is hidden.
#[derive(Default)]
pub(super) struct Guards {
    pub(super) ours: String,
    /// In what leads to more.
    pub(super) rules: Rules,
    /// In every text; no header holds any of it.
    pub(super) masks: Arc<Masks>,
}

/// Those that were made last: most callers find an instance at one address, and few tokens are worn by turns.
#[derive(Default)]
pub(in crate::providers::http) struct Kept(pub(super) Few<Guards>);

impl Guards {
    pub(super) fn are_of(&self, ours: &str, masks: &Arc<Masks>) -> bool {
        Arc::ptr_eq(&self.masks, masks) && self.ours == ours
    }
}
