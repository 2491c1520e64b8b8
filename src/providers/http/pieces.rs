//! An answer that is read piece by piece.
//!
//! Invariant: no more of it is held than what the connection gave at once, and one that breaks off ends in a failure, never
//! as if it were whole.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::error::Failure;

/// The most bytes that are given at once. What is made of them takes more memory than they do: a line that is empty,
/// a hundred times the memory of its end.
const LARGEST: usize = 16 << 10;

/// The pieces of an answer, in order. Whoever drops them before their end leaves the rest with the provider.
pub struct Pieces {
    source: Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>,
    /// Of what came last, what is yet to be given.
    rest: Bytes,
}

impl Pieces {
    /// The pieces that come of `source`.
    pub fn of(source: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> Self {
        Pieces {
            source: Box::pin(source),
            rest: Bytes::new(),
        }
    }

    /// The next bytes; none behind the last.
    ///
    /// # Errors
    /// What the connection fails with.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while self.rest.is_empty() {
            match self.source.next().await.transpose()? {
                Some(came) => self.rest = came,
                None => return Ok(None),
            }
        }
        Ok(Some(self.rest.split_to(self.rest.len().min(LARGEST))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use mosaic_actors::error::Kind;

    use super::*;

    #[tokio::test]
    async fn they_are_small_and_all_there_is() {
        let lengths = [0, 1, LARGEST, 2 * LARGEST + 3, 0];
        let mut pieces = Pieces::of(stream::iter(lengths.map(|length| Ok(vec![b'x'; length].into()))));
        let mut came = vec![];
        while let Some(piece) = pieces.next().await.expect("sound") {
            came.push(piece.len());
        }
        assert_eq!(came, [1, LARGEST, LARGEST, LARGEST, 3]);
    }

    #[tokio::test]
    async fn what_breaks_off_fails_behind_what_came() {
        let broken = Failure::new(Kind::Network, "the connection broke");
        let mut pieces = Pieces::of(stream::iter([Ok(Bytes::from_static(b"x")), Err(broken)]));
        assert!(pieces.next().await.is_ok());
        assert_eq!(pieces.next().await.expect_err("broken").kind, Kind::Network);
    }
}
