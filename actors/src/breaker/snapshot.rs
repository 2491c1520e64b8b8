//! A breaker as the admin endpoint shows it.
//!
//! Invariant: plain data, true at one instant.

use std::sync::Arc;

use serde::Serialize;

use crate::policy::breaker::Tally;

/// A circuit as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct BreakerSnapshot {
    /// The part of its instance's calls that it guards: a cost class or a model; absent where that is all, or all the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Arc<str>>,
    /// `closed`, `open`, `half_open` or `forced_open`.
    pub state: &'static str,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// Times that it opened since it was last closed.
    pub openings: u32,
    /// Until probes may pass; of a forced one, until it closes by itself.
    pub retry_in_ms: Option<u64>,
    /// By whose order it is open.
    pub why: Option<Arc<str>>,
    /// The calls that it looks back on; absent where it looks at none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowSnapshot>,
}

/// The calls that a breaker looks back on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WindowSnapshot {
    /// All of them.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that took too long.
    pub slow: u32,
}

impl WindowSnapshot {
    pub(super) fn of(tally: Tally) -> Self {
        let Tally { calls, failed, slow } = tally;
        WindowSnapshot { calls, failed, slow }
    }
}

impl BreakerSnapshot {
    /// How far calls are from passing: less is better.
    pub(super) fn trouble(&self) -> (u8, u32) {
        let state = match self.state {
            "closed" => 0,
            "half_open" => 1,
            "open" => 2,
            _ => 3,
        };
        (state, self.consecutive_failures)
    }
}
