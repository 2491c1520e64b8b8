//! Time as numbers, for atomics.
//!
//! Invariant: nanoseconds since one origin per system; they never run backwards and follow tokio's paused clock.

use tokio::time::Instant;

pub use crate::policy::nanos_of;

/// The origin of a system's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts counting now.
    pub fn start() -> Self {
        Clock { origin: Instant::now() }
    }

    /// Nanoseconds since the start. Enough for 584 years.
    pub fn nanos(&self) -> u64 {
        self.nanos_at(Instant::now())
    }

    /// Nanoseconds from the start to `instant`.
    pub fn nanos_at(&self, instant: Instant) -> u64 {
        nanos_of(instant.saturating_duration_since(self.origin))
    }
}
