//! Messages as lines of standard streams.
//!
//! Invariant: a line is one message, whole; one that is too long is read to its end and kept nowhere.

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// The longest message, in bytes.
pub(super) const LONGEST: usize = 16 << 20;

/// What standard input says next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A message.
    Message(Vec<u8>),
    /// One that is longer than [`LONGEST`].
    TooMuch,
    /// It has ended.
    NoMore,
}

/// The next line that holds something.
///
/// # Errors
/// `network`.
pub(super) async fn next_line(input: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Said, Failure> {
    let (mut line, mut too_much) = (Vec::new(), false);
    loop {
        let piece = input.fill_buf().await;
        let piece = piece.map_err(|error| Failure::new(Kind::Network, "standard input broke").because(error))?;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(piece.len());
        too_much |= line.len() + taken > LONGEST;
        if too_much {
            line = Vec::new();
        } else {
            line.extend_from_slice(&piece[..taken]);
        }
        let (whole, over) = (end.is_some(), piece.is_empty());
        input.consume(taken + usize::from(whole));
        if !whole && !over {
            continue;
        }
        match (too_much, line.trim_ascii().is_empty()) {
            (true, _) => return Ok(Said::TooMuch),
            (false, false) => return Ok(Said::Message(line)),
            (false, true) if over => return Ok(Said::NoMore),
            (false, true) => line.clear(),
        }
    }
}

/// Writes messages, a line each, until there will be no more.
///
/// # Errors
/// The system's.
pub(super) async fn write(mut lines: mpsc::Receiver<Bytes>) -> std::io::Result<()> {
    let mut output = tokio::io::stdout();
    while let Some(line) = lines.recv().await {
        output.write_all(&line).await?;
        output.write_all(b"\n").await?;
        output.flush().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, BufReader};

    use super::*;

    #[tokio::test]
    async fn lines_are_messages_and_empty_ones_are_none() {
        let mut input = BufReader::with_capacity(3, &b"\n{\"a\":1}\r\n  \n{\"b\":2}"[..]);
        let mut lines = Vec::new();
        while let Said::Message(line) = next_line(&mut input).await.expect("lines") {
            lines.push(String::from_utf8(line).expect("text").trim().to_owned());
        }
        assert_eq!(lines, ["{\"a\":1}", "{\"b\":2}"]);
    }

    #[tokio::test]
    async fn what_is_too_long_is_passed_over_and_what_follows_is_not() {
        let long = tokio::io::repeat(b'x').take(LONGEST as u64 + 1);
        let mut input = BufReader::new(long.chain(&b"\n{}\n"[..]));
        assert_eq!(next_line(&mut input).await.expect("a line"), Said::TooMuch);
        assert_eq!(
            next_line(&mut input).await.expect("a line"),
            Said::Message(b"{}".to_vec())
        );
        assert_eq!(next_line(&mut input).await.expect("the end"), Said::NoMore);
        let whole = tokio::io::repeat(b'x').take(LONGEST as u64);
        let mut input = BufReader::new(whole);
        let said = next_line(&mut input).await.expect("a line");
        assert!(matches!(said, Said::Message(line) if line.len() == LONGEST));
    }
}
