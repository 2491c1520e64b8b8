//! What dialects share of batches: how the results are told, line by line.
//!
//! Invariant: no provider's name and no wire type appears here; each line is told as a result, or as one that cannot be read,
//! and lines that break off, or are fewer
//! than the batch counts, end in a failure.

use std::sync::Arc;

use futures_util::{Stream, stream};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;

use crate::catalogue::ai::{BatchResult, BatchState};
use crate::providers::http::{Line, Lines, Received};

/// The results of a batch as a dialect writes them.
pub trait Source: Send + Sync + Sized + 'static {
    /// The instance that they come from.
    fn instance(&self) -> &Arc<str>;

    /// How many results there are at least, as the batch counts them: lines that end too soon look as if they were all.
    fn expected(&self) -> u64;

    /// The lines of the next file of results; none behind the last.
    fn open(&mut self) -> impl Future<Output = Result<Option<Lines>, Failure>> + Send;

    /// What a line says.
    ///
    /// # Errors
    /// One that is `unreadable` where the line alone cannot be read; any other ends the results.
    fn read(&self, line: &Received) -> Result<BatchResult, Failure>;
}

/// The failure of who asks for the results of a batch that has none, by its state.
pub fn without(state: BatchState) -> Failure {
    let sentence = match state {
        BatchState::Failed => "the batch was refused as a whole and has no results: ai.batch.get tells why",
        _ => "the batch has not ended, and its results are not there yet: ai.batch.get tells how far it is",
    };
    Failure::new(Kind::PreconditionFailed, sentence)
}

/// The results, as they come; the first file is open by then.
///
/// # Errors
/// What the first file fails with.
pub async fn told<S: Source>(
    mut source: S,
) -> Result<impl Stream<Item = Result<Piece<BatchResult>, Failure>> + Send + 'static, Failure> {
    let lines = source.open().await?;
    let telling = Telling {
        source,
        lines,
        results: 0,
        unread: 0,
    };
    Ok(stream::try_unfold(Some(telling), |telling| async move {
        let Some(mut telling) = telling else {
            return Ok(None);
        };
        let instance = telling.source.instance().clone();
        let piece = telling.next().await.map_err(|failure| failure.by(&instance))?;
        let over = matches!(piece, Piece::Item(BatchResult::End { .. }));
        Ok(Some((piece, (!over).then_some(telling))))
    }))
}

struct Telling<S> {
    source: S,
    lines: Option<Lines>,
    results: u64,
    unread: u64,
}

impl<S: Source> Telling<S> {
    async fn next(&mut self) -> Result<Piece<BatchResult>, Failure> {
        loop {
            let Some(lines) = &mut self.lines else {
                return self.end().map(Piece::Item);
            };
            let line = lines.next().await?;
            let number = lines.number();
            match line {
                None => self.lines = self.source.open().await?,
                Some(Line::Part) => return Ok(Piece::Alive),
                Some(Line::TooLong) => {
                    return Ok(self.unread(number, "it is longer than the mebibyte that one result may have"));
                }
                Some(Line::Whole { text, ended }) => {
                    let line = Received::within(self.source.instance(), text);
                    return match self.source.read(&line) {
                        Ok(result) => {
                            self.results += 1;
                            Ok(Piece::Item(result))
                        }
                        // Lines that are cut look as if they were all.
                        Err(failure) if failure.unreadable && !ended => Err(cut()),
                        Err(failure) if failure.unreadable => Ok(self.unread(number, failure.message())),
                        Err(failure) => Err(failure),
                    };
                }
            }
        }
    }

    fn unread(&mut self, line: u64, why: &str) -> Piece<BatchResult> {
        self.unread += 1;
        Piece::Item(BatchResult::Unread {
            line,
            message: why.to_owned(),
        })
    }

    /// Lines of which nothing is understood are no results, and fewer than there are are not all.
    fn end(&self) -> Result<BatchResult, Failure> {
        let (came, expected) = (self.results + self.unread, self.source.expected());
        if came < expected {
            let sentence = format!("the results ended too soon: {came} came of {expected}");
            return Err(Failure::new(Kind::UpstreamFailed, sentence));
        }
        if self.results == 0 && self.unread > 0 {
            let sentence = "none of the results can be read";
            return Err(Failure::new(Kind::UpstreamFailed, sentence).not_usable());
        }
        Ok(BatchResult::End {
            results: self.results,
            unread: self.unread,
        })
    }
}

fn cut() -> Failure {
    Failure::new(Kind::UpstreamFailed, "the results ended in the middle of a line")
}
