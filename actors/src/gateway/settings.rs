//! Bounds of the call path.
//!
//! Invariant: fixed while a system runs.

use std::time::Duration;

use crate::policy::hedge::HedgeSettings;
use crate::policy::outlier::OutlierSettings;
use crate::policy::recover::RecoverSettings;

/// Bounds of the call path.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls past the lookup at most; beyond, `overloaded`.
    pub max_in_flight: usize,
    /// The error flow.
    pub recover: RecoverSettings,
    /// When an instance is ejected from among its equivalents.
    pub outlier: OutlierSettings,
    /// When a second instance is asked the same.
    pub hedge: HedgeSettings,
    /// A stream in which no byte comes for so long has failed.
    pub stream_idle: Duration,
    /// A stream of events in which none comes for so long has failed, whatever else comes, and be it bytes: comments keep a
    /// connection alive, and a caller waiting. Not less than `stream_idle` counts; and not where an operation
    /// [follows](crate::call::Operation::follows) something.
    pub stream_silence: Duration,
    /// The longest that a stream of events may take.
    pub stream_max: Duration,
    /// The longest that the transfer of a file may take. A call's deadline bounds the time until its first byte.
    pub transfer_max: Duration,
    /// The largest file that is carried, in bytes.
    pub transfer_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_in_flight: 10_000,
            recover: RecoverSettings::default(),
            outlier: OutlierSettings::default(),
            hedge: HedgeSettings::default(),
            stream_idle: Duration::from_secs(30),
            stream_silence: Duration::from_secs(300),
            stream_max: Duration::from_secs(600),
            transfer_max: Duration::from_secs(3_600),
            transfer_bytes: 10 << 30,
        }
    }
}
