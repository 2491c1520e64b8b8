//! The restart ledger: who ended, when, why, during which message, and what the supervisor did about it.
//!
//! Invariant: bounded; the oldest entries go first, and how many went is known.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::spec::Strategy;

/// The longest text of an entry, in characters.
const MAX_TEXT: usize = 300;

/// Why a child ended, or is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Why {
    /// It panicked.
    Panic,
    /// It returned an error.
    Error,
    /// Somebody killed it.
    Killed,
    /// It had not returned from a message for too long, and was killed.
    Stuck,
    /// It could not even be killed, because it blocks its thread: it was cut off.
    Abandoned,
    /// Its start failed, or took too long.
    StartFailed,
    /// Somebody asked for it.
    Requested,
    /// It is a supervisor that exceeded its restart intensity.
    Escalated,
    /// It ended normally, though it is permanent.
    Exited,
    /// A sibling or its supervisor failed and took it along. Only a metrics label: the other's entry names it.
    Sibling,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 10] = [
        Why::Panic,
        Why::Error,
        Why::Killed,
        Why::Stuck,
        Why::Abandoned,
        Why::StartFailed,
        Why::Requested,
        Why::Escalated,
        Why::Exited,
        Why::Sibling,
    ];

    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::Panic => "panic",
            Why::Error => "error",
            Why::Killed => "killed",
            Why::Stuck => "stuck",
            Why::Abandoned => "abandoned",
            Why::StartFailed => "start_failed",
            Why::Requested => "requested",
            Why::Escalated => "escalated",
            Why::Exited => "exited",
            Why::Sibling => "sibling",
        }
    }
}

/// What the supervisor did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAction {
    /// Restarted it, at once or after the back-off.
    Restarted,
    /// Left it: its spec says so, or it was being stopped.
    Left,
    /// Gave up: the intensity was exceeded.
    GaveUp,
}

/// One end of one incarnation.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LedgerEntry {
    /// Its number, from 1, without gaps: a gap in what you read means that entries were dropped.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// Who.
    pub path: Arc<str>,
    /// Which incarnation.
    pub generation: u64,
    /// Why.
    pub why: Why,
    /// The panic's or error's text, or the reason given with a request; at most 300 characters.
    pub text: Arc<str>,
    /// The message that it handled then.
    pub during: Option<&'static str>,
    /// What the supervisor did.
    pub action: LedgerAction,
    /// The strategy that was applied.
    pub strategy: Strategy,
    /// The siblings that the strategy took along, by name.
    pub siblings: Vec<Arc<str>>,
    /// The wait before the restart, in milliseconds.
    pub backoff_ms: u64,
    /// The restarts that the supervisor bears after this one, within its period.
    pub budget_left: u32,
}

/// The ledger of one tree.
#[derive(Debug)]
pub(crate) struct Ledger {
    capacity: usize,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    entries: VecDeque<LedgerEntry>,
    written: u64,
}

impl Ledger {
    pub(crate) fn new(capacity: usize) -> Self {
        Ledger {
            capacity: capacity.max(1),
            book: Mutex::default(),
        }
    }

    /// Writes an entry; its number is given here.
    pub(crate) fn write(&self, mut entry: LedgerEntry) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.written += 1;
        entry.seq = book.written;
        if book.entries.len() == self.capacity {
            book.entries.pop_front();
        }
        book.entries.push_back(entry);
    }

    /// The newest entries, newest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<LedgerEntry> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.entries.iter().rev().take(limit).cloned().collect()
    }

    /// Entries written, and entries dropped since.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        (book.written, book.written - book.entries.len() as u64)
    }
}

/// Cuts a text to what the ledger keeps.
pub(crate) fn bounded(text: &str) -> Arc<str> {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => Arc::from(&text[..end]),
        None => Arc::from(text),
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
