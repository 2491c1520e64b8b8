//! Projects: the issues of a tracker.
//!
//! Invariant: an issue's neutral id, `instance~project#number`, names it at every surface.

mod issue;

pub use issue::{
    Issue, IssueCreate, IssueCreateInput, IssueGet, IssueGetInput, IssueList, IssueListInput, IssueState, StateFilter,
};
