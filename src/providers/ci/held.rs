//! The part of a log that one answer holds.
//!
//! Invariant: an answer holds no more than may be held at once, and tells where the log goes on wherever there is more of it.

use mosaic_actors::error::Failure;

use super::lines::{Growing, Reader};
use crate::catalogue::cicd::{Log, LogEvent, LogLine, Step};
use crate::providers::http::Pieces;

/// The most lines: each takes a hundred times the memory of its end.
const MOST_LINES: usize = 100_000;
/// The most bytes of the lines, and of what else is held of them.
const MOST_BYTES: usize = 8 << 20;

/// A part of a log.
#[derive(Debug, Default)]
pub struct Held {
    lines: Vec<LogLine>,
    bytes: usize,
    /// The number of the last line.
    last: Option<u64>,
    /// There was a line that it has no room for.
    truncated: bool,
}

impl Held {
    /// Takes the lines of these events as long as there is room; whether there was for all of them.
    pub fn take(&mut self, events: impl IntoIterator<Item = LogEvent>) -> bool {
        events.into_iter().all(|event| self.add(event, 0))
    }

    /// Takes one, with so many bytes that are held beside it; whether there was room.
    pub fn add(&mut self, event: LogEvent, beside: usize) -> bool {
        let LogEvent::Line { seq, line } = event else {
            return true;
        };
        let bytes = self.bytes + line.text.len() + beside;
        // One line alone has room however long it is.
        if self.truncated || !self.lines.is_empty() && (self.lines.len() >= MOST_LINES || bytes > MOST_BYTES) {
            self.truncated = true;
            return false;
        }
        (self.bytes, self.last) = (bytes, Some(seq));
        self.lines.push(line);
        true
    }

    /// The log of which this is a part.
    pub fn log(self, run: String, step: Option<Step>) -> Log {
        Log {
            run,
            step,
            lines: self.lines,
            truncated: self.truncated,
            next_after: self.last.filter(|_| self.truncated),
            raw: None,
        }
    }
}

/// Reads of a log that comes as text what one answer holds of it, behind the line `after`.
///
/// # Errors
/// What the connection fails with.
pub async fn held(mut pieces: Pieces, after: Option<u64>, read: Reader) -> Result<Held, Failure> {
    let (mut log, mut held) = (Growing::behind(after, read), Held::default());
    while let Some(piece) = pieces.next().await? {
        if !held.take(log.more(&piece)) {
            return Ok(held);
        }
    }
    held.take(log.rest());
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use bytes::Bytes;
    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::providers::ci::stdout;

    /// The parts that a log of this text, so many times, is asked for by; each with what was read of the log.
    async fn parts(text: &'static str, times: usize) -> Vec<(Log, usize)> {
        let (mut parts, mut after) = (vec![], None);
        loop {
            let read = Arc::new(AtomicUsize::new(0));
            let counted = read.clone();
            let pieces = stream::repeat_with(|| Bytes::from_static(text.as_bytes())).take(times);
            let pieces = pieces.map(move |piece| {
                counted.fetch_add(piece.len(), Relaxed);
                Ok(piece)
            });
            let part = held(Pieces::of(pieces), after, stdout).await.expect("read");
            let part = part.log("run".to_owned(), None);
            after = part.next_after;
            assert_eq!(part.truncated, after.is_some());
            parts.push((part, read.load(Relaxed)));
            if after.is_none() {
                return parts;
            }
        }
    }

    #[tokio::test]
    async fn a_log_of_any_size_comes_part_by_part_and_no_more_is_read_than_that() {
        for (text, times, most) in [
            ("x\n", 250_000, MOST_LINES),
            ("sixteen letters\n", 1_500_000, MOST_LINES),
        ] {
            let parts = parts(text, times).await;
            let lines: usize = parts.iter().map(|(part, _)| part.lines.len()).sum();
            assert_eq!((parts.len(), lines), (times.div_ceil(most), times));
            assert!(
                parts
                    .iter()
                    .flat_map(|(part, _)| &part.lines)
                    .all(|line| line.text == text.trim_end())
            );
            // The line that shows that there is more was read, and no other.
            assert_eq!(parts[0].1, (most + 1) * text.len());
        }
        let whole = parts("a\n", MOST_LINES).await;
        assert_eq!((whole.len(), whole[0].0.truncated), (1, false));
    }

    #[tokio::test]
    async fn bytes_are_bounded_as_lines_are_and_each_part_has_one_line_at_least() {
        const LINE: &str = concat!("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "\n");
        let parts = parts(LINE, 3 * MOST_BYTES / 64).await;
        let lengths: Vec<usize> = parts.iter().map(|(part, _)| part.lines.len()).collect();
        assert_eq!(
            lengths,
            [MOST_LINES, MOST_LINES, MOST_LINES, 3 * MOST_BYTES / 64 - 3 * MOST_LINES]
        );
        let line = |seq, length| LogEvent::Line {
            seq,
            line: stdout("x".repeat(length)),
        };
        let mut held = Held::default();
        assert!(held.take([line(7, 2 * MOST_BYTES)]));
        assert!(!held.take([line(8, 0)]) && !held.take([line(9, 0)]));
        assert_eq!(held.log("run".to_owned(), None).next_after, Some(7));
        let mut held = Held::default();
        assert!(held.take([line(0, MOST_BYTES - 1), line(1, 1)]) && !held.take([line(2, 1)]));
        assert_eq!(held.log("run".to_owned(), None).next_after, Some(1));
    }
}
