//! What happens in a system, as it happens.
//!
//! Invariant: events are hints for watchers; one that lags loses some, is told how many, and reads the snapshot and the
//! ledger instead.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;

use super::ledger::{Why, unix_ms};

/// Events that a watcher may lag behind before it loses some.
const EVENTS: usize = 1024;

/// Where the parts of one system tell what happens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events(broadcast::Sender<Told>);

impl Default for Events {
    fn default() -> Self {
        Events(broadcast::Sender::new(EVENTS))
    }
}

impl Events {
    /// Tells those who watch.
    pub fn tell(&self, event: Event) {
        let told = Told {
            at_unix_ms: unix_ms(),
            event,
        };
        // An error says that nobody watches.
        let _ = self.0.send(told);
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.0.receiver_count()
    }

    /// What happens from now on. A watcher that lags by more than 1,024 events loses some.
    pub fn subscribe(&self) -> broadcast::Receiver<Told> {
        self.0.subscribe()
    }
}

/// An event, and when it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened: to a child of the tree, to a circuit breaker, an instance or a plugin, or by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Its first incarnation is up.
    Started {
        /// Who.
        path: Arc<str>,
    },
    /// A later incarnation is up.
    Restarted {
        /// Who.
        path: Arc<str>,
        /// Which incarnation.
        generation: u64,
    },
    /// An incarnation, or its start, failed.
    Failed {
        /// Who.
        path: Arc<str>,
        /// Which incarnation.
        generation: u64,
        /// How.
        why: Why,
    },
    /// It waits for its restart.
    BackingOff {
        /// Who.
        path: Arc<str>,
        /// For how long.
        delay_ms: u64,
    },
    /// It is stopped, by request, in a group's restart, or by a normal exit.
    Stopped {
        /// Who.
        path: Arc<str>,
    },
    /// It was removed from the tree.
    Removed {
        /// Who.
        path: Arc<str>,
    },
    /// A supervisor exceeded its restart intensity and gave up.
    Escalated {
        /// Which supervisor.
        path: Arc<str>,
    },
    /// A circuit breaker opened, lets a probe through, or closed.
    Breaker {
        /// What it guards: a plugin or a cache tier.
        name: Arc<str>,
        /// The part of its calls: a cost class or a model; absent where it is all of them, or all the rest.
        #[serde(skip_serializing_if = "Option::is_none")]
        part: Option<Arc<str>>,
        /// `open`, `half_open`, `closed` or `forced_open`.
        state: &'static str,
        /// Times that it opened since it was last closed.
        openings: u32,
        /// By whom, where it was forced.
        why: Option<Arc<str>>,
    },
    /// An instance was ejected from among its equivalents, or came back.
    Ejection {
        /// Who.
        name: Arc<str>,
        /// `ejected` or `returned`.
        state: &'static str,
        /// For how long, in milliseconds, where it was ejected.
        for_ms: Option<u64>,
        /// What for.
        why: Option<&'static str>,
    },
    /// A plugin came to another place in its life.
    Life {
        /// Who.
        plugin: Arc<str>,
        /// Where.
        life: &'static str,
        /// What went wrong.
        why: Option<Arc<str>>,
    },
    /// A plugin became well, unwell, or nobody knows.
    Health {
        /// Who.
        plugin: Arc<str>,
        /// `healthy`, `unhealthy` or `unknown`.
        state: &'static str,
        /// Why it is not well.
        why: Option<Arc<str>>,
    },
    /// The configuration of the running system is another one.
    ConfigChanged {
        /// Whose.
        plugin: Arc<str>,
        /// `added`, `updated` or `removed`.
        change: &'static str,
    },
    /// An operator's order was carried out, or was not.
    Ordered {
        /// What.
        action: Arc<str>,
        /// To what.
        target: Arc<str>,
        /// By whom.
        who: Arc<str>,
        /// Why.
        reason: Arc<str>,
        /// `ok`, or the code of its failure.
        outcome: Arc<str>,
    },
    /// The system has stopped: nothing more happens in it.
    Ended,
}
