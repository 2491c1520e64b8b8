//! What is counted of deliveries.
//!
//! Invariant: labels are what became of a delivery: nothing that a sender chooses.

use metrics::{Counter, Key, Label, Level, Metadata};
use mosaic_actors::telemetry::SharedRecorder;

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
const DELIVERIES: &str = "mosaic_webhook_deliveries_total";

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// Its events are kept.
    Kept,
    /// It had come before.
    Repeated,
    /// It does not prove where it comes from, or comes to no instance that takes any.
    Refused,
    /// It cannot be read, or is too large.
    Unread,
    /// More wait than may, or it could not be kept.
    Full,
}

const ALL: [(Came, &str); 5] = [
    (Came::Kept, "kept"),
    (Came::Repeated, "repeated"),
    (Came::Refused, "refused"),
    (Came::Unread, "unread"),
    (Came::Full, "full"),
];

/// Counters of deliveries.
pub struct BusMeters([(Came, Counter); 5]);

impl BusMeters {
    pub(super) fn new(recorder: &SharedRecorder) -> Self {
        recorder.describe_counter(
            DELIVERIES.into(),
            None,
            "Deliveries of webhooks, by what became of them.".into(),
        );
        BusMeters(ALL.map(|(came, word)| {
            let key = Key::from_parts(DELIVERIES, vec![Label::new("result", word)]);
            (came, recorder.register_counter(&key, &METADATA))
        }))
    }

    /// Counts one.
    pub fn count(&self, came: Came) {
        let counter = self.0.iter().find(|(known, _)| *known == came);
        if let Some((_, counter)) = counter {
            counter.increment(1);
        }
    }
}
