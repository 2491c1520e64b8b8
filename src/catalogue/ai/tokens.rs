//! Tokens that a conversation would have.
//!
//! Invariant: counting has nothing generated and costs nothing.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::answer::Warning;
use super::check::check;
use super::input::ChatInput;
use super::owned;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;

/// How many tokens a model would read.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenCount {
    /// Read by the model, its tools included.
    pub input_tokens: u64,
    /// What of the input was not counted as it was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for TokenCount {}

/// `ai.tokens.count`
pub struct TokensCount;

impl Op for TokensCount {
    type Input = ChatInput;
    type Output = TokenCount;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.tokens.count",
        "/ai/tokens/count",
        "Count the tokens that a model would read",
    )
    .args(&["model", "prompt"])
    .computes();
    fn resource(input: &ChatInput) -> Resource {
        input.model.resource()
    }
    fn owned(input: &ChatInput) -> Vec<Resource> {
        owned::files(input)
    }
    fn check(input: &ChatInput) -> Result<(), Failure> {
        check(input)
    }
}
