//! What is told of plugins to those who watch: their configuration, their lives, their health.
//!
//! Invariant: only what differs from what was told before is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::record::Record;
use super::snapshot::HealthSnapshot;
use crate::supervision::{Event, Events};

/// Of whom nothing was heard.
const UNKNOWN: &str = "unknown";

pub(super) struct News {
    events: Events,
    /// The health that was told last, of those who had another than unknown. Held for a look or an insertion.
    health: Mutex<HashMap<Arc<str>, &'static str>>,
}

impl News {
    pub(super) fn new(events: &Events) -> Self {
        News {
            events: events.clone(),
            health: Mutex::default(),
        }
    }

    /// A record took another's place at `now`.
    pub(super) fn changed(&self, before: Option<&Record>, after: Option<&Record>, now: u64) {
        let change = match (before, after) {
            (None, Some(_)) => Some("added"),
            (Some(_), None) => Some("removed"),
            (Some(before), Some(after)) if !Arc::ptr_eq(&before.spec.manifest, &after.spec.manifest) => Some("updated"),
            _ => None,
        };
        if let (Some(change), Some(record)) = (change, after.or(before)) {
            let plugin = record.spec.name.clone();
            self.events.tell(Event::ConfigChanged { plugin, change });
        }
        let Some(after) = after else {
            if let Some(before) = before {
                self.told().remove(&before.spec.name);
            }
            return;
        };
        let life = after.standing.life();
        if before.is_some_and(|before| before.standing.life() != life) {
            self.events.tell(Event::Life {
                plugin: after.spec.name.clone(),
                life: life.as_str(),
                why: after.problem.clone(),
            });
        }
        self.health(after, now);
    }

    /// Tells a plugin's health, if it is another one; what its calls meet can change it, too.
    pub(super) fn health(&self, record: &Record, now: u64) {
        let HealthSnapshot { state, why, .. } = HealthSnapshot::of(record, now);
        let plugin = record.spec.name.clone();
        let before = match state {
            UNKNOWN => self.told().remove(&plugin),
            state => self.told().insert(plugin.clone(), state),
        };
        if before.unwrap_or(UNKNOWN) != state {
            self.events.tell(Event::Health { plugin, state, why });
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, &'static str>> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
