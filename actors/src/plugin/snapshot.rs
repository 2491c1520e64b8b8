//! Plugins as the admin endpoint shows them.
//!
//! Invariant: taken from a whole record and published atomics; it asks no mailbox.

use std::sync::Arc;

use serde::Serialize;

use super::record::{Health, Record};
use crate::instance::InstanceSnapshot;
use crate::operation::Operations;
use crate::policy::lifecycle::Life;

/// A plugin as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct PluginSnapshot {
    /// Its name.
    pub name: Arc<str>,
    /// The kind of its driver.
    pub kind: Arc<str>,
    /// Its loader.
    pub loader: Arc<str>,
    /// Where it is in its life.
    pub life: Life,
    /// Milliseconds since it came there.
    pub for_ms: u64,
    /// Counts its successful starts and updates.
    pub revision: u64,
    /// What is being done with it.
    pub busy: Option<&'static str>,
    /// What went wrong last.
    pub problem: Option<Arc<str>>,
    /// Whether its settings can be used.
    pub config: ConfigSnapshot,
    /// Whether it is well.
    pub health: HealthSnapshot,
    /// Its last steps, oldest first.
    pub history: Vec<Passed>,
    /// The path of its supervisor in the tree.
    pub path: Option<Arc<str>>,
    /// Its instance, while there is one.
    pub instance: Option<InstanceSnapshot>,
}

/// Whether a plugin's settings can be used, as of its last start.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigSnapshot {
    /// They can.
    pub valid: bool,
    /// Why not.
    pub why: Option<Arc<str>>,
}

/// A plugin's health as the admin endpoint shows it: what was heard when it was asked, unless its calls have met since that
/// its credential is refused or its account spent, or it was asked since and was not well.
#[derive(Clone, Debug, Serialize)]
pub struct HealthSnapshot {
    /// `healthy`, `unhealthy` or `unknown`.
    pub state: &'static str,
    /// Milliseconds since that was first heard.
    pub for_ms: u64,
    /// Why it is not well.
    pub why: Option<Arc<str>>,
    /// Milliseconds since it last showed how it is, asked or by its answer to a call, be that a refusal of what was called
    /// for; absent where it never was asked.
    pub checked_ms: Option<u64>,
}

/// One step of a life.
#[derive(Clone, Debug, Serialize)]
pub struct Passed {
    /// To here.
    pub life: Life,
    /// Milliseconds after the system's start.
    pub at_ms: u64,
}

impl PluginSnapshot {
    /// As of `now`, below the supervisor at `above`.
    pub(super) fn of(record: &Record, above: &str, operations: &Operations, now: u64) -> Self {
        let placed = record.placed();
        PluginSnapshot {
            name: record.spec.name.clone(),
            kind: record.spec.kind.clone(),
            loader: record.spec.loader.clone(),
            life: record.standing.life(),
            for_ms: now.saturating_sub(record.since) / 1_000_000,
            revision: record.revision,
            busy: record.busy.as_ref().map(|busy| busy.with),
            problem: record.problem.clone(),
            config: ConfigSnapshot {
                valid: record.invalid.is_none(),
                why: record.invalid.clone(),
            },
            health: HealthSnapshot::of(record, now),
            history: record.history.iter().map(Passed::of).collect(),
            path: placed.map(|placed| format!("{above}/{}", placed.child).into()),
            instance: placed.map(|placed| placed.instance.snapshot(operations, now)),
        }
    }
}

impl HealthSnapshot {
    /// What was heard, unless it is plain that its actor is down.
    pub(super) fn of(record: &Record, now: u64) -> Self {
        let placed = record.standing.current();
        let down = record.standing.life().serves() && placed.is_some_and(|placed| !placed.instance.is_up());
        let unfit = placed.and_then(|placed| placed.instance.ill());
        let heard = placed.and_then(|placed| placed.instance.last_heard());
        let well_since = placed.map_or(0, |placed| placed.instance.well_since());
        let (state, why, since) = match (&record.health.0, unfit) {
            _ if down => ("unhealthy", Some(Arc::from("its actor is down")), record.health.1),
            (Health::Unhealthy(why), _) => ("unhealthy", Some(why.clone()), record.health.1),
            (_, Some((why, since))) => ("unhealthy", Some(why), since),
            (Health::Unknown, None) => ("unknown", None, record.health.1.max(well_since)),
            (Health::Healthy(_), None) => ("healthy", None, record.health.1.max(well_since)),
        };
        HealthSnapshot {
            state,
            for_ms: now.saturating_sub(since) / 1_000_000,
            why,
            checked_ms: record
                .checked
                .map(|at| heard.map_or(at, |heard| heard.max(at)))
                .map(|at| now.saturating_sub(at) / 1_000_000),
        }
    }
}

impl Passed {
    fn of((life, at): &(Life, u64)) -> Self {
        Passed {
            life: *life,
            at_ms: at / 1_000_000,
        }
    }
}
