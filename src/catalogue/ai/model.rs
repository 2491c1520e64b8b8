//! Models.
//!
//! Invariant: a model's id is accepted as the model of a conversation.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::facts::Facts;
use crate::catalogue::fields::{Cursor, ModelRef, PageSize};
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::tags::Topic;
use crate::catalogue::trail::Trail;

/// The models of an instance.
const MODELS: Topic = Topic::all("models");

/// A model.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// The neutral id, `instance~model`.
    pub id: String,
    /// The model's own id.
    pub name: String,
    /// Its name for people, where the provider tells.
    pub title: Option<String>,
    /// Who offers it, where the provider tells.
    pub owner: Option<String>,
    /// The most tokens that it reads, where the provider tells.
    pub max_input_tokens: Option<u64>,
    /// The most tokens that an answer may have, where the provider tells.
    pub max_output_tokens: Option<u64>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// What is known of it beside what its provider tells; absent where nothing is.
    #[schemars(extend("x-column" = {
        "usd_in": "/usd_per_million/standard/input", "usd_out": "/usd_per_million/standard/output"
    }))]
    pub known: Option<Facts>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Model {}

/// Input of `ai.models.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsListInput {
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `ai.models.list`
pub struct ModelsList;

impl Op for ModelsList {
    type Input = ModelsListInput;
    type Output = Page<Model>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>("ai.models.list", "/ai/models", "List models")
        .carries(&[MODELS])
        .cached(300, 3600, 10);
    fn resource(_input: &ModelsListInput) -> Resource {
        Resource::none()
    }
}

paged!(ModelsListInput);

/// Input of `ai.models.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelGetInput {
    pub model: ModelRef,
}

/// `ai.models.get`
pub struct ModelGet;

impl Op for ModelGet {
    type Input = ModelGetInput;
    type Output = Model;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("ai.models.get", "/ai/models/{model}", "Show a model")
            .carries(&[MODELS])
            .cached(300, 3600, 10)
            .offered();
    fn resource(input: &ModelGetInput) -> Resource {
        input.model.resource()
    }
}
