//! What a plugin's record is told and tells: orders, steps, and how they ended.
//!
//! Invariant: plain values; what follows from them is decided in [`Standing`](super::Standing) alone.

use crate::policy::lifecycle::Life;

/// What is wanted of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It serves.
    Running,
    /// Only its name is left.
    Stopped,
    /// Nothing is left.
    Gone,
}

/// What may be ordered of a plugin that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A successor replaces it.
    Update,
    /// It takes calls, from wherever it is; `drained` says that it runs and takes none.
    Start {
        /// It takes no calls although it runs.
        drained: bool,
    },
    /// No new calls, but its actors stay.
    Drain,
    /// It ends, but for its name.
    Stop,
    /// It ends and is forgotten.
    Remove,
}

/// Why an order is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An earlier order is not done yet.
    Busy,
    /// A plugin that is there in its life cannot take it.
    Life(Life),
}

/// A step that takes time: done elsewhere, with its end told to [`Standing::ended`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work<P> {
    /// Look at the spec.
    Validate,
    /// Make an instance of the spec.
    Load,
    /// Start the actors of this one; they may be there already.
    PutUp(P),
    /// Ask this one whether it is well, before it serves.
    Check(P),
    /// Wait until this one, which stays, has no call in flight.
    Drain(P),
    /// See whether this one, which serves or did, is well; put it up again if it is lost.
    Look(P),
    /// Stop the actors of this one; they may be gone already.
    TakeDown {
        /// It is in nobody's place any more.
        placed: P,
        /// Its calls in flight have their time first.
        drain: bool,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended<P> {
    /// As it should.
    Worked,
    /// The load gave this.
    Loaded(P),
    /// Not as it should; `up`: the actors of the one that it was about are live.
    Failed {
        /// They are kept, and looked at again.
        up: bool,
    },
}

/// What a step's end means for what is known of the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing beyond the step.
    Onward,
    /// It was started, and serves.
    Started,
    /// The successor serves in its place.
    Replaced,
    /// The successor's spec is its own from now on.
    Adopted,
    /// The update came to nothing; it is as it was.
    RolledBack,
    /// It is well.
    Well,
    /// It is not, and is looked at again.
    Unwell,
}
