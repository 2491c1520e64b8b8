//! The lines of a log: cut from bytes, and told as events. Pure.
//!
//! Invariant: a line is told once, when it is whole; none outgrows its bound, and how the bytes were cut on their way shows
//! nowhere.

use super::counter::Counter;
use crate::catalogue::cicd::{LogEvent, LogLine, LogStream};

/// The longest line, in bytes; a longer one is told in several. It bounds what is held of a line that does not end, and
/// whatever is in it, its event fits into what readers of events hold.
pub const LONGEST: usize = 128 << 10;

/// How one line is read.
pub type Reader = fn(String) -> LogLine;

/// A log that comes as bytes, more and more of them.
pub struct Growing {
    counter: Counter,
    read: Reader,
    /// The beginning of a line.
    begun: Vec<u8>,
    /// How many of the lines that come next were told before.
    known: u64,
    /// Where it goes on if what came breaks off: its next line, and the beginning of that.
    mark: (u64, Vec<u8>),
}

impl Growing {
    /// Tells the lines behind `after`; `read` reads one.
    pub fn behind(after: Option<u64>, read: Reader) -> Self {
        Growing {
            counter: Counter::behind(after),
            read,
            begun: vec![],
            known: 0,
            mark: (0, vec![]),
        }
    }

    /// The lines that are whole with these bytes, which follow those that came before.
    pub fn more(&mut self, bytes: &[u8]) -> Vec<LogEvent> {
        let mut events = vec![];
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = piece.strip_suffix(b"\n");
            self.lengthen(whole.unwrap_or(piece), &mut events);
            if whole.is_some() {
                events.extend(self.end_line(true));
            }
        }
        events
    }

    /// What came behind the last line's end, as the log has ended.
    pub fn rest(&mut self) -> Option<LogEvent> {
        match self.begun.is_empty() {
            true => None,
            false => self.end_line(true),
        }
    }

    /// What has come so far comes no more, whatever becomes of what follows.
    pub fn mark(&mut self) {
        self.mark = (self.counter.next(), self.begun.clone());
    }

    /// What came since the mark comes once more; without one, all of it. What was told of it is not told again.
    pub fn again(&mut self) {
        let (next, begun) = &self.mark;
        self.known = self.counter.next().saturating_sub(*next);
        self.begun.clone_from(begun);
    }

    /// All of it comes once more, whatever was marked.
    pub fn anew(&mut self) {
        self.mark = (0, vec![]);
        self.again();
    }

    /// Whether what came once more was less than before: then it is another log.
    pub fn is_short(&self) -> bool {
        self.known > 0
    }

    /// The log begins anew.
    pub fn replaced(&mut self) -> LogEvent {
        self.begun.clear();
        (self.known, self.mark) = (0, (0, vec![]));
        self.counter.replaced()
    }

    /// Bytes of one line.
    fn lengthen(&mut self, mut piece: &[u8], events: &mut Vec<LogEvent>) {
        while self.begun.len() + piece.len() > LONGEST {
            let (now, later) = piece.split_at(LONGEST - self.begun.len());
            self.begun.extend_from_slice(now);
            let carried = self.begun.split_off(whole_characters(&self.begun));
            events.extend(self.end_line(false));
            (self.begun, piece) = (carried, later);
        }
        self.begun.extend_from_slice(piece);
    }

    /// `whole`: it ends as lines do, and is not cut.
    fn end_line(&mut self, whole: bool) -> Option<LogEvent> {
        let (begun, read) = (&self.begun, self.read);
        let line = || {
            // Steps write what they like; a log with a replaced byte is worth more than none.
            let text = String::from_utf8_lossy(begun);
            let text = if whole { text.trim_end_matches('\r') } else { &text };
            read(text.to_owned())
        };
        let told = match self.known.checked_sub(1) {
            Some(known) => {
                self.known = known;
                None
            }
            None => self.counter.count(line),
        };
        self.begun.clear();
        told
    }
}

/// How many of the bytes are whole characters, at least all but three: one that is cut is not ours to break.
fn whole_characters(bytes: &[u8]) -> usize {
    for (back, byte) in (1..4).zip(bytes.iter().rev()) {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return bytes.len() - if length > back { back } else { 0 };
    }
    bytes.len()
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
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn shown(events: impl IntoIterator<Item = LogEvent>) -> Vec<String> {
        let show = |event| match event {
            LogEvent::Line { seq, line } => format!("{seq} {}", line.text),
            LogEvent::Replaced {} => "replaced".to_owned(),
            LogEvent::End { .. } => "end".to_owned(),
        };
        events.into_iter().map(show).collect()
    }

    fn log() -> Growing {
        Growing::behind(None, stdout)
    }

    /// The lines of a log that comes in pieces of these sizes, round and round.
    fn lines(bytes: &[u8], sizes: &[usize]) -> Vec<LogEvent> {
        let (mut log, mut events, mut rest) = (log(), vec![], bytes);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, later) = rest.split_at((*size).clamp(1, rest.len()));
            events.extend(log.more(piece));
            rest = later;
        }
        events.extend(log.rest());
        assert_eq!(log.rest(), None);
        events
    }

    #[test]
    fn lines_do_not_depend_on_how_their_bytes_were_cut() {
        let text = "a\r\nb\n\nGrüße\r\r\nx\ry\nlast\r".as_bytes();
        let whole = ["0 a", "1 b", "2 ", "3 Grüße", "4 x\ry", "5 last"];
        for size in 1..=text.len() {
            assert_eq!(shown(lines(text, &[size])), whole, "pieces of {size}");
        }
        assert_eq!(
            shown(lines(b"a\xff\xc3\n\xe2\x82", &[1])),
            ["0 a\u{fffd}\u{fffd}", "1 \u{fffd}"]
        );
    }

    #[test]
    fn a_line_that_does_not_end_is_told_in_pieces_of_whole_characters() {
        let euros = "€".repeat(LONGEST);
        for sizes in [&[usize::MAX][..], &[1 << 14], &[LONGEST - 1, 5], &[12_345, 1]] {
            let events = lines(euros.as_bytes(), sizes);
            let texts: Vec<_> = events
                .iter()
                .map(|event| match event {
                    LogEvent::Line { line, .. } => &*line.text,
                    _ => panic!("a line"),
                })
                .collect();
            assert!(texts.iter().all(|text| text.len() <= LONGEST), "{sizes:?}");
            assert_eq!((texts.len(), texts.concat() == euros), (4, true), "{sizes:?}");
        }
        // One that is as long as may be is one line, and what is no text is cut anywhere.
        let full = [vec![b'x'; LONGEST], b"\n".to_vec()].concat();
        assert_eq!(lines(&full, &[999]).len(), 1);
        assert_eq!(lines(&vec![0xbf; 2 * LONGEST + 1], &[1 << 14]).len(), 3);
    }

    #[test]
    fn little_is_held_of_what_does_not_end() {
        let mut log = log();
        let piece = vec![b'x'; 1 << 14];
        for _ in 0..(50 << 20) / piece.len() {
            log.more(&piece);
            assert!(log.begun.capacity() <= 2 * LONGEST);
        }
        assert_eq!(log.counter.next(), (50 << 20) / LONGEST as u64 - 1);
    }

    #[test]
    fn who_has_some_lines_is_told_the_others_until_the_log_begins_anew() {
        let mut log = Growing::behind(Some(1), stdout);
        assert_eq!(shown(log.more(b"a\nb\nc\nd")), ["2 c"]);
        assert_eq!(log.replaced(), LogEvent::Replaced {});
        assert_eq!(shown(log.more(b"x\ny\n")), ["0 x", "1 y"]);
    }

    #[test]
    fn of_a_log_that_comes_again_only_what_is_new_is_told() {
        let mut log = log();
        for (text, told, short) in [
            ("a\nb", &["0 a"][..], false),
            ("a\nb\nc", &["1 b"], false),
            ("x\n", &[], true),
        ] {
            log.again();
            assert_eq!(
                (shown(log.more(text.as_bytes())), log.is_short()),
                (told.iter().map(|line| (*line).to_owned()).collect(), short)
            );
        }
        assert_eq!(shown([log.replaced()]), ["replaced"]);
        log.again();
        assert_eq!(shown(log.more(b"x\ny")), ["0 x"]);
        assert_eq!(shown(log.rest()), ["1 y"]);
    }

    #[test]
    fn what_broke_off_goes_on_from_the_mark() {
        let mut log = log();
        assert_eq!(shown(log.more(b"a\nhalf")), ["0 a"]);
        log.mark();
        assert_eq!(shown(log.more(b" b\nc\nha")), ["1 half b", "2 c"]);
        log.again();
        assert_eq!(shown(log.more(b" b\nc\nhalf d\n")), ["3 half d"]);
        assert!(!log.is_short());
    }

    proptest! {
        #[test]
        fn any_bytes_are_the_same_lines_however_they_come(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x'), any::<u8>()], 0..200),
            sizes in proptest::collection::vec(1usize..20, 1..5),
            broke in 0usize..200,
        ) {
            let whole = lines(&bytes, &[usize::MAX]);
            prop_assert_eq!(&lines(&bytes, &sizes), &whole);
            let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
            prop_assert!(whole.len() == ends || whole.len() == ends + 1);
            // Told once, also where it broke off and came again.
            let mut log = log();
            let mut told = log.more(&bytes[..broke.min(bytes.len())]);
            log.again();
            told.extend(log.more(&bytes));
            told.extend(log.rest());
            prop_assert_eq!(told, whole);
        }
    }
}
