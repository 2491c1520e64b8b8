//! An answer piece by piece.
//!
//! Invariant: the pieces of an answer, put together, are the whole answer, see [`fold`](super::fold).

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::answer::{Finish, Usage, Warning};
use super::opaque::Opaque;
use crate::catalogue::op::Output;
use crate::catalogue::raw::Raw;

/// One event of a streamed answer.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    /// The first event.
    Start {
        /// The provider's id of the answer, as a neutral id; absent where it gives none.
        id: Option<String>,
        /// The model that answers.
        model: String,
        /// What of the input was not passed on as it was said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<Warning>,
    },
    /// A piece of what the model thinks before it goes on, where the provider shows it.
    Reasoning {
        /// The piece.
        text: String,
    },
    /// The thought that has just been told is to be given back, with this.
    Signature {
        /// Proves that it is unchanged.
        signature: Opaque,
        /// As that of the thought.
        dialect: Option<String>,
    },
    /// A thought that is hidden, and to be given back.
    HiddenReasoning {
        /// The thought.
        data: Opaque,
    },
    /// A piece of the text.
    Delta {
        /// The piece.
        text: String,
    },
    /// A piece of what the model says when it refuses.
    Refusal {
        /// The piece.
        text: String,
    },
    /// The model wants a tool called.
    ToolCall {
        /// Which of the answer's calls it is, from 0.
        index: u32,
        /// What the result refers to.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// A piece of the arguments of a call.
    ToolArguments {
        /// Which of the answer's calls it is.
        index: u32,
        /// The piece: some characters of JSON.
        text: String,
    },
    /// A part that only one dialect knows, and that is to be given back.
    Other {
        /// The dialect.
        dialect: String,
        /// Its own JSON.
        block: Raw,
    },
    /// Tokens.
    Usage {
        /// As counted by the provider.
        usage: Usage,
    },
    /// The last event of a whole answer.
    End {
        /// Why it stopped.
        finish: Option<Finish>,
        /// The provider's word for it, where `finish` is `other`.
        raw_finish: Option<String>,
        /// The stop text that it met, where the provider says which.
        stop_sequence: Option<String>,
    },
}

impl<I> Output<I> for ChatEvent {}

impl Event for ChatEvent {
    fn to_json(&self) -> Result<Bytes, Failure> {
        let json = serde_json::to_vec(self).map(Bytes::from);
        json.map_err(|error| Failure::new(Kind::Internal, "an event could not be serialised").because(error))
    }

    fn usage(&self) -> Option<mosaic_actors::stream::Usage> {
        let ChatEvent::Usage { usage } = self else {
            return None;
        };
        Some((*usage).into())
    }
}
