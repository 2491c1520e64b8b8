//! The numbers of a log's lines. Pure.
//!
//! Invariant: each line has the number that it has within the whole log, also where the caller has those before it.

use crate::catalogue::cicd::{LogEvent, LogLine};

/// How many numbers a log may leave out at once.
const FARTHEST: u64 = 1 << 20;

/// Numbers lines, and leaves out those that the caller has.
#[derive(Default)]
pub struct Counter {
    next: u64,
    /// The last line that the caller has.
    after: Option<u64>,
}

impl Counter {
    /// Counts from the first line, and tells those behind `after`.
    pub fn behind(after: Option<u64>) -> Self {
        Counter { next: 0, after }
    }

    /// The number of the next line.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Goes on with the line of this number; one that is farther away than any log goes in one step is none.
    pub fn skip_to(&mut self, seq: u64) {
        if seq <= self.next.saturating_add(FARTHEST) {
            self.next = self.next.max(seq);
        }
    }

    /// The next line; none where the caller has it.
    pub fn line(&mut self, line: LogLine) -> Option<LogEvent> {
        self.count(|| line)
    }

    /// The same of a line that is made only where it is told.
    pub fn count(&mut self, line: impl FnOnce() -> LogLine) -> Option<LogEvent> {
        let seq = self.next;
        self.next = self.next.saturating_add(1);
        self.after
            .is_none_or(|after| seq > after)
            .then(|| LogEvent::Line { seq, line: line() })
    }

    /// The log begins anew, and what the caller has is no more.
    pub fn replaced(&mut self) -> LogEvent {
        *self = Counter::default();
        LogEvent::Replaced {}
    }
}
