//! The tree's metrics, on a recorder that is given, never on the process's.
//!
//! Invariant: labels are words of this program (kinds, states, reasons), never names or paths.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder};

use super::ledger::Why;
use super::node::{Node, State};

/// A recorder that instances share.
pub type SharedRecorder = Arc<dyn Recorder + Send + Sync>;

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The metric handles of one kind of actor, registered when the first of its kind is placed.
struct KindMeters {
    restarts: Vec<Counter>,
    actors: Vec<Gauge>,
    mailbox: Gauge,
}

/// The metrics of one tree.
pub(crate) struct SupervisionMeters {
    recorder: SharedRecorder,
    gave_up: Counter,
    kinds: Mutex<HashMap<&'static str, Arc<KindMeters>>>,
}

impl SupervisionMeters {
    pub(crate) fn new(recorder: SharedRecorder) -> Self {
        describe(&*recorder);
        let gave_up = Key::from_static_name("mosaic_supervisor_gave_up_total");
        SupervisionMeters {
            gave_up: recorder.register_counter(&gave_up, &METADATA),
            recorder,
            kinds: Mutex::default(),
        }
    }

    /// Registers the handles of a kind; done at placing, so that counting never registers.
    pub(crate) fn kind(&self, kind: &'static str) {
        self.of(kind);
    }

    pub(crate) fn restarted(&self, kind: &'static str, why: Why) {
        if let Some(counter) = self.of(kind).restarts.get(why as usize) {
            counter.increment(1);
        }
    }

    pub(crate) fn gave_up(&self) {
        self.gave_up.increment(1);
    }

    /// Sets the gauges from the published nodes.
    pub(crate) fn refresh(&self, root: &Arc<Node>) {
        let mut counts: HashMap<&'static str, ([u32; State::ALL.len()], usize)> = HashMap::new();
        let mut open = vec![root.clone()];
        while let Some(node) = open.pop() {
            let (states, depth) = counts.entry(node.kind()).or_default();
            states[node.state() as usize] += 1;
            *depth += node.mailbox();
            open.extend(node.children());
        }
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, meters) in kinds.iter() {
            // A kind whose last actor is gone counts zero, rather than what it once was.
            let (states, depth) = counts.get(kind).copied().unwrap_or_default();
            for (gauge, count) in meters.actors.iter().zip(states) {
                gauge.set(f64::from(count));
            }
            meters.mailbox.set(depth as f64);
        }
    }

    fn of(&self, kind: &'static str) -> Arc<KindMeters> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds
            .entry(kind)
            .or_insert_with(|| Arc::new(self.register(kind)))
            .clone()
    }

    fn register(&self, kind: &'static str) -> KindMeters {
        let key = |name: &'static str, label: Option<(&'static str, &'static str)>| {
            let mut labels = vec![Label::from_static_parts("kind", kind)];
            labels.extend(label.map(|(key, value)| Label::from_static_parts(key, value)));
            Key::from_parts(name, labels)
        };
        let restarts = Why::ALL.iter().map(|why| {
            let key = key("mosaic_actor_restarts_total", Some(("reason", why.as_str())));
            self.recorder.register_counter(&key, &METADATA)
        });
        let actors = State::ALL.iter().map(|state| {
            let key = key("mosaic_actors", Some(("state", state.as_str())));
            self.recorder.register_gauge(&key, &METADATA)
        });
        KindMeters {
            restarts: restarts.collect(),
            actors: actors.collect(),
            mailbox: self
                .recorder
                .register_gauge(&key("mosaic_actor_mailbox_depth", None), &METADATA),
        }
    }
}

fn describe(recorder: &dyn Recorder) {
    recorder.describe_counter(
        "mosaic_actor_restarts_total".into(),
        None,
        "Restarts of actors, by kind and reason".into(),
    );
    recorder.describe_counter(
        "mosaic_supervisor_gave_up_total".into(),
        None,
        "Supervisors that exceeded their restart intensity".into(),
    );
    recorder.describe_gauge("mosaic_actors".into(), None, "Actors, by kind and state".into());
    recorder.describe_gauge(
        "mosaic_actor_mailbox_depth".into(),
        None,
        "Messages that wait in mailboxes, by kind".into(),
    );
}

impl fmt::Debug for SupervisionMeters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SupervisionMeters")
    }
}
