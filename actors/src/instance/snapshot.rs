//! An instance as the admin endpoint shows it.
//!
//! Invariant: plain data, true at one instant.

use std::sync::Arc;

use serde::Serialize;

use crate::breaker::BreakerSnapshot;

/// An instance as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceSnapshot {
    /// Its name.
    pub name: Arc<str>,
    /// The kind of its driver.
    pub kind: Arc<str>,
    /// It takes new attempts.
    pub accepting: bool,
    /// Attempts in flight.
    pub in_flight: usize,
    /// The bound on them.
    pub max_in_flight: usize,
    /// Attempts that succeeded.
    pub succeeded: u64,
    /// Attempts that failed by its fault.
    pub failed: u64,
    /// How the last attempt ended; none yet where absent.
    pub last: Option<LastAttempt>,
    /// Its circuit breaker.
    pub breaker: BreakerSnapshot,
    /// For how long it still asks not to be asked.
    pub limited_for_ms: Option<u64>,
    /// What it can do.
    pub operations: Vec<&'static str>,
}

/// How an instance's last attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LastAttempt {
    /// It did not fail by the instance's fault.
    pub succeeded: bool,
    /// Milliseconds ago.
    pub ago_ms: u64,
}
