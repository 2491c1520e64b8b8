//! Why a CI server does not do what it is asked.
//!
//! Invariant: a refusal says what is the matter, and leaves it to the vendor how that is put.

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such project, workflow, run, job or secret.
    Missing,
    /// The workflow is switched off.
    Disabled,
    /// The workflow is not started this way.
    NoTrigger,
    /// The run has come to its end already.
    Over,
    /// The run has not come to its end yet.
    NotOver,
    /// The run waits for nobody.
    NotBlocked,
    /// No job of the run failed.
    NothingFailed,
    /// The run's definition is broken: it can never run again.
    Broken,
    /// The run was tried as often as a run may be.
    TooManyAttempts,
    /// This server, or this project, holds all that it may.
    Full,
}
