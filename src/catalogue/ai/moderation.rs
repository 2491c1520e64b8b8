//! Texts and pictures, and what harm they may do.
//!
//! Invariant: texts alone are each judged by themselves, in their order; with pictures all is judged together.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::extensions::Extensions;
use super::opaque::Base64;
use super::part::Source;
use crate::catalogue::fields::{ModelRef, WebUrl};
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;

/// The most texts at once, and the most pictures.
const MOST: usize = 1000;

/// Input of `ai.moderation.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModerationInput {
    /// The model that judges; absent: the provider's own choice.
    pub model: Option<ModelRef>,
    /// The texts; each is judged by itself, unless there are pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
    /// Pictures, judged together with the texts as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Picture>,
    /// Fields of the provider's own, by its dialect; a provider of another one refuses them.
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

/// A picture: by one of `url`, and `data` with its `media_type`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    pub url: Option<WebUrl>,
    pub data: Option<Base64>,
    /// What `data` is, such as `image/png`.
    pub media_type: Option<String>,
}

impl Picture {
    /// Where it is.
    pub fn source(&self) -> Option<Source<'_>> {
        Source::only(self.url.as_ref(), self.data.as_ref(), self.media_type.as_deref(), None)
    }
}

/// What was judged.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moderation {
    /// The model that judged, as the provider names it; absent where it does not say.
    pub model: Option<String>,
    /// Whether anything is harmful.
    pub flagged: bool,
    /// One for each text, in their order; with pictures, one for all.
    pub verdicts: Vec<Verdict>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Moderation {}

/// How a text, or texts and pictures, are judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Whether it is harmful.
    pub flagged: bool,
    /// The kinds of harm that it was judged by.
    #[schemars(extend("x-column" = true))]
    pub categories: Vec<Judged>,
}

/// One kind of harm.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The kind of harm.
    pub harm: Harm,
    /// The provider's own word for it, which may be narrower.
    pub name: String,
    /// Whether it does such harm.
    pub flagged: bool,
    /// How sure the model is, 0 to 1; absent where it does not say.
    pub score: Option<f64>,
}

/// A kind of harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Harm {
    /// It harasses somebody.
    Harassment,
    /// It hates a group of people.
    Hate,
    /// It helps to do wrong.
    Illicit,
    /// It leads somebody to harm themselves.
    SelfHarm,
    /// It is sexual.
    Sexual,
    /// It is violent.
    Violence,
    /// As the provider's own word says.
    Other,
}

/// `ai.moderation.create`
pub struct ModerationCreate;

impl Op for ModerationCreate {
    type Input = ModerationInput;
    type Output = Moderation;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.moderation.create",
        "/ai/moderations",
        "Have texts and pictures judged for harm",
    )
    .looks();
    fn resource(input: &ModerationInput) -> Resource {
        input.model.as_ref().map_or_else(Resource::none, ModelRef::resource)
    }
    fn model(input: &ModerationInput, resource: &Resource) -> Option<Arc<str>> {
        input.model.as_ref().map(|_| resource.native().clone())
    }
    fn check(input: &ModerationInput) -> Result<(), Failure> {
        let wrong = |field: &str, sentence: &str| Err(Failure::invalid(field, sentence));
        if input.texts.is_empty() && input.images.is_empty() {
            return wrong("texts", "give texts, images, or both");
        }
        for (field, count) in [("texts", input.texts.len()), ("images", input.images.len())] {
            if count > MOST {
                return wrong(field, &format!("{field} holds more than {MOST}"));
            }
        }
        if let Some(at) = input.texts.iter().position(String::is_empty) {
            return wrong(&format!("texts[{at}]"), "no text may be empty");
        }
        match input.images.iter().position(|image| image.source().is_none()) {
            Some(at) => wrong(
                &format!("images[{at}]"),
                "give one of url, and data with its media_type",
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_cannot_be_judged_names_its_field() {
        let fault = |input: Value| {
            let input = serde_json::from_value(input).expect("an input");
            let failure = ModerationCreate::check(&input).err()?;
            Some(failure.field.as_deref().expect("a field").to_owned())
        };
        for (input, field) in [
            (json!({}), "texts"),
            (json!({"texts": vec!["a"; 1001]}), "texts"),
            (json!({"texts": ["a", ""]}), "texts[1]"),
            (json!({"images": [{"data": "YQ=="}]}), "images[0]"),
        ] {
            assert_eq!(fault(input).as_deref(), Some(field));
        }
        let image = json!({"data": "YQ==", "media_type": "image/png"});
        assert_eq!(fault(json!({"texts": ["a"], "images": [image]})), None);
    }
}
