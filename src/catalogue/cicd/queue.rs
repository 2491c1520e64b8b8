//! The queue: what waits to be run.
//!
//! Invariant: an item tells why it waits where the provider says so, and nothing is made up where it does not.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::run::RunStatus;
use super::topics::QUEUE;
use crate::catalogue::fields::{Cursor, PageSize};
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// One thing that waits to be run, or is being run.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueItem {
    /// The provider's id of it.
    pub id: String,
    /// The project, where the provider tells.
    #[schemars(extend("x-column" = true))]
    pub project: Option<String>,
    /// What is to be run: a job's or a workflow's name, where the provider tells.
    #[schemars(extend("x-column" = true))]
    pub name: Option<String>,
    /// The neutral id of its run, where it is known.
    #[schemars(extend("x-column" = true))]
    pub run: Option<String>,
    /// What `cicd.run.resolve` makes the run of, where there is none yet.
    pub pending: Option<String>,
    /// Whether it waits, runs, or is held up.
    pub status: RunStatus,
    /// Why it waits.
    #[schemars(extend("x-column" = true))]
    pub reason: Option<String>,
    /// RFC 3339: since when.
    #[schemars(extend("x-column" = true))]
    pub since: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// Input of `cicd.queue.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueListInput {
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `cicd.queue.list`
pub struct QueueList;

impl Op for QueueList {
    type Input = QueueListInput;
    type Output = Page<QueueItem>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("cicd.queue.list", "/cicd/queue", "List what waits to be run")
            .carries(&[QUEUE])
            .cached(3, 30, 3);
    fn resource(_input: &QueueListInput) -> Resource {
        Resource::none()
    }
}

paged!(QueueListInput);
