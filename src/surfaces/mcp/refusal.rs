//! Failures as a model reads them, and as the protocol's own errors.
//!
//! Invariant: what a tool could not do is its result, with our code; only what names no tool, resource or prompt of ours is an
//! error of the protocol.

use mosaic_actors::error::{Failure, Kind};
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::request_id::RequestId;

/// The member of a result's structured content that tells why there is no other.
pub(super) const ERROR: &str = "error";

/// The schema of that member.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": [ERROR],
        "properties": {
            ERROR: {
                "type": "object",
                "description": "Why it was not done.",
                "required": ["code", "detail", "retryable"],
                "properties": {
                    "code": { "type": "string" },
                    "detail": { "type": "string" },
                    "retryable": { "type": "boolean", "description": "Whether trying again can help." },
                    "retry_after_ms": { "type": "integer" },
                    "field": { "type": "string", "description": "The argument at fault." },
                    "provider": { "type": "string" },
                },
            },
        },
    })
}

/// The document of a problem.
fn document(problem: &Problem, id: &RequestId) -> Value {
    serde_json::from_str(&problem.json(id)).unwrap_or_else(|_| json!({ "code": problem.code() }))
}

/// A tool's result that says why there is no other.
pub(super) fn result(problem: &Problem, id: &RequestId) -> CallToolResult {
    let document = document(problem, id);
    let mut result = CallToolResult::error(vec![ContentBlock::text(sentence(&document))]);
    result.structured_content = Some(json!({ ERROR: document }));
    result
}

/// What a model can act upon.
fn sentence(document: &Value) -> String {
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    let mut sentence = format!("{}: {}", text("code"), text("detail"));
    if let Some(field) = document["field"].as_str() {
        sentence += &format!(" (argument: {field})");
    }
    sentence += match (document["retryable"] == true, document["retry_after_ms"].as_u64()) {
        (true, Some(wait)) => return format!("{sentence}. Trying again can help, after {wait} ms."),
        (true, None) => ". Trying again can help.",
        (false, _) if document["outcome"] == "unknown" => {
            ". Whether it was done is not known: look before you try again."
        }
        (false, _) => ". Trying the same again will not help.",
    };
    sentence
}

/// An error of the protocol for what is no tool's: a resource or a prompt that is not had.
pub(super) fn error(failure: Failure, id: &RequestId) -> ErrorData {
    let kind = failure.kind;
    let problem = Problem::from(failure);
    let document = document(&problem, id);
    let message = document["detail"].as_str().unwrap_or_default().to_owned();
    match kind {
        Kind::NotFound => ErrorData::resource_not_found(message, Some(document)),
        Kind::InvalidInput => ErrorData::invalid_params(message, Some(document)),
        _ => ErrorData::internal_error(message, Some(document)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_model_is_told_whether_to_try_again() {
        let id = RequestId::of(&http::HeaderMap::new());
        let told = |failure: Failure| {
            let result = result(&Problem::from(failure), &id);
            assert_eq!(result.is_error, Some(true));
            let text = result.content[0].as_text().expect("a text").text.clone();
            (text, result.structured_content.expect("a structure"))
        };
        let (text, structure) = told(Failure::new(Kind::Overloaded, "no room").after(Duration::from_millis(250)));
        assert_eq!(text, "overloaded: no room. Trying again can help, after 250 ms.");
        assert_eq!(structure[ERROR]["retry_after_ms"], 250);
        let (text, structure) = told(Failure::invalid("repo", "repo must not be empty"));
        assert!(
            text.ends_with("(argument: repo). Trying the same again will not help."),
            "{text}"
        );
        assert_eq!(structure[ERROR]["code"], "invalid_input");
    }
}
