//! Pure policies: decisions that need no runtime, only their arguments.
//!
//! Invariant: nothing below imports tokio or ractor, reads a clock or draws a random number; time and chance are
//! arguments, so that property tests can run every case.

pub mod backoff;
pub mod balance;
pub mod breaker;
pub mod concurrency;
pub mod credits;
pub mod estimate;
pub mod freshness;
pub mod glob;
pub mod health;
pub mod hedge;
pub mod intensity;
pub mod lifecycle;
pub mod limit;
pub mod offers;
pub mod outlier;
pub mod pacing;
pub mod places;
pub mod price;
pub mod recover;
pub mod retry_budget;
pub mod routing;
pub mod scopes;
pub mod settle;
pub mod slow_start;
pub mod waiting;

use std::time::Duration;

/// Nanoseconds of a duration, saturating: the unit of every `now`.
pub fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
