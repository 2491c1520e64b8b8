//! Batches: many requests to models that are done together, later, and for less.
//!
//! Invariant: a batch's state is one of ours, with the provider's own word beside it.

use mosaic_actors::call::{Resource, Tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::answer::{Usage, Warning};
use crate::catalogue::fields::{BatchRef, Cursor, PageSize};
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::owned::Owned;
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::tags::Topic;
use crate::catalogue::trail::Trail;

/// One batch.
pub(in crate::catalogue) const BATCH: Topic = Topic::whole("batch");
/// A batch, and its files.
pub(super) const BATCH_OWNED: Owned = Owned::Named(&["/id", "/files/requests", "/files/results", "/files/errors"]);
/// The batches of an instance.
pub(in crate::catalogue) const BATCHES: Topic = Topic::all("batches");

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// The provider looks at its requests.
    Validating,
    /// They are being done.
    Running,
    /// They are done, and what came of them is being put together.
    Finalizing,
    /// It shall end before they are done.
    Cancelling,
    /// It has ended: each was done, well or not.
    Completed,
    /// It was refused as a whole.
    Failed,
    /// It was ended before they were done; some may have been.
    Cancelled,
    /// Its time has passed; some may have been done.
    Expired,
    /// In a state of the provider's own.
    Other,
}

impl BatchState {
    /// Whether nothing more is done of it.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            BatchState::Completed | BatchState::Failed | BatchState::Cancelled | BatchState::Expired
        )
    }
}

/// What a batch has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchWork {
    /// Answers of models.
    Chat,
    /// Vectors of texts.
    Embeddings,
    /// What none of our requests asks for.
    Other,
}

/// How far a batch is. Some providers count nothing but what is left until all is over.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchCounts {
    /// Requests in all, as far as they were read.
    pub total: u64,
    /// Done, and well.
    pub succeeded: u64,
    /// Done, and not well.
    pub failed: u64,
    /// Yet to be done, where the provider tells.
    pub waiting: Option<u64>,
    /// Not done since the batch was ended, where the provider tells.
    pub cancelled: Option<u64>,
    /// Not done in time, where the provider tells.
    pub expired: Option<u64>,
}

/// What is wrong with a batch as a whole.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchError {
    /// The provider's word for it.
    pub code: Option<String>,
    /// The provider's sentence.
    pub message: Option<String>,
    /// The line of the file of requests, as the provider counts.
    pub line: Option<u64>,
}

/// The files of a batch, where its provider keeps it in files; each can be had by `ai.file.content`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchFiles {
    /// The neutral id of the file of its requests.
    pub requests: Option<String>,
    /// The neutral id of the file of what was done well.
    pub results: Option<String>,
    /// The neutral id of the file of what was not.
    pub errors: Option<String>,
}

/// A batch.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Batch {
    /// The neutral id.
    pub id: String,
    /// Where it stands.
    pub state: BatchState,
    /// The same in the provider's own word.
    pub raw_state: String,
    /// What it has done; absent where the provider does not tell.
    pub work: Option<BatchWork>,
    /// How far it is; absent where the provider does not tell.
    pub counts: Option<BatchCounts>,
    /// There are results to be had: `ai.batch.results` tells them.
    pub has_results: bool,
    /// Why it was refused as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<BatchError>,
    /// Its files, where it is kept in files.
    pub files: Option<BatchFiles>,
    /// Tokens of all that was done; absent where the provider does not count them so.
    pub usage: Option<Usage>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// When its requests were begun. RFC 3339.
    pub started_at: Option<String>,
    /// When it was told to end before it was done. RFC 3339.
    pub cancel_asked_at: Option<String>,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// When it ends if it is not done by then. RFC 3339.
    pub expires_at: Option<String>,
    /// When its results were taken away. RFC 3339.
    pub archived_at: Option<String>,
    /// What of its requests was not passed on as it was said; of its creation alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

// Its tokens are told whenever it is looked at, and were used once.
impl<I> Output<I> for Batch {
    fn tags(&self) -> Vec<Tag> {
        vec![BATCH.tag_of_id(&self.id)]
    }
}

/// Input of `ai.batch.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchListInput {
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

paged!(BatchListInput);

/// `ai.batch.list`
pub struct BatchList;

impl Op for BatchList {
    type Input = BatchListInput;
    type Output = Page<Batch>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("ai.batch.list", "/ai/batches", "List batches of requests to models")
            .carries(&[BATCHES])
            .owned(Owned::Rows(&["/files/requests", "/files/results", "/files/errors"]))
            .cached(5, 60, 3);
    fn resource(_input: &BatchListInput) -> Resource {
        Resource::none()
    }
}

/// Input of `ai.batch.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchGetInput {
    pub batch: BatchRef,
}

/// `ai.batch.get`
pub struct BatchGet;

impl Op for BatchGet {
    type Input = BatchGetInput;
    type Output = Batch;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("ai.batch.get", "/ai/batches/{batch}", "Show how far a batch is")
            .carries(&[BATCH])
            .absent(&[BATCHES])
            .owned(BATCH_OWNED)
            .cached(5, 60, 3);
    fn resource(input: &BatchGetInput) -> Resource {
        input.batch.resource()
    }
    fn owned(input: &BatchGetInput) -> Vec<Resource> {
        vec![input.batch.resource()]
    }
}

/// Input of `ai.batch.cancel`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchCancelInput {
    pub batch: BatchRef,
}

/// `ai.batch.cancel`
pub struct BatchCancel;

impl Op for BatchCancel {
    type Input = BatchCancelInput;
    type Output = Batch;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.batch.cancel",
        "/ai/batches/{batch}/cancel",
        "End a batch; what was done by then is paid for and kept",
    )
    .owned(BATCH_OWNED)
    .invalidates(&[BATCH, BATCHES]);
    fn resource(input: &BatchCancelInput) -> Resource {
        input.batch.resource()
    }
    fn owned(input: &BatchCancelInput) -> Vec<Resource> {
        vec![input.batch.resource()]
    }
}
