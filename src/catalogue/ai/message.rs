//! Messages of a conversation: who says them, and what.
//!
//! Invariant: what a model says in one text alone is a text, and two texts never stand side by side in what it says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::part::Part;

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions that hold for the whole conversation.
    System,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// What came of the calls of tools.
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said: a text, or parts.
    pub content: Content<Part>,
}

impl Content<Part> {
    /// What a model has said, in its plain form: texts that follow one another are one, and so are refusals.
    pub fn said(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut said: Vec<Part> = Vec::new();
        for part in parts {
            match (said.last_mut(), part) {
                (_, Part::Text { text, .. } | Part::Refusal { text }) if text.is_empty() => {}
                (
                    Some(Part::Text { text, cache: None }),
                    Part::Text {
                        text: more,
                        cache: None,
                    },
                ) => text.push_str(&more),
                (Some(Part::Refusal { text }), Part::Refusal { text: more }) => text.push_str(&more),
                (_, part) => said.push(part),
            }
        }
        match said.as_mut_slice() {
            [] => Content::Text(String::new()),
            [Part::Text { text, cache: None }] => Content::Text(std::mem::take(text)),
            _ => Content::Parts(said),
        }
    }

    /// The parts of it, where a text is one, too.
    pub fn into_parts(self) -> Vec<Part> {
        match self {
            Content::Text(text) if text.is_empty() => vec![],
            Content::Text(text) => vec![Part::text(text)],
            Content::Parts(parts) => parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_alone_is_a_text_and_texts_are_joined() {
        let text = |text: &str| Part::text(text);
        let said = |parts: &[Part]| serde_json::to_value(Content::said(parts.to_vec())).expect("JSON");
        assert_eq!(said(&[]), json!(""));
        assert_eq!(said(&[text("a"), text(""), text("b")]), json!("ab"));
        let refusal = Part::Refusal { text: "no".to_owned() };
        assert_eq!(
            said(&[text("a"), refusal.clone(), refusal, text("b")]),
            json!([{"type": "text", "text": "a"}, {"type": "refusal", "text": "nono"}, {"type": "text", "text": "b"}])
        );
    }

    #[test]
    fn a_fault_in_a_part_is_told_with_its_place() {
        for (content, place) in [
            (json!(3), "content"),
            (json!([{"type": "text", "text": "a"}, {"type": "text"}]), "content[1]"),
            (json!([{"type": "text", "text": "a", "colour": 1}]), "content[0]"),
            (json!([{"type": "video"}]), "content[0].type"),
        ] {
            let message = json!({"role": "user", "content": content});
            let error = serde_path_to_error::deserialize::<_, Message>(&message).expect_err("refused");
            assert_eq!(error.path().to_string(), place, "{message}");
        }
    }
}
