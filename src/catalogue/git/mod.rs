//! Git: repositories, branches, files.
//!
//! Invariant: every `id` in an output is accepted as the resource of an input.

mod branch;
mod file;
mod repo;

pub use branch::{Branch, BranchList, BranchListInput};
pub use file::{Encoding, File, FileGet, FileGetInput};
pub use repo::{Repo, RepoGet, RepoGetInput, RepoList, RepoListInput, Visibility};
