//! Who sends requests.
//!
//! Invariant: nobody is more than their token says.

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Anonymous,
    User,
    /// With a token that only reads.
    Reader,
    /// A running job, where a job may be.
    Job,
}
