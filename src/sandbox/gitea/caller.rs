//! Who sent a request.
//!
//! Invariant: who shows no token sees nothing that is private.

use super::scope::Scope;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Anonymous,
    User {
        scope: Scope,
        /// By name and password.
        basic: bool,
    },
}

impl Caller {
    /// Whether it is shown what is private.
    pub fn sees_private(&self) -> bool {
        matches!(self, Self::User { scope, .. } if !scope.public_only)
    }
}
