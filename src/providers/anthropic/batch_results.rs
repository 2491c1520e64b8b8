//! What came of a batch's requests, as Anthropic writes it.
//!
//! Invariant: results are asked for at the instance itself: no address that an answer names is followed.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde_json::value::RawValue;

use super::batch_wire::{Batch, Outcome, ResultLine};
use super::batches::{PATH, counts, state};
use super::{Anthropic, answered, refuse};
use crate::catalogue::ai::{BatchResult, BatchResults};
use crate::catalogue::op::Op;
use crate::providers::ai::results::{self, Expected, Source};
use crate::providers::http::text::present;
use crate::providers::http::{Lines, Received};
use crate::providers::{Reply, Request};

pub async fn results(
    anthropic: Arc<Anthropic>,
    request: Request<BatchResults>,
) -> Result<Reply<impl Stream<Item = Result<Piece<BatchResult>, Failure>> + Send + 'static>, Failure> {
    let one = anthropic.endpoint.get(&[&PATH[..], &[&request.native]].concat())?;
    let received = anthropic.endpoint.send(one).await?;
    let batch: Batch = received.json()?;
    let state = state(
        batch.processing_status.as_deref().unwrap_or_default(),
        batch.request_counts,
    );
    if !state.is_over() {
        return Err(received.blame(results::without(state)));
    }
    if batch.archived_at.at().is_some() {
        let sentence = "the batch's results are there no more: the provider has archived it";
        return Err(received.failure(Kind::NotFound, sentence));
    }
    let told = results::told(Results {
        anthropic,
        expected: Expected {
            instance: request.instance,
            include_raw: request.include_raw,
            least: batch.request_counts.map_or(0, |count| counts(count).total),
        },
        batch: Some(request.native),
    });
    Ok(received.reply(told.await?))
}

struct Results {
    anthropic: Arc<Anthropic>,
    expected: Expected,
    /// Whose results are yet to be opened.
    batch: Option<Arc<str>>,
}

impl Source for Results {
    fn expected(&self) -> &Expected {
        &self.expected
    }

    async fn open(&mut self) -> Result<Option<Lines>, Failure> {
        let Some(batch) = self.batch.take() else {
            return Ok(None);
        };
        let path = [&PATH[..], &[&batch, "results"]].concat();
        let outgoing = self.anthropic.endpoint.get(&path)?;
        self.anthropic.endpoint.open(outgoing).await?.lines().map(Some)
    }

    fn read(&self, line: &Received) -> Result<BatchResult, Failure> {
        let ResultLine { custom_id, result } = line.json()?;
        let (Some(custom_id), Some(result)) = (present(custom_id), result) else {
            let sentence = "a result lacks its custom_id, or says nothing";
            return Err(results::nobodys(line, refuse::within, sentence));
        };
        self.outcome(&custom_id, result, line)
            .or_else(|failure| self.expected.failed(custom_id, &failure, line))
    }
}

impl Results {
    fn outcome(&self, custom_id: &str, result: Outcome, line: &Received) -> Result<BatchResult, Failure> {
        let custom_id = custom_id.to_owned();
        match result.kind.as_deref().unwrap_or_default() {
            "succeeded" => {
                let message = Received::within(&self.expected.instance, text(result.message));
                let asked = (&*self.expected.instance, "", self.expected.include_raw);
                let mut chat = Box::new(answered(&self.anthropic, &message, asked, vec![])?);
                let price = |usage| {
                    self.anthropic
                        .book
                        .batched(usage, BatchResults::DECLARATION.facts.name, &chat.model)
                };
                chat.usage = chat.usage.map(price);
                Ok(BatchResult::Chat { custom_id, chat })
            }
            "errored" => Err(refuse::refused(&text(result.error))),
            "canceled" => Ok(BatchResult::Cancelled { custom_id }),
            "expired" => Ok(BatchResult::Expired { custom_id }),
            _ => Err(line.unusable("the result is of a kind that nobody knows")),
        }
    }
}

fn text(json: Option<Box<RawValue>>) -> Bytes {
    let text = json.map(|json| String::from(Box::<str>::from(json)));
    Bytes::from(text.unwrap_or_default())
}
