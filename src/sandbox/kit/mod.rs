//! What the sandbox's servers share, so that a new one is little to write: how a vendor is opened, whom it lets in, how its
//! allowances are counted and its lists are cut into pages.
//!
//! Invariant: no vendor is named here, and nothing here imports one.

pub(crate) mod credential;
pub(crate) mod lock;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod quota;
pub(crate) mod vendor;
