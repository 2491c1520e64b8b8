//! What the tasks of calls work with.
//!
//! Invariant: it belongs to the system; no restart of an actor changes it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::settings::Settings;
use crate::cache::tiered::TieredCache;
use crate::clock::Clock;
use crate::credits::CreditBook;
use crate::messages::RouterMsg;
use crate::supervision::Handle;
use crate::telemetry::Meters;

/// What the tasks of calls work with.
pub(crate) struct TaskEnv {
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    pub(crate) cache: Arc<TieredCache>,
    pub(crate) router: Handle<RouterMsg>,
    /// What may be spent where.
    pub(crate) credits: Arc<CreditBook>,
    /// Ends the work when a drain gives up.
    pub(crate) stop: CancellationToken,
}
