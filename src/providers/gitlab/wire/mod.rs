//! GitLab's JSON, as far as it is used (REST, `/api/v4`).
//!
//! Invariant: only what names a thing is required here; GitLab leaves out what a version, a tier or a role does not know.

mod merge;
mod project;
mod repository;
mod said;
mod tracker;

pub use merge::*;
pub use project::*;
pub use repository::*;
pub use said::*;
pub use tracker::*;
