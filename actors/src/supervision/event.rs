//! What happens in a tree, as it happens.
//!
//! Invariant: events are hints for watchers; one that lags loses some, and reads the snapshot and the ledger instead.

use std::sync::Arc;

use super::ledger::Why;

/// Something that happened to a child.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Its first incarnation is up.
    Started {
        /// Who.
        path: Arc<str>,
    },
    /// A later incarnation is up.
    Restarted {
        /// Who.
        path: Arc<str>,
        /// Which incarnation.
        generation: u64,
    },
    /// An incarnation, or its start, failed.
    Failed {
        /// Who.
        path: Arc<str>,
        /// Which incarnation.
        generation: u64,
        /// How.
        why: Why,
    },
    /// It waits for its restart.
    BackingOff {
        /// Who.
        path: Arc<str>,
        /// For how long.
        delay_ms: u64,
    },
    /// It is stopped, by request, in a group's restart, or by a normal exit.
    Stopped {
        /// Who.
        path: Arc<str>,
    },
    /// It was removed from the tree.
    Removed {
        /// Who.
        path: Arc<str>,
    },
    /// A supervisor exceeded its restart intensity and gave up.
    Escalated {
        /// Which supervisor.
        path: Arc<str>,
    },
}
