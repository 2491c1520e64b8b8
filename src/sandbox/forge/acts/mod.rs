//! What people do on a forge.
//!
//! Invariant: what is refused has changed nothing.

pub(crate) mod branch;
pub(crate) mod commit;
pub(crate) mod compare;
pub(crate) mod file;
pub(crate) mod hook;
pub(crate) mod issue;
pub(crate) mod object;
pub(crate) mod pull;
pub(crate) mod release;
pub(crate) mod repos;
pub(crate) mod review;
pub(crate) mod seeded;
pub(crate) mod status;
pub(crate) mod tag;
pub(crate) mod tracker;
