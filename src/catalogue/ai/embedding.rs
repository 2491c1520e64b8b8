//! Texts as vectors.
//!
//! Invariant: there is one vector for each text, in their order.

use mosaic_actors::call::{Estimate, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::answer::Usage;
use super::estimate;
use super::extensions::Extensions;
use crate::catalogue::fields::ModelRef;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;

/// The most texts at once.
const MOST_TEXTS: usize = 2048;

/// Input of `ai.embeddings.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingsInput {
    pub model: ModelRef,
    /// The texts.
    pub texts: Vec<String>,
    /// How many numbers a vector shall have; absent: the model's own.
    pub dimensions: Option<u32>,
    /// Stands for the person who asks, where the provider wants to tell them apart.
    pub user: Option<String>,
    /// Fields of the provider's own, by its dialect; a provider of another one refuses them.
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

/// The vectors.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Embeddings {
    /// The model that made them, as the provider names it.
    pub model: String,
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens; absent where the provider did not count.
    pub usage: Option<Usage>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Embeddings {
    fn usage(&self) -> Option<mosaic_actors::stream::Usage> {
        self.usage.map(Into::into)
    }
}

/// `ai.embeddings.create`
pub struct EmbeddingsCreate;

impl Op for EmbeddingsCreate {
    type Input = EmbeddingsInput;
    type Output = Embeddings;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("ai.embeddings.create", "/ai/embeddings", "Make vectors of texts")
            .args(&["model"])
            .generates();
    fn resource(input: &EmbeddingsInput) -> Resource {
        input.model.resource()
    }
    fn estimate(input: &EmbeddingsInput) -> Option<Estimate> {
        Some(estimate::texts(input.texts.iter().map(String::as_str)))
    }
    fn check(input: &EmbeddingsInput) -> Result<(), Failure> {
        if input.texts.is_empty() || input.texts.len() > MOST_TEXTS {
            let sentence = format!("texts must be 1 to {MOST_TEXTS}");
            return Err(Failure::invalid("texts", sentence));
        }
        if input.texts.iter().any(String::is_empty) {
            return Err(Failure::invalid("texts", "no text may be empty"));
        }
        match input.dimensions {
            Some(0) => Err(Failure::invalid("dimensions", "dimensions must be at least 1")),
            _ => Ok(()),
        }
    }
}
