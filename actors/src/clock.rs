//! Time as numbers, for atomics.
//!
//! Invariant: nanoseconds since one origin per system; they never run backwards and follow tokio's paused clock.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

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

/// The time of day, for what goes by the calendar: hours of rules, periods of credits.
#[derive(Clone)]
pub struct Wall(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Wall {
    /// Seconds since the Unix epoch, as `seconds` tells them.
    pub fn new(seconds: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Wall(Arc::new(seconds))
    }

    /// Seconds since the Unix epoch.
    pub fn unix(&self) -> u64 {
        (self.0)()
    }
}

impl Default for Wall {
    /// The machine's. Before the epoch it is taken to be the epoch.
    fn default() -> Self {
        Wall::new(|| SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs())
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wall({})", self.unix())
    }
}
