//! An answer that is read line by line.
//!
//! Invariant: no more is held of it than one line within its bound, and how its bytes were cut on their way shows nowhere.

use bytes::{Buf, Bytes, BytesMut};
use mosaic_actors::error::Failure;

use super::Pieces;

/// The longest line, in bytes; of a longer one only that it was there is told. What is made of one fits into what readers
/// of events hold.
pub const LONGEST: usize = 1 << 20;

/// What comes of an answer's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line that says something, without its end.
    Whole {
        /// What it says.
        text: Bytes,
        /// It ends as lines do; only the last of an answer may not.
        ended: bool,
    },
    /// One that is too long.
    TooLong,
    /// Bytes have come, and no line is whole with them.
    Part,
}

/// The lines of an answer, in order.
pub struct Lines {
    pieces: Pieces,
    /// Of what came last, what is yet to be looked at.
    rest: Bytes,
    /// The beginning of a line.
    begun: BytesMut,
    /// It is too long already.
    over: bool,
    number: u64,
}

impl Lines {
    /// The lines that are made of `pieces`.
    pub fn of(pieces: Pieces) -> Self {
        Lines {
            pieces,
            rest: Bytes::new(),
            begun: BytesMut::new(),
            over: false,
            number: 0,
        }
    }

    /// Which line was told last, from 1; empty ones count.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line, or a sign of life; none behind the last. It is not asked for more.
    ///
    /// # Errors
    /// What the connection fails with.
    pub async fn next(&mut self) -> Result<Option<Line>, Failure> {
        loop {
            if self.rest.is_empty() {
                match self.pieces.next().await? {
                    Some(piece) => self.rest = piece,
                    None => return Ok(self.end_line(false)),
                }
            }
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let piece = self.rest.split_to(end.unwrap_or(self.rest.len()));
            self.lengthen(&piece);
            if end.is_none() {
                return Ok(Some(Line::Part));
            }
            self.rest.advance(1);
            if let Some(line) = self.end_line(true) {
                return Ok(Some(line));
            }
        }
    }

    fn lengthen(&mut self, piece: &[u8]) {
        self.over |= self.begun.len() + piece.len() > LONGEST;
        match self.over {
            true => self.begun.clear(),
            false => self.begun.extend_from_slice(piece),
        }
    }

    /// The line that ends here; none where it says nothing.
    fn end_line(&mut self, ended: bool) -> Option<Line> {
        self.number += 1;
        let text = self.begun.split().freeze();
        match std::mem::take(&mut self.over) {
            true => Some(Line::TooLong),
            false => (!text.trim_ascii().is_empty()).then_some(Line::Whole { text, ended }),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use mosaic_actors::error::Kind;
    use proptest::prelude::*;

    use super::*;

    /// The lines of `bytes` that come in pieces of these sizes, round and round.
    async fn lines(bytes: &[u8], sizes: &[usize]) -> Vec<(u64, Line)> {
        let (mut pieces, mut rest) = (vec![], bytes);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, later) = rest.split_at((*size).clamp(1, rest.len()));
            pieces.push(Ok(Bytes::copy_from_slice(piece)));
            rest = later;
        }
        let mut lines = Lines::of(Pieces::of(stream::iter(pieces)));
        let mut told = vec![];
        while let Some(line) = lines.next().await.expect("sound") {
            assert!(lines.begun.capacity() <= 2 * LONGEST, "flat");
            if line != Line::Part {
                told.push((lines.number(), line));
            }
        }
        told
    }

    fn whole(text: &'static str, ended: bool) -> Line {
        let text = Bytes::from_static(text.as_bytes());
        Line::Whole { text, ended }
    }

    #[tokio::test]
    async fn empty_lines_count_and_are_not_told() {
        let told = lines(b"a\n\n \r\nb\r\n\nc", &[1]).await;
        assert_eq!(
            told,
            [(1, whole("a", true)), (4, whole("b\r", true)), (6, whole("c", false))]
        );
        assert_eq!(lines(b"", &[1]).await, []);
    }

    #[tokio::test]
    async fn a_line_has_a_bound_and_those_behind_it_are_told() {
        let long = [vec![b'x'; LONGEST + 1], b"\nb\n".to_vec()].concat();
        for size in [usize::MAX, 1 << 14, LONGEST, 12_345] {
            let told = lines(&long, &[size]).await;
            assert_eq!(told, [(1, Line::TooLong), (2, whole("b", true))], "{size}");
        }
        let full = [vec![b'x'; LONGEST], b"\n".to_vec()].concat();
        assert!(matches!(&lines(&full, &[4096]).await[..], [(1, Line::Whole { .. })]));
        // One that never ends is one, and little is held of it.
        assert_eq!(lines(&vec![b'x'; 9 * LONGEST], &[1 << 14]).await, [(1, Line::TooLong)]);
    }

    #[tokio::test]
    async fn what_breaks_off_fails_behind_the_lines_that_came() {
        let broken = Failure::new(Kind::Network, "the connection broke");
        let came = [Ok(Bytes::from_static(b"a\nhalf")), Err(broken)];
        let mut lines = Lines::of(Pieces::of(stream::iter(came)));
        assert_eq!(lines.next().await.expect("sound"), Some(whole("a", true)));
        assert_eq!(lines.next().await.expect("sound"), Some(Line::Part));
        assert_eq!(lines.next().await.expect_err("broken").kind, Kind::Network);
    }

    proptest! {
        #[test]
        fn any_bytes_are_the_same_lines_however_they_come(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x'), any::<u8>()], 0..200),
            sizes in prop::collection::vec(1usize..20, 1..5),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let (one, other) = runtime.block_on(async {
                (lines(&bytes, &[usize::MAX]).await, lines(&bytes, &sizes).await)
            });
            prop_assert_eq!(one, other);
        }
    }
}
