//! What is replaced in the answers of an endpoint.
//!
//! Invariant: it is of the address at which a caller finds the instance and of the credential that went with the request, and
//! is made anew when either is another.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::replace::Rules;
use crate::providers::http::credential::Token;

/// What is replaced, and what is hidden.
#[derive(Default)]
pub(super) struct Guards {
    pub(super) ours: String,
    pub(super) worn: Option<Arc<Token>>,
    /// In what leads to more.
    pub(super) rules: Rules,
    /// In every text.
    pub(super) masks: Rules,
    /// No header holds one.
    pub(super) secrets: Vec<String>,
}

/// Those that were made last: most callers find an instance at one address.
#[derive(Default)]
pub(in crate::providers::http) struct Kept(pub(super) ArcSwapOption<Guards>);

impl Guards {
    pub(super) fn are_of(&self, ours: &str, worn: Option<&Arc<Token>>) -> bool {
        self.worn.as_ref().map(Arc::as_ptr) == worn.map(Arc::as_ptr) && self.ours == ours
    }
}
