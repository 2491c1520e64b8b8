//! From a neutral conversation to one whose tokens are counted: the dialect counts those of its Responses API. Pure.
//!
//! Invariant: what would be read is counted; what only steers the answer has no part in it.

use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use super::asked::OWN;
use super::profile::{Api, Profile};
use super::request::{DIALECT, word};
use super::responses::ResponseRequest;
use super::responses::items::Speaker;
use super::responses::request::{format, tool_choice, tools};
use crate::catalogue::ai::{ChatInput, Warning};

/// The request, and what is not counted as it was said.
///
/// # Errors
/// `unsupported` naming the part that cannot be counted.
pub fn request<'a>(
    profile: &Profile,
    model: &'a str,
    input: &'a ChatInput,
) -> Result<(ResponseRequest<'a>, Vec<Warning>), Failure> {
    let mut warnings = vec![];
    let mut speaker = Speaker {
        instructs: "system",
        own: profile.api == Api::Responses,
        warnings: &mut warnings,
    };
    let items = speaker.items(input, 0)?;
    let tools = tools(input, &mut warnings);
    for name in input.extensions.of(DIALECT, OWN)?.keys() {
        let field = format!("extensions.{DIALECT}.{name}");
        warnings.push(Warning::new(field, "left out: it has no part in what is read"));
    }
    let reasoning = input.reasoning.unwrap_or_default();
    let effort = word(reasoning.effort, reasoning.budget_tokens, &mut warnings);
    let one = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
    let body = ResponseRequest {
        model,
        input: items,
        tools,
        tool_choice: input.tool_choice.as_ref().map(|choice| tool_choice("required", choice)),
        parallel_tool_calls: input.parallel_tool_calls,
        text: input.response_format.as_ref().map(|form| one("format", format(form))),
        reasoning: effort.map(|effort| one("effort", effort.into())),
        ..ResponseRequest::default()
    };
    Ok((body, warnings))
}
