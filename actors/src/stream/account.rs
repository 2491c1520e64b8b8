//! A stream's account: what passed, how it ended, and what is held until then.
//!
//! Invariant: a stream is closed once, by whichever side comes first; then the watcher is told, and then what was held is
//! given back. A reader that never reads cannot put that off.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::time::Instant;

use super::frame::Usage;
use crate::error::Failure;

/// Frames that may wait between a driver and its caller. Few, so that a slow caller slows the provider instead of filling
/// memory.
pub const FRAMES_IN_FLIGHT: usize = 16;

/// What passes through a stream, as far as it is counted.
pub trait Measured: Send + 'static {
    /// How many of them may wait between a driver and its caller.
    const IN_FLIGHT: usize = FRAMES_IN_FLIGHT;

    /// Its bytes, where they are known.
    fn bytes(&self) -> u64;

    /// Tokens that it tells of, all so far.
    fn usage(&self) -> Option<Usage> {
        None
    }
}

impl Measured for Bytes {
    // A piece is as large as what an HTTP client reads at once, which is hundreds of kilobytes.
    const IN_FLIGHT: usize = 2;

    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

/// How a stream ended.
#[derive(Clone, Debug)]
pub enum StreamEnd {
    /// Cleanly.
    Ended,
    /// With this failure.
    Failed(Failure),
    /// Its reader went away.
    Abandoned,
}

/// What passed through a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamTotals {
    /// Events, or pieces of bytes.
    pub events: u64,
    /// Bytes, where they are known.
    pub bytes: u64,
    /// When the first one passed.
    pub first: Option<Instant>,
    /// The last that was told of tokens.
    pub usage: Option<Usage>,
}

type Watcher = Box<dyn FnOnce(&StreamTotals, &StreamEnd) + Send>;

#[derive(Default)]
struct State {
    totals: StreamTotals,
    end: Option<StreamEnd>,
    watcher: Option<Watcher>,
    held: Vec<Box<dyn Any + Send>>,
}

/// One stream's account, shared by its two sides.
#[derive(Clone, Default)]
pub(super) struct Account(Arc<Mutex<State>>);

impl Account {
    /// Counts what passes.
    pub(super) fn pass(&self, item: &impl Measured) {
        let totals = &mut self.state().totals;
        totals.events += 1;
        totals.bytes += item.bytes();
        totals.usage = item.usage().or(totals.usage);
        totals.first.get_or_insert_with(Instant::now);
    }

    /// Closes the stream, unless it is closed.
    pub(super) fn close(&self, end: impl FnOnce() -> StreamEnd) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        let end = end();
        state.end = Some(end.clone());
        let (totals, watcher) = (state.totals, state.watcher.take());
        let held = std::mem::take(&mut state.held);
        drop(state);
        if let Some(watcher) = watcher {
            watcher(&totals, &end);
        }
        drop(held);
    }

    /// Whether it is closed, and well.
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.state().end, Some(StreamEnd::Ended))
    }

    /// Tells `watcher` of the end; at once, where it has come.
    pub(super) fn watch(&self, watcher: Watcher) {
        let mut state = self.state();
        match state.end.clone() {
            None => state.watcher = Some(watcher),
            Some(end) => {
                let totals = state.totals;
                drop(state);
                watcher(&totals, &end);
            }
        }
    }

    /// Keeps `permit` until the end; it is given back at once where that has come.
    pub(super) fn hold(&self, permit: Box<dyn Any + Send>) {
        let mut state = self.state();
        if state.end.is_none() {
            state.held.push(permit);
        }
    }

    /// Held for a few stores; no panic can leave half of them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
