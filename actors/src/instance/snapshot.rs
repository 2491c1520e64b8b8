//! An instance as the admin endpoint shows it.
//!
//! Invariant: plain data, true at one instant.

use std::sync::Arc;

use serde::Serialize;

use super::traffic::TrafficSnapshot;
use crate::breaker::BreakerSnapshot;
use crate::rate_limit::RateLimit;

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
    /// The bound in force now, where it adapts.
    pub limit: usize,
    /// Attempts that wait for a place.
    pub waiting: usize,
    /// What its attempts met since it was made.
    pub traffic: TrafficSnapshot,
    /// Its circuit breaker; of a divided one, the circuit that is worst.
    pub breaker: BreakerSnapshot,
    /// All circuits of a divided one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerSnapshot>,
    /// The share of its weight that it gets for now, in `0..=1`: less than 1 while it starts slowly after it came back.
    pub share: f32,
    /// For how long it is still ejected from among its equivalents.
    pub ejected_for_ms: Option<u64>,
    /// For how long it still asks not to be asked.
    pub limited_for_ms: Option<u64>,
    /// What its provider said of its limits on us.
    pub rate_limits: Vec<RateLimit>,
    /// What it can do.
    pub operations: Vec<&'static str>,
}
