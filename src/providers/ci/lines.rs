//! The lines of a log: numbered, cut from bytes, and told as events. Pure.
//!
//! Invariant: a line is told once it is whole, and no line outgrows its bound.

use mosaic_actors::error::{Failure, Source};

use crate::catalogue::cicd::{LogEvent, LogLine, LogStream};
use crate::providers::http::too_large;

/// The longest line; a longer one is told in several. It bounds what is held of a line that does not end.
const LONGEST: usize = 1 << 20;

/// How many numbers a log may leave out at once.
const FARTHEST: u64 = 1 << 20;
/// The most lines of a log that is read whole, and of one piece of a log that grows: each takes a hundred times the memory of
/// its line break.
const MOST_LINES: usize = 400_000;

/// A log's bytes, if they hold no more lines than can be held at once.
///
/// # Errors
/// `unsupported` of more: it is there, and whoever asks for it is not at fault.
pub fn bounded(bytes: &[u8]) -> Result<&[u8], Failure> {
    match bytes.iter().filter(|byte| **byte == b'\n').count() > MOST_LINES {
        true => Err(too_large(
            &format!("the log has more than {MOST_LINES} lines"),
            Source::Gateway,
        )),
        false => Ok(bytes),
    }
}

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
        let seq = self.next;
        self.next = self.next.saturating_add(1);
        self.after
            .is_none_or(|after| seq > after)
            .then_some(LogEvent::Line { seq, line })
    }

    /// The log begins anew, and what the caller has is no more.
    pub fn replaced(&mut self) -> LogEvent {
        *self = Counter::default();
        LogEvent::Replaced {}
    }
}

/// A log that comes as bytes, more and more of them.
#[derive(Default)]
pub struct Growing {
    counter: Counter,
    /// The beginning of a line.
    begun: Vec<u8>,
}

impl Growing {
    /// Tells the lines behind `after`.
    pub fn behind(after: Option<u64>) -> Self {
        Growing {
            counter: Counter::behind(after),
            begun: vec![],
        }
    }

    /// The lines that are whole with these bytes, which follow those that came before. `line` reads one.
    pub fn more(&mut self, bytes: &[u8], line: impl Fn(String) -> LogLine) -> Vec<LogEvent> {
        let mut events = vec![];
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, whole) = match piece.strip_suffix(b"\n") {
                Some(piece) => (piece, true),
                None => (piece, false),
            };
            for piece in piece.chunks(LONGEST) {
                if self.begun.len() + piece.len() > LONGEST {
                    events.extend(self.end_line(&line));
                }
                self.begun.extend_from_slice(piece);
            }
            if whole {
                events.extend(self.end_line(&line));
            }
        }
        events
    }

    /// What came behind the last line's end, as the log has ended.
    pub fn rest(&mut self, line: impl Fn(String) -> LogLine) -> Option<LogEvent> {
        match self.begun.is_empty() {
            true => None,
            false => self.end_line(&line),
        }
    }

    /// The log begins anew.
    pub fn replaced(&mut self) -> LogEvent {
        self.begun.clear();
        self.counter.replaced()
    }

    /// What is new in a log that came whole; `ended`: nothing will be added to its last line.
    pub fn whole(&mut self, bytes: &[u8], ended: bool, line: impl Fn(String) -> LogLine) -> Vec<LogEvent> {
        let known = self.counter.next();
        let mut anew = Growing::default();
        let mut events = anew.more(bytes, &line);
        if ended {
            events.extend(anew.rest(&line));
        }
        let mut told = vec![];
        if (events.len() as u64) < known {
            told.push(self.replaced());
        }
        let known = usize::try_from(self.counter.next()).unwrap_or(usize::MAX);
        for event in events.into_iter().skip(known) {
            if let LogEvent::Line { line, .. } = event {
                told.extend(self.counter.line(line));
            }
        }
        told
    }

    fn end_line(&mut self, line: &impl Fn(String) -> LogLine) -> Option<LogEvent> {
        // Steps write what they like; a log with a replaced byte is worth more than none.
        let text = String::from_utf8_lossy(&self.begun);
        let read = line(text.trim_end_matches('\r').to_owned());
        self.begun.clear();
        self.counter.line(read)
    }
}

/// The lines of a whole log.
pub fn lines(bytes: &[u8]) -> Vec<LogLine> {
    let mut log = Growing::default();
    let mut events = log.more(bytes, stdout);
    events.extend(log.rest(stdout));
    let line = |event| match event {
        LogEvent::Line { line, .. } => Some(line),
        LogEvent::Replaced {} | LogEvent::End { .. } => None,
    };
    events.into_iter().filter_map(line).collect()
}

/// A line of which nothing more is known.
pub fn stdout(text: String) -> LogLine {
    LogLine {
        time: None,
        stream: LogStream::Stdout,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(events: impl IntoIterator<Item = LogEvent>) -> Vec<String> {
        let show = |event| match event {
            LogEvent::Line { seq, line } => format!("{seq} {}", line.text),
            LogEvent::Replaced {} => "replaced".to_owned(),
            LogEvent::End { .. } => "end".to_owned(),
        };
        events.into_iter().map(show).collect()
    }

    #[test]
    fn lines_do_not_depend_on_how_their_bytes_were_cut() {
        let text = "a\r\nb\n\nGrüße\nlast".as_bytes();
        for cut in 0..=text.len() {
            let mut log = Growing::default();
            let mut events = log.more(&text[..cut], stdout);
            events.extend(log.more(&text[cut..], stdout));
            events.extend(log.rest(stdout));
            assert_eq!(shown(events), ["0 a", "1 b", "2 ", "3 Grüße", "4 last"], "cut at {cut}");
            assert_eq!(log.rest(stdout), None);
        }
    }

    #[test]
    fn who_has_some_lines_is_told_the_others_until_the_log_begins_anew() {
        let mut log = Growing::behind(Some(1));
        assert_eq!(shown(log.more(b"a\nb\nc\nd", stdout)), ["2 c"]);
        assert_eq!(log.replaced(), LogEvent::Replaced {});
        assert_eq!(shown(log.more(b"x\ny\n", stdout)), ["0 x", "1 y"]);
    }

    #[test]
    fn a_line_that_does_not_end_is_told_in_pieces() {
        let mut log = Growing::default();
        let events = log.more(&vec![b'x'; 2 * LONGEST + 3], stdout);
        assert_eq!(events.len(), 2);
        assert_eq!(log.begun.len(), 3);
    }

    #[test]
    fn of_a_log_that_comes_whole_only_what_is_new_is_told() {
        let mut log = Growing::default();
        assert_eq!(shown(log.whole(b"a\nb", false, stdout)), ["0 a"]);
        assert_eq!(shown(log.whole(b"a\nb\nc", false, stdout)), ["1 b"]);
        assert_eq!(shown(log.whole(b"a\nb\nc", false, stdout)), Vec::<String>::new());
        assert_eq!(shown(log.whole(b"x\n", false, stdout)), ["replaced", "0 x"]);
        assert_eq!(shown(log.whole(b"x\ny", true, stdout)), ["1 y"]);
    }
}
