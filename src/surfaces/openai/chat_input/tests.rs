//! What a conversation of this API is asked as.

use super::*;
use mosaic_actors::error::Kind;
use serde_json::json;

fn read_as(mut fields: Value) -> Result<Asked, Failure> {
    let object = fields.as_object_mut().expect("an object");
    object.entry("model").or_insert_with(|| "m".into());
    object
        .entry("messages")
        .or_insert_with(|| json!([{"role": "user", "content": "hi"}]));
    asked(Fields::whole(object.clone()))
}

/// The neutral input, without what each of these has.
fn neutral(fields: Value) -> Value {
    let mut input = serde_json::to_value(read_as(fields).expect("read").input).expect("JSON");
    let object = input.as_object_mut().expect("an object");
    object.remove("model");
    if object["messages"] == json!([{"role": "user", "content": "hi"}]) {
        object.remove("messages");
    }
    input
}

#[test]
fn each_field_has_its_neutral_one() {
    let tool =
        json!({"type": "function", "function": {"name": "look", "parameters": {"type": "object"}, "strict": true}});
    let look = json!({"name": "look", "parameters": {"type": "object"}, "strict": true});
    for (said, meant) in [
        (json!({"max_tokens": 5}), json!({"max_tokens": 5})),
        (
            json!({"max_tokens": 5, "max_completion_tokens": 7}),
            json!({"max_tokens": 7}),
        ),
        (json!({"stop": "x"}), json!({"stop": ["x"]})),
        (json!({"stop": ["x", "y"]}), json!({"stop": ["x", "y"]})),
        (
            json!({"temperature": 1.5, "top_p": 0.5, "top_k": 3}),
            json!({"temperature": 1.5, "top_p": 0.5, "top_k": 3}),
        ),
        (json!({"user": "u"}), json!({"user": "u"})),
        (json!({"user": "u", "safety_identifier": "s"}), json!({"user": "s"})),
        (
            json!({"reasoning_effort": "xhigh"}),
            json!({"reasoning": {"effort": "xhigh"}}),
        ),
        (json!({"tools": [tool]}), json!({"tools": [look]})),
        (
            json!({"tools": [tool], "tool_choice": "required"}),
            json!({"tools": [look], "tool_choice": "required"}),
        ),
        (
            json!({"tools": [tool], "tool_choice": {"type": "function", "function": {"name": "look"}}}),
            json!({"tools": [look], "tool_choice": {"name": "look"}}),
        ),
        (
            json!({"tools": [tool, {"type": "function", "function": {"name": "find"}}], "tool_choice": {"type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "look"}}]}}}),
            json!({"tools": [look], "tool_choice": "required"}),
        ),
        (
            json!({"tools": [tool], "parallel_tool_calls": false}),
            json!({"tools": [look], "parallel_tool_calls": false}),
        ),
        // Of old.
        (
            json!({"functions": [tool["function"]], "function_call": {"name": "look"}}),
            json!({"tools": [look], "tool_choice": {"name": "look"}, "parallel_tool_calls": false}),
        ),
        (json!({"response_format": {"type": "text"}}), json!({})),
        (
            json!({"response_format": {"type": "json_object"}}),
            json!({"response_format": {"type": "json_object"}}),
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}}}),
            json!({"response_format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}}),
        ),
        // What only this dialect knows, also where nobody here does.
        (
            json!({"seed": 7, "metadata": {"a": "b"}, "chat_template_kwargs": {"x": 1}}),
            json!({"extensions": {"openai": {"seed": 7, "metadata": {"a": "b"}, "chat_template_kwargs": {"x": 1}}}}),
        ),
        // What says nothing.
        (
            json!({"n": 1, "logprobs": false, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}, "store": false,
                "metadata": {}, "service_tier": "auto", "modalities": ["text"], "parallel_tool_calls": true, "seed": null,
                "tool_choice": "auto"}),
            json!({}),
        ),
    ] {
        assert_eq!(neutral(said.clone()), meant, "{said}");
    }
}

#[test]
fn each_message_is_one() {
    let call = json!({"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let part = json!({"type": "tool_call", "id": "c", "name": "look", "arguments": "{}"});
    let result = |id: &str, content: &str| json!({"type": "tool_result", "tool_call_id": id, "content": content});
    for (said, meant) in [
        (
            json!([{"role": "developer", "content": "x", "name": "n"}]),
            json!([{"role": "system", "content": "x"}]),
        ),
        (
            json!([{"role": "user", "content": [{"type": "text", "text": "x"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,YQ==", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,YQ=="}},
                {"type": "file", "file": {"file_id": "one~file-1"}}]}]),
            json!([{"role": "user", "content": [{"type": "text", "text": "x"},
                {"type": "image", "data": "YQ==", "media_type": "image/png", "detail": "low"},
                {"type": "image", "url": "https://example.com/a.png"},
                {"type": "file", "data": "YQ==", "media_type": "application/pdf", "name": "a.pdf"},
                {"type": "file", "file": "file-1"}]}]),
        ),
        (
            json!([{"role": "assistant", "content": null, "tool_calls": [call], "refusal": null, "annotations": []},
                {"role": "tool", "tool_call_id": "c", "content": "sun"},
                {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "sun"}]}]),
            json!([{"role": "assistant", "content": [part]}, {"role": "tool", "content": [result("c", "sun")]},
                {"role": "tool", "content": [{"type": "tool_result", "tool_call_id": "c", "content": [{"type": "text", "text": "sun"}]}]}]),
        ),
        (
            json!([{"role": "assistant", "content": "no", "refusal": "never"}]),
            json!([{"role": "assistant", "content": [{"type": "text", "text": "no"}, {"type": "refusal", "text": "never"}]}]),
        ),
        (
            json!([{"role": "assistant", "content": null, "function_call": {"name": "look", "arguments": "{}"}},
                {"role": "function", "name": "look", "content": "sun"}]),
            json!([{"role": "assistant", "content": [{"type": "tool_call", "id": "call_0", "name": "look", "arguments": "{}"}]},
                {"role": "tool", "content": [result("call_0", "sun")]}]),
        ),
        (
            json!([{"role": "assistant", "content": "x", "reasoning_content": "hm", "thinking_blocks": [
                {"type": "thinking", "thinking": "hm", "signature": "s", "index": 0},
                {"type": "redacted_thinking", "data": "d"}]}]),
            json!([{"role": "assistant", "content": [{"type": "thinking", "text": "hm", "signature": "s"},
                {"type": "thinking", "text": "", "data": "d"}, {"type": "text", "text": "x"}]}]),
        ),
        (
            json!([{"role": "assistant", "content": "x", "reasoning_content": "hm"}]),
            json!([{"role": "assistant", "content": [{"type": "thinking", "text": "hm"}, {"type": "text", "text": "x"}]}]),
        ),
    ] {
        assert_eq!(neutral(json!({"messages": said}))["messages"], meant, "{said}");
    }
    let file =
        json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "one~file-1"}}]}]});
    assert_eq!(read_as(file).expect("read").home.instance(), Some("one"));
}

#[test]
fn what_cannot_be_had_is_refused_by_its_name() {
    for (said, field, kind) in [
        (json!({"n": 2}), "n", Kind::Unsupported),
        (json!({"logprobs": true}), "logprobs", Kind::Unsupported),
        (json!({"audio": {}}), "audio", Kind::Unsupported),
        (
            json!({"tools": [{"type": "custom"}]}),
            "tools[0].type",
            Kind::Unsupported,
        ),
        (json!({"max_tokens": -1}), "max_tokens", Kind::InvalidInput),
        (json!({"tool_choice": "perhaps"}), "tool_choice", Kind::InvalidInput),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages[0].tool_call_id",
            Kind::InvalidInput,
        ),
        (
            json!({"messages": [{"role": "function", "name": "x", "content": ""}]}),
            "messages[0].name",
            Kind::InvalidInput,
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}),
            "messages[0].content[0].type",
            Kind::Unsupported,
        ),
    ] {
        let failure = read_as(said.clone()).expect_err("refused");
        assert_eq!((failure.field.as_deref(), failure.kind), (Some(field), kind), "{said}");
    }
}
