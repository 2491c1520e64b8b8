//! Where a run is, and how it ends.
//!
//! Invariant: an ending is a fact of the run, whatever word a vendor has for it.

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    /// Its last job failed.
    Failure,
    /// All of it ran, and not all was well.
    Unstable,
    /// Its definition is broken: nothing ran.
    Error,
    /// Somebody stopped it.
    Cancelled,
    /// A newer run took its place.
    Superseded,
    /// Somebody refused to let it run.
    Declined,
    /// There was nothing to run.
    Skipped,
}

/// Where a run, a job or a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits for somebody's word.
    Blocked,
    Queued,
    Running,
    Over(Ending),
}

impl Ending {
    /// Every ending, in the order of the seeded runs.
    pub const ALL: [Ending; 8] = [
        Ending::Success,
        Ending::Failure,
        Ending::Error,
        Ending::Cancelled,
        Ending::Superseded,
        Ending::Declined,
        Ending::Skipped,
        Ending::Unstable,
    ];

    /// Whether its steps ran to an end of their own.
    pub const fn ran(self) -> bool {
        matches!(self, Ending::Success | Ending::Failure | Ending::Unstable)
    }
}

impl Stage {
    pub const fn is_over(self) -> bool {
        matches!(self, Stage::Over(_))
    }

    pub const fn ending(self) -> Option<Ending> {
        match self {
            Stage::Over(ending) => Some(ending),
            _ => None,
        }
    }
}
