//! What a repository holds beside its history.
//!
//! Invariant: nothing here knows the repository that holds it.

pub(crate) mod branch;
pub(crate) mod hook;
pub(crate) mod issue;
pub(crate) mod label;
pub(crate) mod pull;
pub(crate) mod release;
pub(crate) mod review;
pub(crate) mod status;
pub(crate) mod tag;
