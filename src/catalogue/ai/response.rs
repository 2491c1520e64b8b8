//! Answers that their provider keeps: asked for, read again, ended, and gone on from.
//!
//! Invariant: what goes on from an answer is asked of the instance that made that answer, and of no other.

use mosaic_actors::call::{Estimate, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::answer::{Finish, Usage, Warning};
use super::estimate;
use super::event::ChatEvent;
use super::message::Message;
use super::prefix;
use super::response_input::ResponseInput;
use crate::catalogue::fields::ResponseRef;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::owned::{ANSWER_LASTS, Owned};
use crate::catalogue::raw::Raw;

/// An answer that its provider keeps.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The neutral id, for `ai.response.get` and as the `previous` of another; absent where the provider gave none.
    pub id: Option<String>,
    /// Where it stands.
    pub state: ResponseState,
    /// Where it stands, in the provider's own word; absent where it says none.
    pub raw_state: Option<String>,
    /// The model that answers, as the provider names it; absent where it does not say.
    pub model: Option<String>,
    /// The neutral id of the answer that it goes on from.
    pub previous: Option<String>,
    /// Whether it is made in the background, where the provider tells.
    pub background: Option<bool>,
    /// What was said so far; absent where that is nothing.
    pub message: Option<Message>,
    /// What it thought before, where the provider shows it and does not want it back.
    pub reasoning: Option<String>,
    /// Why it stopped; of an answer that is `incomplete`, why it is.
    pub finish: Option<Finish>,
    /// The provider's word for it, where `finish` is `other`.
    pub raw_finish: Option<String>,
    /// Why it failed.
    pub error: Option<ResponseError>,
    /// Tokens; absent where the provider did not count, or not yet.
    pub usage: Option<Usage>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// When it was whole, RFC 3339.
    pub completed_at: Option<String>,
    /// What of the input was not passed on as it was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// Where an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseState {
    /// It waits for its turn.
    Queued,
    /// It is being made.
    Running,
    /// It is whole.
    Completed,
    /// It ended before it was whole; `finish` says why.
    Incomplete,
    /// It failed; `error` says why.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// As the provider's own word says, which is not known here.
    Other,
}

/// Why an answer that was asked for earlier failed, in the words of a call that fails.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResponseError {
    /// The stable code, as those of problems.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// The field of the input at fault.
    pub field: Option<String>,
    /// Whether the same can be asked again.
    pub retryable: bool,
}

impl From<Failure> for ResponseError {
    fn from(failure: Failure) -> Self {
        ResponseError {
            code: failure.kind.code().to_owned(),
            message: failure.message().to_owned(),
            field: failure.field.as_deref().map(str::to_owned),
            retryable: failure.retryable,
        }
    }
}

/// Whoever has it made has used its tokens.
impl Output<ResponseInput> for Response {
    fn usage(&self) -> Option<mosaic_actors::stream::Usage> {
        self.usage.map(Into::into)
    }
}

/// Whoever looks at it, however often, uses none. Those of an answer that is made in the background are told by the answer
/// alone, and counted nowhere: nobody knows which look is the first at one that is whole.
impl Output<ResponseGetInput> for Response {}

/// `ai.response.create`
pub struct ResponseCreate;

impl Op for ResponseCreate {
    type Input = ResponseInput;
    type Output = Response;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.response.create",
        "/ai/responses",
        "Have a model answer, and the answer kept",
    )
    .args(&["model", "prompt"])
    .generates()
    .kept()
    .owned(Owned::Named(&["/id"]))
    .lasting(ANSWER_LASTS)
    .invalidates_nothing("an answer that is new is a part of no other");
    fn resource(input: &ResponseInput) -> Resource {
        input.resource()
    }
    fn owned(input: &ResponseInput) -> Vec<Resource> {
        input.owned()
    }
    fn check(input: &ResponseInput) -> Result<(), Failure> {
        input.whole()
    }
    fn estimate(input: &ResponseInput) -> Option<Estimate> {
        Some(estimate::response(input))
    }
    fn prefix(input: &ResponseInput) -> Option<u64> {
        Some(prefix::response(input))
    }
}

/// `ai.response.stream`
pub struct ResponseStream;

impl Op for ResponseStream {
    type Input = ResponseInput;
    type Output = ChatEvent;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.response.stream",
        "/ai/responses/stream",
        "Have a model answer, piece by piece, and the answer kept",
    )
    .args(&["model", "prompt"])
    .generates()
    .kept()
    .owned(Owned::Named(&["/id"]))
    .lasting(ANSWER_LASTS)
    .streams()
    .invalidates_nothing("an answer that is new is a part of no other");
    fn resource(input: &ResponseInput) -> Resource {
        input.resource()
    }
    fn owned(input: &ResponseInput) -> Vec<Resource> {
        input.owned()
    }
    fn check(input: &ResponseInput) -> Result<(), Failure> {
        input.whole()
    }
    fn estimate(input: &ResponseInput) -> Option<Estimate> {
        Some(estimate::response(input))
    }
    fn prefix(input: &ResponseInput) -> Option<u64> {
        Some(prefix::response(input))
    }
}

/// Input of `ai.response.get` and `ai.response.cancel`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseGetInput {
    pub response: ResponseRef,
}

/// `ai.response.get`
pub struct ResponseGet;

impl Op for ResponseGet {
    type Input = ResponseGetInput;
    type Output = Response;
    // It moves on by itself, and whoever asks wants to know whether it has.
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "ai.response.get",
        "/ai/responses/{response}",
        "Show an answer that is kept, as it stands",
    )
    .uncached();
    fn resource(input: &ResponseGetInput) -> Resource {
        input.response.resource()
    }
    fn owned(input: &ResponseGetInput) -> Vec<Resource> {
        vec![input.response.resource()]
    }
}

/// `ai.response.cancel`
pub struct ResponseCancel;

impl Op for ResponseCancel {
    type Input = ResponseGetInput;
    type Output = Response;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.response.cancel",
        "/ai/responses/{response}/cancel",
        "End an answer that is made in the background",
    )
    .invalidates_nothing("an answer is never read from the cache");
    fn resource(input: &ResponseGetInput) -> Resource {
        input.response.resource()
    }
    fn owned(input: &ResponseGetInput) -> Vec<Resource> {
        vec![input.response.resource()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_tokens_are_used_by_whoever_has_it_made_and_by_no_look_at_it() {
        let told = serde_json::json!({"state": "completed", "usage": {"input_tokens": 7, "output_tokens": 2}});
        let response: Response = serde_json::from_value(told).expect("read");
        let made = Output::<<ResponseCreate as Op>::Input>::usage(&response);
        assert_eq!(
            made.map(|usage| (usage.input_tokens, usage.output_tokens)),
            Some((7, 2))
        );
        assert!(Output::<<ResponseGet as Op>::Input>::usage(&response).is_none());
        assert!(Output::<<ResponseCancel as Op>::Input>::usage(&response).is_none());
    }

    #[test]
    fn it_is_guessed_with_its_instructions() {
        let kept =
            serde_json::json!({"model": "m", "prompt": "Hello, you!!", "instructions": "four", "max_tokens": 50});
        let kept: ResponseInput = serde_json::from_value(kept).expect("an input");
        let both = [ResponseCreate::estimate(&kept), ResponseStream::estimate(&kept)];
        for guess in both {
            let guess = guess.expect("a guess");
            assert_eq!((guess.input_tokens, guess.max_output_tokens), (4 + 3 + 4 + 1, Some(50)));
        }
    }
}
