//! The drivers of models through their sandboxes: one conversation, whole and streamed, in either dialect.
//!
//! Invariant: the same question has the same neutral answer whichever way it is asked, and a stream that breaks never ends as
//! if it were whole.

use mosaic::catalogue::ai::{ChatEvent, fold};
use mosaic::sandbox::{Effect, Fault};
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::through::Through;
use crate::{through_batches, upstream};

const KINDS: [&str; 2] = ["anthropic", "openai"];
/// The ways that a conversation goes: a kind, and the one of its APIs where it has several.
pub const WAYS: [(&str, Option<&str>); 3] = [
    ("anthropic", None),
    ("openai", Some("chat")),
    ("openai", Some("responses")),
];
const COMPLETE: &str = "ai.chat.complete";
const STREAM: &str = "ai.chat.stream";

/// A way that a conversation goes, and its name.
pub async fn way((kind, api): (&'static str, Option<&'static str>)) -> (String, Through) {
    let provider = Through::start(kind, "sandbox-one").await;
    match api {
        Some(api) => (format!("{kind} by {api}"), provider.set("api", api)),
        None => (kind.to_owned(), provider),
    }
}

/// An input, as it is said where thoughts are shown only to who asks for that.
pub fn shown(way: &str, mut input: Value) -> Value {
    if way.ends_with("responses") && input.get("reasoning").is_some() {
        input["extensions"] = json!({"openai": {"reasoning": {"summary": "auto"}}});
    }
    input
}

pub fn with(more: Value) -> Value {
    let mut input = json!({"model": "sandbox-large", "max_tokens": 2000});
    let fields = more.as_object().expect("an object").clone();
    input.as_object_mut().expect("an object").extend(fields);
    input
}

pub fn tools() -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    json!([{"name": "look", "parameters": schema}, {"name": "find", "description": "Finds."}])
}

fn part(kind: &str, media_type: &str) -> Value {
    json!({"type": kind, "data": "YQ==", "media_type": media_type})
}

/// Conversations, and how they finish.
pub fn conversations() -> Vec<(&'static str, Value, &'static str)> {
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let call = |id: &str| json!({"type": "tool_call", "id": id, "name": "look", "arguments": "{\"city\":\"Rome\"}"});
    let result = |id: &str, said: Value| json!({"type": "tool_result", "tool_call_id": id, "content": said});
    let looped = json!([
        {"role": "user", "content": "call look"},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call("a"), call("b")]},
        {"role": "tool", "content": [result("a", json!("sun")), result("b", json!([{"type": "text", "text": "rain"}]))]}]);
    let schema = json!({"type": "json_schema", "schema": {"type": "object"}});
    vec![
        ("plain", with(json!({"prompt": "Hello there"})), "stop"),
        (
            "system",
            with(json!({"messages": [{"role": "system", "content": "Be brief."}], "prompt": "Hello"})),
            "stop",
        ),
        (
            "both sides",
            with(json!({"messages": [
                {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "prompt": "c"})),
            "stop",
        ),
        (
            "a tool",
            with(json!({"prompt": "call look {\"city\": \"Paris\"}", "tools": tools()})),
            "tool",
        ),
        (
            "a tool without arguments",
            with(json!({"prompt": "call find", "tools": tools()})),
            "tool",
        ),
        (
            "tools at once",
            with(json!({"prompt": "call look and find {\"x\": [1, 2]}", "tools": tools()})),
            "tool",
        ),
        (
            "one tool at a time",
            with(json!({"prompt": "call look and find", "tools": tools(), "parallel_tool_calls": false})),
            "tool",
        ),
        (
            "some tool",
            with(json!({"prompt": "Hello", "tools": tools(), "tool_choice": "required"})),
            "tool",
        ),
        (
            "this tool",
            with(json!({"prompt": "Hello", "tools": tools(), "tool_choice": {"name": "find"}})),
            "tool",
        ),
        (
            "no tool",
            with(json!({"prompt": "call look", "tools": tools(), "tool_choice": "none"})),
            "stop",
        ),
        (
            "what came of tools",
            with(json!({"messages": looped, "tools": tools()})),
            "stop",
        ),
        (
            "pictures",
            with(json!({"messages": user(json!([
                {"type": "text", "text": "What is this?"},
                {"type": "image", "url": "https://example.com/a.png"},
                part("image", "image/png")]))})),
            "stop",
        ),
        (
            "a document",
            with(json!({"messages": user(json!([
                {"type": "text", "text": "What is this?"}, part("file", "application/pdf")]))})),
            "stop",
        ),
        (
            "a thought",
            with(json!({"prompt": "think about rain", "reasoning": {"effort": "high"}})),
            "stop",
        ),
        ("a refusal", with(json!({"prompt": "refuse to sing"})), "filter"),
        (
            "no room",
            with(json!({"prompt": "say 40 words", "max_tokens": 20})),
            "length",
        ),
        (
            "a stop text",
            with(json!({"prompt": "say 9 words", "stop": [" word4"]})),
            "stop",
        ),
        (
            "a form",
            with(json!({"prompt": "Hello", "response_format": schema})),
            "stop",
        ),
    ]
}

/// What is left where ids, counts and the dialects' own ways are left out.
pub fn alike(mut chat: Value) -> Value {
    let fields = chat.as_object_mut().expect("an object");
    for name in ["id", "usage", "stop_sequence", "warnings"] {
        fields.shift_remove(name);
    }
    let mut thought = fields.shift_remove("reasoning");
    let content = fields["message"]["content"].take();
    let mut parts = match content {
        Value::Array(parts) => parts,
        text => vec![json!({"type": "text", "text": text})],
    };
    parts.retain_mut(|part| {
        if part["type"] == "thinking" {
            thought = Some(part["text"].take());
            return false;
        }
        if let Some(call) = part.as_object_mut().filter(|part| part["type"] == "tool_call") {
            call.shift_remove("id");
            let arguments = call["arguments"].as_str().expect("text");
            call["arguments"] = serde_json::from_str(arguments).expect("JSON");
        }
        true
    });
    chat["message"]["content"] = parts.into();
    json!({"chat": chat, "thought": thought})
}

pub fn folded(events: &Value) -> Value {
    let events: Vec<ChatEvent> = serde_json::from_value(events.clone()).expect("events");
    serde_json::to_value(fold::fold(events).expect("an end")).expect("JSON")
}

#[tokio::test]
async fn the_same_conversation_has_the_same_answer_in_either_dialect_whole_and_streamed() {
    let mut ways = vec![];
    for one in WAYS {
        ways.push(way(one).await);
    }
    for (what, input, finish) in conversations() {
        let mut answers = vec![];
        for (way, provider) in &ways {
            let input = shown(way, input.clone());
            // The newer of the APIs has no stop texts.
            if way.ends_with("responses") && input.get("stop").is_some() {
                let refused = provider.fails(COMPLETE, input).await;
                assert_eq!(refused, (Kind::Unsupported, Some("stop".to_owned())), "{what}");
                continue;
            }
            let whole = provider.ask(COMPLETE, input.clone()).await;
            assert_eq!(whole["finish"], finish, "{what} at {way}: {whole}");
            let streamed = folded(&provider.ask(STREAM, input).await);
            assert_eq!(whole["usage"], streamed["usage"], "{what} at {way}");
            let (whole, streamed) = (alike(whole), alike(streamed));
            assert_eq!(whole, streamed, "{what} at {way}");
            answers.push(whole);
        }
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{what}: {answers:?}"
        );
    }
}

/// Traps 23 and 14 of the dialects, A23 and A14: what one has said is said on to each other, and thoughts to who thought them.
#[tokio::test]
async fn what_one_model_has_said_is_said_on_to_each_other() {
    let mut ways = vec![];
    for one in WAYS {
        ways.push(way(one).await);
    }
    let mut said_on = 0;
    for (what, input, _) in conversations() {
        for (from, provider) in &ways {
            let Ok(answer) = provider.try_ask(COMPLETE, shown(from, input.clone())).await else {
                assert_eq!(what, "a stop text");
                continue;
            };
            for (to, other) in &ways {
                let answer = said_on_to(other, &input, &answer["message"]).await;
                let thought = what == "a thought" && (from.starts_with("anthropic") || from.ends_with("responses"));
                let left_out = answer["warnings"].as_array().map_or(0, Vec::len);
                assert_eq!(
                    left_out,
                    usize::from(thought && from != to),
                    "{what} from {from} to {to}: {answer}"
                );
                said_on += 1;
            }
        }
    }
    assert_eq!(said_on, 18 * 9 - 3);
}

/// What a model says to another one's answer, and to what came of the tools that it called.
async fn said_on_to(provider: &Through, input: &Value, message: &Value) -> Value {
    let mut messages = input
        .get("messages")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if let Some(prompt) = input.get("prompt") {
        messages.push(json!({"role": "user", "content": prompt}));
    }
    messages.push(message.clone());
    let parts = message["content"].as_array().into_iter().flatten();
    let calls = parts.filter(|part| part["type"] == "tool_call");
    let results: Vec<Value> = calls
        .map(|call| json!({"type": "tool_result", "tool_call_id": call["id"], "content": "done"}))
        .collect();
    if !results.is_empty() {
        messages.push(json!({"role": "tool", "content": results}));
    }
    let next = with(json!({"messages": messages, "prompt": "Go on", "tools": tools()}));
    let answer = provider.ask(COMPLETE, next).await;
    assert_eq!(answer["finish"], "stop", "{answer}");
    answer
}

#[tokio::test]
async fn every_operation_is_done() {
    for kind in KINDS {
        let provider = Through::start(kind, "sandbox-one").await;
        let hello = with(json!({"prompt": "Hello"}));
        provider.ask(COMPLETE, hello.clone()).await;
        provider.ask(STREAM, hello.clone()).await;
        let short = provider.ask("ai.tokens.count", hello).await["input_tokens"].as_u64();
        let talk = json!([{"role": "user", "content": [{"type": "text", "text": "Hello, hello"}, part("image", "image/png")]}]);
        let long = with(json!({"messages": talk, "prompt": "And so on", "tools": tools()}));
        let long = provider.ask("ai.tokens.count", long).await["input_tokens"].as_u64();
        assert!(short > Some(0) && long > short, "{kind}: {short:?} {long:?}");
        if kind == "openai" {
            crate::through_responses::every_operation(&provider).await;
        }
        // Trap 24: only one of them embeds, and tokens are counted by another of its APIs.
        if kind == "openai" {
            let texts = json!({"model": "sandbox-small", "texts": ["a", "b", "a"], "dimensions": 3});
            let vectors = provider.ask("ai.embeddings.create", texts).await["vectors"].take();
            assert_eq!(
                (&vectors[0], vectors[1].as_array().map(Vec::len)),
                (&vectors[2], Some(3))
            );
            assert_ne!(vectors[0], vectors[1]);
        }
        let limit = if kind == "anthropic" {
            json!({"limit": 1})
        } else {
            json!({})
        };
        let models = provider.pages("ai.models.list", limit).await;
        assert!(models.len() > 2, "{kind}: {models:?}");
        for model in &models {
            let found = provider.ask("ai.models.get", json!({"model": model["id"]})).await;
            assert_eq!(&found, model, "{kind}");
        }
        for operation in ["ai.models.get", COMPLETE, "ai.tokens.count"] {
            let input = match operation {
                "ai.models.get" => json!({"model": "none"}),
                _ => json!({"model": "none", "prompt": "Hello", "max_tokens": 9}),
            };
            let (failed, field) = provider.fails(operation, input).await;
            assert_eq!(failed, Kind::NotFound, "{kind} {operation}");
            assert_eq!(field.as_deref(), Some("model"), "{kind} {operation}");
        }
        through_batches::every_operation(&provider).await;
        provider.assert_all_asked();
    }
}

#[tokio::test]
async fn a23_thoughts_are_given_back_as_they_came_and_no_other() {
    let anthropic = Through::start("anthropic", "sandbox-one").await;
    for (prompt, hidden) in [("think about it", false), ("think in secret", true)] {
        let asked = json!({"role": "user", "content": prompt});
        let first = with(json!({"messages": [asked], "reasoning": {"effort": "low"}}));
        let answer = anthropic.ask(COMPLETE, first).await;
        let thought = &answer["message"]["content"][0];
        assert_eq!(
            (&thought["type"], thought.get("data").is_some()),
            (&json!("thinking"), hidden)
        );
        let next = |message: &Value| with(json!({"messages": [asked, message], "prompt": "Go on"}));
        anthropic.ask(COMPLETE, next(&answer["message"])).await;
        let mut changed = answer["message"].clone();
        changed["content"][0][if hidden { "data" } else { "text" }] = "changed".into();
        let (failed, field) = anthropic.fails(COMPLETE, next(&changed)).await;
        assert_eq!(
            (failed, field.as_deref()),
            (Kind::InvalidInput, Some("messages")),
            "{prompt}"
        );
    }
}

#[tokio::test]
async fn a21_a_call_without_its_result_is_the_caller_s_mistake_in_either_dialect() {
    let call = json!({"type": "tool_call", "id": "a", "name": "look", "arguments": "{}"});
    let messages = json!([{"role": "user", "content": "call look"}, {"role": "assistant", "content": [call]}]);
    for one in WAYS {
        let (kind, provider) = way(one).await;
        let input = with(json!({"messages": messages, "prompt": "And?", "tools": tools()}));
        let failed = provider.fails(COMPLETE, input).await;
        assert_eq!(failed, (Kind::InvalidInput, Some("messages".to_owned())), "{kind}");
    }
}

/// Trap 21 as well: an error may come at any place behind the status of a success.
#[tokio::test]
async fn a12_a29_a_stream_that_breaks_ends_in_a_failure_wherever_it_breaks() {
    let input = with(json!({"prompt": "call look and find {\"city\": \"Paris\"}", "tools": tools()}));
    for one in WAYS {
        let (kind, provider) = way(one).await;
        let whole = provider.ask(STREAM, input.clone()).await;
        assert_eq!(
            whole.as_array().and_then(|events| events.last()).expect("an end")["type"],
            "end"
        );
        // As many as each of them has at least, its end not counted.
        for after_frames in 0..if kind.ends_with("responses") { 13 } else { 7 } {
            for effect in [
                Effect::CutStream {
                    after_frames,
                    clean: false,
                },
                Effect::CutStream {
                    after_frames,
                    clean: true,
                },
                Effect::StreamError { after_frames },
            ] {
                let mut fault = Fault::new(effect);
                fault.times = Some(1);
                let what = format!("{kind}: {fault:?}");
                provider.server().faults().add(fault).expect("a fault");
                let failure = match provider.try_ask(STREAM, input.clone()).await {
                    Ok(events) => panic!("{what}: {events}"),
                    Err(failure) => failure,
                };
                let known = matches!(failure.kind, Kind::UpstreamFailed | Kind::Network);
                assert!(known && failure.retryable, "{what}: {failure:?}");
                assert_eq!(failure.provider.as_deref(), Some(upstream::INSTANCE), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_provider_refuses_is_told_alike() {
    for one in WAYS {
        let (kind, provider) = way(one).await;
        let hello = with(json!({"prompt": "Hello"}));
        for (effect, failed, retryable) in [
            (
                Effect::RateLimit {
                    retry_after_s: 7,
                    secondary: false,
                },
                Kind::UpstreamRateLimited,
                true,
            ),
            (Effect::ExpiredToken, Kind::UpstreamAuth, false),
            (Effect::Error { status: 500 }, Kind::UpstreamFailed, true),
            (Effect::Error { status: 503 }, Kind::UpstreamFailed, true),
            (Effect::Error { status: 402 }, Kind::UpstreamRateLimited, false),
            (Effect::Error { status: 413 }, Kind::InvalidInput, false),
        ] {
            for operation in [COMPLETE, STREAM] {
                let mut fault = Fault::new(effect.clone());
                fault.times = Some(1);
                let what = format!("{kind} {operation}: {fault:?}");
                provider.server().faults().add(fault).expect("a fault");
                let failure = provider.try_ask(operation, hello.clone()).await.expect_err(&what);
                assert_eq!(
                    (failure.kind, failure.retryable),
                    (failed, retryable),
                    "{what}: {failure:?}"
                );
            }
        }
        let refused = provider.by("another", COMPLETE, hello).await.expect_err("refused");
        assert_eq!(refused.kind, Kind::UpstreamAuth, "{kind}");
    }
}
