//! What dialects share of batches: how the results are told, line by line, and whose a fault is.
//!
//! Invariant: no provider's name and no wire type appears here; each line is told as a result, or as one that cannot be
//! read, and lines that break off, or are fewer than the batch counts, end in a failure.

use std::sync::Arc;

use futures_util::{Stream, stream};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde_json::Value;

use crate::catalogue::ai::{BatchFailure, BatchResult, BatchState};
use crate::providers::http::{Fault, Line, Lines, Received};

/// What is known of results beforehand.
pub struct Expected {
    /// The instance that they come from.
    pub instance: Arc<str>,
    /// Whether the provider's own JSON is wanted beside them.
    pub include_raw: bool,
    /// How many there are at least in the files that were opened so far, as the batch counts them: lines that end too soon
    /// look as if they were all.
    pub least: u64,
}

impl Expected {
    /// The result of a request that was not done well, by its line.
    ///
    /// # Errors
    /// One that is `unreadable` where the line is no JSON.
    pub fn failed(&self, custom_id: String, failure: &Failure, line: &Received) -> Result<BatchResult, Failure> {
        let raw = self.include_raw.then(|| line.raw()).transpose()?;
        let failure = BatchFailure::of(failure, raw);
        Ok(BatchResult::Failed { custom_id, failure })
    }
}

/// The results of a batch as a dialect writes them.
pub trait Source: Send + Sync + Sized + 'static {
    /// What is known of them.
    fn expected(&self) -> &Expected;

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

/// The failure that a line tells which is no request's: it may be an error that stands in the place of all results.
pub fn nobodys(line: &Received, told: impl FnOnce(&Fault) -> Failure, sentence: &str) -> Failure {
    let fault = line.json::<Value>().ok().as_ref().and_then(Fault::within);
    fault.map_or_else(|| line.unusable(sentence), |fault| told(&fault))
}

/// A failure of what makes a batch. Whatever is at fault is one of the requests: no body is the caller's.
pub fn of_requests(mut failure: Failure) -> Failure {
    failure.field = failure.field.map(|_| Arc::from("requests"));
    failure
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
        let instance = telling.source.expected().instance.clone();
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
                None => {
                    self.came()?;
                    self.lines = self.source.open().await?;
                }
                Some(Line::Part) => return Ok(Piece::Alive),
                Some(Line::TooLong) => {
                    return Ok(self.unread(number, "it is longer than the mebibyte that one result may have"));
                }
                Some(Line::Whole { text, ended }) => {
                    let line = Received::within(&self.source.expected().instance, text);
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

    /// Fewer than there are are not all: at the end of each file, since what the next one holds is none of this one's.
    fn came(&self) -> Result<(), Failure> {
        let (came, least) = (self.results + self.unread, self.source.expected().least);
        match came < least {
            true => {
                let sentence = format!("the results ended too soon: {came} came of {least}");
                Err(Failure::new(Kind::UpstreamFailed, sentence))
            }
            false => Ok(()),
        }
    }

    /// Lines of which nothing is understood are no results.
    fn end(&self) -> Result<BatchResult, Failure> {
        self.came()?;
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
