//! What a message of this API is asked as.

use super::*;
use mosaic_actors::error::Kind;
use serde_json::json;

fn read_as(mut fields: Value) -> Result<Asked, Failure> {
    let object = fields.as_object_mut().expect("an object");
    object.entry("model").or_insert_with(|| "m".into());
    object.entry("max_tokens").or_insert_with(|| 9.into());
    object
        .entry("messages")
        .or_insert_with(|| json!([{"role": "user", "content": "hi"}]));
    asked(Fields::whole(object.clone()), true)
}

fn neutral(fields: Value) -> Value {
    let mut input = serde_json::to_value(read_as(fields).expect("read").input).expect("JSON");
    let object = input.as_object_mut().expect("an object");
    for (name, usual) in [
        ("model", json!("m")),
        ("max_tokens", json!(9)),
        ("messages", json!([{"role": "user", "content": "hi"}])),
    ] {
        if object[name] == usual {
            object.remove(name);
        }
    }
    input
}

#[test]
fn each_field_has_its_neutral_one() {
    let tool = json!({"name": "look", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let search = json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 3});
    let look = json!({"name": "look", "parameters": {"type": "object"}, "cache": "1h"});
    for (said, meant) in [
        (
            json!({"stop_sequences": ["x"], "top_k": 3}),
            json!({"stop": ["x"], "top_k": 3}),
        ),
        (
            json!({"temperature": 0.5, "top_p": 0.5}),
            json!({"temperature": 0.5, "top_p": 0.5}),
        ),
        (json!({"metadata": {"user_id": "u"}}), json!({"user": "u"})),
        (json!({"tools": [tool]}), json!({"tools": [look]})),
        (
            json!({"tools": [tool], "tool_choice": {"type": "any"}}),
            json!({"tools": [look], "tool_choice": "required"}),
        ),
        (
            json!({"tools": [tool], "tool_choice": {"type": "tool", "name": "look"}}),
            json!({"tools": [look], "tool_choice": {"name": "look"}}),
        ),
        (
            json!({"tools": [tool], "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}),
            json!({"tools": [look], "tool_choice": "auto", "parallel_tool_calls": false}),
        ),
        (
            json!({"tools": [tool, search], "tool_choice": {"type": "any"}}),
            json!({"tools": [look], "tool_choice": "required", "extensions": {"anthropic": {"tools": [search]}}}),
        ),
        (
            json!({"tools": [tool, search], "tool_choice": {"type": "tool", "name": "web_search"}}),
            json!({"tools": [look], "extensions": {"anthropic": {"tools": [search],
                "tool_choice": {"type": "tool", "name": "web_search"}}}}),
        ),
        (
            json!({"tools": [search], "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}),
            json!({"extensions": {"anthropic": {"tools": [search],
                "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}}}),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}),
            json!({"reasoning": {"budget_tokens": 2048}}),
        ),
        (
            json!({"thinking": {"type": "adaptive"}}),
            json!({"reasoning": {"effort": "high"}}),
        ),
        (
            json!({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}}),
            json!({"reasoning": {"effort": "low"}}),
        ),
        (
            json!({"thinking": {"type": "disabled"}}),
            json!({"reasoning": {"effort": "none"}}),
        ),
        (
            json!({"output_config": {"format": {"type": "json_schema", "schema": {}}}}),
            json!({"response_format": {"type": "json_schema", "schema": {}, "strict": true}}),
        ),
        (json!({"service_tier": "auto"}), json!({})),
        (
            json!({"context_management": {"edits": []}, "service_tier": "standard_only"}),
            json!({"extensions": {"anthropic": {"context_management": {"edits": []}, "service_tier": "standard_only"}}}),
        ),
        (
            json!({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}),
            json!({"messages": [{"role": "system", "content": [{"type": "text", "text": "x", "cache": "5m"}]},
                {"role": "user", "content": "hi"}]}),
        ),
    ] {
        assert_eq!(neutral(said.clone()), meant, "{said}");
    }
}

#[test]
fn each_block_is_said_by_who_says_it_and_results_come_first() {
    for (said, meant) in [
        (
            json!([{"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "d"},
                {"type": "text", "text": "a", "citations": null},
                {"type": "tool_use", "id": "t", "name": "look", "input": {"b": 1, "a": 2}, "caller": {"type": "direct"}},
                {"type": "server_tool_use", "id": "x"}]}]),
            json!([{"role": "assistant", "content": [
                {"type": "thinking", "text": "hm", "signature": "s"}, {"type": "thinking", "text": "", "data": "d"},
                {"type": "text", "text": "a"}, {"type": "tool_call", "id": "t", "name": "look", "arguments": "{\"b\":1,\"a\":2}"},
                {"type": "other", "dialect": "anthropic", "block": {"type": "server_tool_use", "id": "x"}}]}]),
        ),
        (
            json!([{"role": "user", "content": [{"type": "text", "text": "and?"},
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "sun"}], "is_error": true}]}]),
            json!([{"role": "tool", "content": [{"type": "tool_result", "tool_call_id": "t", "content": [{"type": "text", "text": "sun"}],
                "is_error": true}]}, {"role": "user", "content": "and?"}]),
        ),
        (
            json!([{"role": "user", "content": [
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "YQ=="}},
                {"type": "document", "title": "t", "source": {"type": "text", "media_type": "text/plain", "data": "a"}},
                {"type": "document", "source": {"type": "file", "file_id": "one~f"}},
                {"type": "search_result", "title": "t", "source": "s", "content": [{"type": "text", "text": "a"}]}]}]),
            json!([{"role": "user", "content": [
                {"type": "image", "url": "https://example.com/a.png"},
                {"type": "image", "data": "YQ==", "media_type": "image/png"},
                {"type": "file", "data": "YQ==", "media_type": "text/plain", "name": "t"},
                {"type": "file", "file": "f"}, {"type": "text", "text": "t (s)\na"}]}]),
        ),
        (
            json!([{"role": "system", "content": "x"}]),
            json!([{"role": "system", "content": "x"}]),
        ),
    ] {
        assert_eq!(neutral(json!({"messages": said}))["messages"], meant, "{said}");
    }
}

#[test]
fn what_cannot_be_had_is_refused_and_told_by_the_clients_own_names() {
    for (said, field, kind) in [
        (json!({"max_tokens": 0}), "max_tokens", Kind::Unsupported),
        (json!({"max_tokens": null}), "max_tokens", Kind::InvalidInput),
        (json!({"mcp_servers": [{}]}), "mcp_servers", Kind::Unsupported),
        (
            json!({"thinking": {"type": "enabled"}}),
            "thinking.budget_tokens",
            Kind::InvalidInput,
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "server_tool_use"}]}]}),
            "messages[0].content[0].type",
            Kind::Unsupported,
        ),
    ] {
        let failure = read_as(said.clone()).expect_err("refused");
        assert_eq!((failure.field.as_deref(), failure.kind), (Some(field), kind), "{said}");
    }
    let asked = read_as(json!({"system": "x", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "a"}, {"type": "tool_result", "tool_use_id": "t"}]}]}))
    .expect("read");
    for (neutral, own) in [
        ("stop[0]", "stop_sequences[0]"),
        ("user", "metadata.user_id"),
        ("tools[1].parameters", "tools[1].input_schema"),
        ("reasoning.budget_tokens", "thinking.budget_tokens"),
        ("messages[0].content[1]", "system[1]"),
        ("messages[1].content[0]", "messages[0]"),
        ("messages[2].content", "messages[0]"),
    ] {
        assert_eq!(renamed(&asked.places, neutral).as_deref(), Some(own));
    }
    assert_eq!(renamed(&asked.places, "top_k"), None);
}

#[test]
fn features_are_asked_for_in_the_head() {
    let headers = HeaderMap::from_iter([(
        "anthropic-beta".parse().expect("a name"),
        "a, b".parse().expect("a value"),
    )]);
    let asked = read_as(json!({})).expect("read").with_betas(&headers);
    assert_eq!(asked.input.extensions.0[DIALECT]["betas"], json!(["a", "b"]));
    let none = read_as(json!({})).expect("read").with_betas(&HeaderMap::new());
    assert!(none.input.extensions.is_empty());
}
