//! What came of a batch's requests, as OpenAI writes it: a file of what was done well, another of what was not.
//!
//! Invariant: both files are read, whatever the batch's state says of how it ended.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde_json::Value;
use serde_json::value::RawValue;

use super::batch_convert::{results as files, state, work};
use super::batch_wire::{Batch, Response, ResultLine};
use super::refuse::{self, Sent};
use super::{OpenAi, answered, embed};
use crate::catalogue::ai::{BatchResult, BatchResults, BatchState, BatchWork, Usage};
use crate::catalogue::op::Op;
use crate::providers::ai::results::{self, Expected, Source};
use crate::providers::http::text::present;
use crate::providers::http::{Fault, Lines, Received, Refusal, parse};
use crate::providers::{Reply, Request};

/// Its words for a request that was not done since its time, or its batch, was over.
const EXPIRED: &str = "batch_expired";
const CANCELLED: [&str; 2] = ["batch_cancelled", "batch_canceled"];

pub async fn results(
    openai: Arc<OpenAi>,
    request: Request<BatchResults>,
) -> Result<Reply<impl Stream<Item = Result<Piece<BatchResult>, Failure>> + Send + 'static>, Failure> {
    let received = openai
        .endpoint
        .send(openai.endpoint.get(&["batches", &request.native])?)
        .await?;
    let batch: Batch = received.json()?;
    let (state, files) = (state(batch.status.as_deref().unwrap_or_default()), files(&batch));
    let none = state == BatchState::Failed && files.is_empty();
    if none || !state.is_over() {
        return Err(received.blame(results::without(state)));
    }
    let work = batch.endpoint.as_deref().map_or(BatchWork::Other, work);
    if work == BatchWork::Other {
        let sentence = "this batch has done what has no neutral form: ai.file.content gives its files as they are";
        return Err(received.failure(Kind::Unsupported, sentence));
    }
    let told = results::told(Results {
        openai,
        work,
        expected: Expected {
            instance: request.instance,
            include_raw: request.include_raw,
            // How many were not done at all, nobody counts.
            least: batch.request_counts.map_or(0, |counts| counts.completed),
        },
        failed: batch.request_counts.map_or(0, |counts| counts.failed),
        errors: batch.error_file_id,
        files: files.into_iter(),
    });
    Ok(received.reply(told.await?))
}

struct Results {
    openai: Arc<OpenAi>,
    work: BatchWork,
    expected: Expected,
    /// How many were not done well, and the file that tells of them.
    failed: u64,
    errors: Option<String>,
    /// The files that are yet to be opened.
    files: std::vec::IntoIter<String>,
}

impl Source for Results {
    fn expected(&self) -> &Expected {
        &self.expected
    }

    async fn open(&mut self) -> Result<Option<Lines>, Failure> {
        let Some(file) = self.files.next() else {
            return Ok(None);
        };
        // Of a server that counts them and writes no such file, nothing more can be had.
        if self.errors.as_ref() == Some(&file) {
            self.expected.least = self.expected.least.saturating_add(self.failed);
        }
        let endpoint = &self.openai.endpoint;
        let content = endpoint.get_told(&["files", &file, "content"])?;
        endpoint.open_stored(content).await?.lines().map(Some)
    }

    fn read(&self, line: &Received) -> Result<BatchResult, Failure> {
        let ResultLine {
            custom_id,
            response,
            error,
        } = line.json()?;
        let Some(custom_id) = present(custom_id) else {
            let told = |fault: &Fault| refuse::within(fault, Sent::default());
            return Err(results::nobodys(line, told, "a result has no custom_id"));
        };
        let outcome = match (response, error) {
            (Some(response), _) => self.answer(&custom_id, response),
            (None, Some(error)) => match undone(&custom_id, &error) {
                Some(undone) => return Ok(undone),
                None => Err(told(&error)),
            },
            (None, None) => Err(line.unusable("the result tells neither an answer nor an error")),
        };
        outcome.or_else(|failure| self.expected.failed(custom_id, &failure, line))
    }
}

impl Results {
    fn priced(&self, usage: Usage, model: &str) -> Usage {
        self.openai
            .book
            .batched(usage, BatchResults::DECLARATION.facts.name, model)
    }

    /// The answer to one request, as if it had been asked alone.
    fn answer(&self, custom_id: &str, response: Response) -> Result<BatchResult, Failure> {
        let text = response.body.map(|body| String::from(Box::<str>::from(body)));
        let body = Received::within(&self.expected.instance, Bytes::from(text.unwrap_or_default()));
        let status = response.status_code.unwrap_or(StatusCode::OK.as_u16());
        if !(200..300).contains(&status) {
            return Err(refused(status, body.bytes()));
        }
        let custom_id = custom_id.to_owned();
        match self.work {
            BatchWork::Embeddings => {
                let mut embeddings = embed::made(&body, self.expected.include_raw, "", None)?;
                let counted = embeddings.usage;
                embeddings.usage = counted.map(|usage| self.priced(usage, &embeddings.model));
                Ok(BatchResult::Embeddings { custom_id, embeddings })
            }
            BatchWork::Chat | BatchWork::Other => {
                let asked = (&*self.expected.instance, "", self.expected.include_raw);
                let mut chat = Box::new(answered(&self.openai, &body, asked, Sent::default(), vec![])?);
                chat.usage = chat.usage.map(|usage| self.priced(usage, &chat.model));
                Ok(BatchResult::Chat { custom_id, chat })
            }
        }
    }
}

/// What the refusal of one request means, as if it had been asked alone.
fn refused(status: u16, body: &[u8]) -> Failure {
    refuse::refuse(&Refusal {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: &HeaderMap::new(),
        body,
        sent: b"",
        method: &Method::POST,
        path: "",
        now: Timestamp::now(),
    })
}

/// A request that was not done at all.
fn undone(custom_id: &str, error: &RawValue) -> Option<BatchResult> {
    let error: Value = parse(error.get().as_bytes()).ok()?;
    let (code, custom_id) = (error["code"].as_str()?, custom_id.to_owned());
    if code == EXPIRED {
        Some(BatchResult::Expired { custom_id })
    } else {
        CANCELLED
            .contains(&code)
            .then_some(BatchResult::Cancelled { custom_id })
    }
}

/// Why a request has no answer.
fn told(error: &RawValue) -> Failure {
    match parse::<Value>(error.get().as_bytes()) {
        Ok(error) => refuse::within(&Fault::of(&error), Sent::default()),
        Err(unreadable) => unreadable,
    }
}
