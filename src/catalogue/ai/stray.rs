//! Results of tools that answer no call.
//!
//! Invariant: a call is looked for before its result, as it is said; one that a provider keeps itself is not known here, so
//! that a result without a call is no fault until its provider says so.

use super::input::ChatInput;
use super::part::Part;

impl ChatInput {
    /// The place of the first result of a tool that no call before it asked for, by its name in the input.
    pub fn stray_result(&self) -> Option<String> {
        let mut calls: Vec<&str> = vec![];
        for (at, message) in self.messages.iter().enumerate() {
            for (within, part) in message.content.parts().iter().enumerate() {
                match part {
                    Part::ToolCall { id, .. } => calls.push(id),
                    Part::ToolResult { tool_call_id, .. } if !calls.contains(&&**tool_call_id) => {
                        return Some(format!("messages[{at}].content[{within}].tool_call_id"));
                    }
                    _ => {}
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_is_astray_unless_its_call_stands_before_it() {
        let call = |id: &str| json!({"type": "tool_call", "id": id, "name": "look", "arguments": "{}"});
        let result = |id: &str| json!({"type": "tool_result", "tool_call_id": id, "content": "42"});
        let says = |role: &str, parts: &[serde_json::Value]| json!({"role": role, "content": parts});
        let asks = json!({"role": "user", "content": "what?"});
        for (messages, place) in [
            (json!([asks]), None),
            (
                json!([
                    asks,
                    says("assistant", &[call("a"), call("b")]),
                    says("tool", &[result("b"), result("a")])
                ]),
                None,
            ),
            (
                json!([
                    asks,
                    says("assistant", &[call("a")]),
                    says("tool", &[result("a"), result("b")])
                ]),
                Some("messages[2].content[1].tool_call_id"),
            ),
            (
                json!([says("tool", &[result("a")]), says("assistant", &[call("a")])]),
                Some("messages[0].content[0].tool_call_id"),
            ),
        ] {
            let input: ChatInput =
                serde_json::from_value(json!({"model": "m", "messages": messages})).expect("an input");
            assert_eq!(input.stray_result().as_deref(), place, "{messages}");
        }
    }
}
