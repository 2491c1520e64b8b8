//! A frame: one typed event of a stream, with its JSON made once, when it is first asked for or counted.
//!
//! Invariant: whoever has the type reads the event; whoever needs text gets the same bytes, however many ask.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::account::Measured;
use crate::error::Failure;

/// Tokens of a call, as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read.
    pub input_tokens: u64,
    /// Of those, the ones that the provider had kept; 0 where it does not say.
    #[serde(default)]
    pub cached_input_tokens: u64,
    /// Written.
    pub output_tokens: u64,
    /// What they cost, in billionths of a US dollar; absent where that is not known.
    pub cost_nano_usd: Option<u64>,
}

/// Tokens of bytes that are on their way, for whoever settles their call. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Option<Usage>>>);

impl Tally {
    /// Tells of all tokens so far.
    pub fn tell(&self, usage: Usage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage);
    }

    /// What was told last.
    pub fn usage(&self) -> Option<Usage> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A typed event.
pub trait Event: Any + Send + Sync {
    /// Serialises it.
    ///
    /// # Errors
    /// `internal` where it cannot be serialised.
    fn to_json(&self) -> Result<Bytes, Failure>;

    /// Tokens that it tells of: all so far, not those since the last one.
    fn usage(&self) -> Option<Usage> {
        None
    }
}

/// One event of a stream. Cheap to clone.
#[derive(Clone)]
pub struct Frame(Arc<Inner<dyn Event>>);

struct Inner<E: ?Sized> {
    json: OnceLock<Bytes>,
    event: E,
}

impl Frame {
    /// The frame of an event.
    pub fn new(event: impl Event) -> Self {
        Frame(Arc::new(Inner {
            json: OnceLock::new(),
            event,
        }))
    }

    /// The event as JSON, serialised at the first call.
    ///
    /// # Errors
    /// As [`Event::to_json`].
    pub fn json(&self) -> Result<Bytes, Failure> {
        if let Some(json) = self.0.json.get() {
            return Ok(json.clone());
        }
        let json = self.0.event.to_json()?;
        Ok(self.0.json.get_or_init(|| json).clone())
    }

    /// The event, where it is a `T`.
    pub fn event<T: 'static>(&self) -> Option<&T> {
        let event: &dyn Any = &self.0.event;
        event.downcast_ref()
    }
}

impl Measured for Frame {
    // Makes the JSON, which the next reader finds: a stream is settled when its sender ends, before all of it is read.
    fn bytes(&self) -> u64 {
        self.json().map_or(0, |json| json.len() as u64)
    }

    fn usage(&self) -> Option<Usage> {
        self.0.event.usage()
    }
}

// An event is a payload and stays out of logs.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frame")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;

    struct Counted(AtomicU32);

    impl Event for Counted {
        fn to_json(&self) -> Result<Bytes, Failure> {
            self.0.fetch_add(1, Relaxed);
            Ok(Bytes::from_static(b"{}"))
        }
    }

    #[test]
    fn an_event_is_serialised_once_and_read_without_json() {
        let frame = Frame::new(Counted(AtomicU32::new(0)));
        let event = || frame.event::<Counted>().unwrap().0.load(Relaxed);
        assert_eq!(event(), 0);
        assert_eq!(frame.json().unwrap(), "{}");
        assert_eq!(frame.clone().json().unwrap(), "{}");
        assert_eq!(event(), 1);
        assert!(frame.event::<String>().is_none());
    }
}
