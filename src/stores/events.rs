//! What the state store keeps of events: each in its place, and which deliveries have come.
//!
//! Invariant: a delivery's events and its names are kept together or not at all, and a name is kept no shorter than the
//! events that came under it.

use std::sync::Arc;

use jiff::Timestamp;

use super::state::{MAX_DOCUMENT_BYTES, StoreError, check_name, check_size};

/// The most events of one delivery.
pub const MOST_EVENTS: usize = 100;

/// What has come from a provider at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// The instance.
    pub provider: Arc<str>,
    /// What tells it from others of this instance, each by itself. One that came before makes it a repetition.
    pub names: Vec<String>,
    /// When it came.
    pub at: Timestamp,
    /// Its events as JSON, in their order.
    pub bodies: Vec<String>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is kept; the number of its last event, if it has any.
    Kept(Option<i64>),
    /// It had come before, and nothing was kept.
    Repeated,
}

/// An event in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number. They grow in the order in which events can be read.
    pub seq: i64,
    /// The event as JSON.
    pub body: String,
}

/// Which events there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The number of the oldest that is kept; none is.
    pub oldest: Option<i64>,
    /// The number that was given last, also where its event is forgotten; 0: none was.
    pub latest: i64,
}

impl Delivered {
    /// Checks its texts.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        check_name("provider", &self.provider)?;
        self.names.iter().try_for_each(|name| check_name("delivery", name))?;
        check_size("events", self.bodies.len(), MOST_EVENTS)?;
        let size = |body: &String| check_size("event", body.len(), MAX_DOCUMENT_BYTES);
        self.bodies.iter().try_for_each(size)
    }
}
