//! What came of the requests of a batch, one by one.
//!
//! Invariant: each request's result is told by its id, in no order; what cannot be read is told of, and never left out.

use bytes::Bytes;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::answer::Chat;
use super::embedding::Embeddings;
use crate::catalogue::fields::BatchRef;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;

/// Why one request of a batch was not done well.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchFailure {
    /// The stable code, as problems have it.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Whether the same request may go well another time.
    pub retryable: bool,
    /// The field of the request that is at fault, where one is known to be.
    pub field: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl BatchFailure {
    /// What a failure says.
    pub fn of(failure: &Failure, raw: Option<Raw>) -> Self {
        BatchFailure {
            code: failure.kind.code().to_owned(),
            message: failure.message().to_owned(),
            retryable: failure.retryable,
            field: failure.field.as_deref().map(str::to_owned),
            raw,
        }
    }
}

/// What came of one request of a batch; they come in no order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BatchResult {
    /// An answer.
    Chat {
        /// The request's id.
        custom_id: String,
        /// As `ai.chat.complete` gives it.
        chat: Box<Chat>,
    },
    /// Vectors.
    Embeddings {
        /// The request's id.
        custom_id: String,
        /// As `ai.embeddings.create` gives them.
        embeddings: Embeddings,
    },
    /// It was not done well.
    Failed {
        /// The request's id.
        custom_id: String,
        /// Why.
        failure: BatchFailure,
    },
    /// It was not done, since the batch was ended.
    Cancelled {
        /// The request's id.
        custom_id: String,
    },
    /// It was not done in time.
    Expired {
        /// The request's id.
        custom_id: String,
    },
    /// A line of the results that cannot be read, nor told whose it is.
    Unread {
        /// Which of the lines it is, from 1.
        line: u64,
        /// Why.
        message: String,
    },
    /// The last event: these were all.
    End {
        /// How many results were told.
        results: u64,
        /// How many lines could not be read.
        unread: u64,
    },
}

impl<I> Output<I> for BatchResult {}

impl Event for BatchResult {
    fn to_json(&self) -> Result<Bytes, Failure> {
        let json = serde_json::to_vec(self).map(Bytes::from);
        json.map_err(|error| Failure::new(Kind::Internal, "an event could not be serialised").because(error))
    }
}

/// Input of `ai.batch.results`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchResultsInput {
    pub batch: BatchRef,
}

/// `ai.batch.results`
pub struct BatchResults;

impl Op for BatchResults {
    type Input = BatchResultsInput;
    type Output = BatchResult;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "ai.batch.results",
        "/ai/batches/{batch}/results",
        "Tell what came of a batch's requests, one by one, once it has ended; each of at most 1 MiB",
    )
    .uncached()
    .streams();
    fn resource(input: &BatchResultsInput) -> Resource {
        input.batch.resource()
    }
    fn owned(input: &BatchResultsInput) -> Vec<Resource> {
        vec![input.batch.resource()]
    }
}
