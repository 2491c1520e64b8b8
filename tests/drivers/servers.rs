//! Servers that speak OpenAI's chat API, or are forges, and what is their own in what they answer.
//!
//! Invariant: README lists exactly the servers that have rows here.

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::answers::Comes::{Blames, Events, Failure, Output};
use crate::answers::{Comes, Row, choice, complete, done, hold, said, stop, stream, streamed, whole};
use crate::upstream::Canned;

const README: &str = include_str!("../../README.md");

fn models(answer: Value, names: &[&str]) -> Row {
    let item = |name: &&str| json!({"id": format!("under-test~{name}"), "name": name});
    let items: Vec<Value> = names.iter().map(item).collect();
    Row {
        operation: "ai.models.list",
        input: json!({}),
        ..complete("models", Canned::json(200, answer), Output(json!({"items": items})))
    }
}

fn refused(status: u16, body: Value, comes: Comes) -> Row {
    complete("a refusal", Canned::json(status, body), comes)
}

/// `Hi` and the end, with what comes between the first event and the end.
fn hi(between: &[Value]) -> Comes {
    let mut events = vec![json!({"type": "start", "id": "under-test~c1", "model": "m1"})];
    events.extend_from_slice(between);
    events.push(json!({"type": "end", "finish": "stop"}));
    Events(events.into())
}

fn delta() -> Value {
    json!({"type": "delta", "text": "Hi"})
}

fn counted() -> Value {
    json!({"type": "usage", "usage": {"input_tokens": 3, "output_tokens": 2}})
}

fn usage() -> Value {
    json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
}

fn vllm() -> Vec<Row> {
    let thinking = json!({"id": "c1", "model": "m1", "choices": [{"index": 0, "delta": {"reasoning": "hm"}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1}});
    let last = json!({"id": "c1", "model": "m1", "choices": [], "usage": usage()});
    let broken = json!({"error": {"message": "m", "type": "InternalServerError", "param": null, "code": 500}});
    vec![
        streamed(
            "reasoning, usage in every chunk",
            stream([thinking, said("Hi"), stop(), last, done()]),
            hi(&[json!({"type": "reasoning", "text": "hm"}), delta(), counted()]),
        ),
        streamed(
            "an error, then [DONE]",
            stream([said("Hi"), broken, done()]),
            Failure(Kind::UpstreamFailed, true),
        ),
        refused(
            400,
            json!({"error": {"message": "m", "type": "BadRequestError", "param": "messages", "code": 400}}),
            Blames(Kind::InvalidInput, "messages"),
        ),
    ]
}

fn ollama() -> Vec<Row> {
    let empty = json!({"id": "c1", "model": "m1", "choices": [{"index": 0, "delta": {}, "finish_reason": null}]});
    vec![
        models(json!({"object": "list", "data": null}), &[]),
        complete(
            "a model that was only loaded",
            Canned::json(200, choice(json!({"finish_reason": "load"}))),
            Output(json!({"finish": "other", "raw_finish": "load"})),
        ),
        // The error's text is lost there: the stream just ends.
        streamed(
            "an error",
            stream([said("Hi"), empty]),
            Failure(Kind::UpstreamFailed, true),
        ),
    ]
}

fn llama_cpp() -> Vec<Row> {
    let long = json!({"error": {"code": 400, "message": "m", "type": "exceed_context_size_error", "n_ctx": 4096}});
    let loading = json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}});
    vec![
        refused(400, long.clone(), Blames(Kind::InvalidInput, "messages")),
        streamed(
            "the same, in a success",
            stream([long]),
            Blames(Kind::InvalidInput, "messages"),
        ),
        refused(503, loading, Failure(Kind::UpstreamFailed, true)),
    ]
}

fn litellm() -> Vec<Row> {
    let limited = json!({"error": {"message": "litellm.RateLimitError", "type": null, "param": null, "code": "429"}});
    vec![
        streamed(
            "an error with a status as text",
            stream([limited.clone()]),
            Failure(Kind::UpstreamRateLimited, true),
        ),
        refused(429, limited, Failure(Kind::UpstreamRateLimited, true)),
    ]
}

fn azure() -> Vec<Row> {
    let first = json!({"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]});
    let late =
        json!({"id": "", "model": "", "choices": [{"index": 0, "content_filter_offsets": {}, "finish_reason": null}]});
    let filtered = json!({"error": {"code": "content_filter", "message": "m", "param": "prompt", "innererror": {}}});
    vec![
        streamed(
            "annotations before and after",
            stream([first, said("Hi"), late, stop(), done()]),
            hi(&[delta()]),
        ),
        refused(400, filtered, Blames(Kind::InvalidInput, "messages")),
    ]
}

fn groq() -> Vec<Row> {
    let last = json!({"id": "c1", "model": "m1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "x_groq": {"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_time": 0.1}}});
    vec![streamed(
        "usage of its own",
        stream([said("Hi"), last, done()]),
        hi(&[delta(), counted()]),
    )]
}

fn mistral() -> Vec<Row> {
    let parts =
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Hi"}]);
    let flat = json!({"object": "error", "message": "m", "type": "invalid_model", "param": null, "code": "1500"});
    let detail =
        json!({"object": "error", "message": {"detail": [{"type": "greater_than", "loc": ["body", "temperature"]}]}});
    vec![
        complete(
            "content in parts",
            Canned::json(200, choice(json!({"message": {"content": parts}}))),
            Output(json!({"message": {"role": "assistant", "content": "Hi"}, "reasoning": "hm"})),
        ),
        complete(
            "too long",
            Canned::json(200, choice(json!({"finish_reason": "model_length"}))),
            Output(json!({"finish": "length"})),
        ),
        complete(
            "failed",
            Canned::json(200, choice(json!({"finish_reason": "error"}))),
            Failure(Kind::UpstreamFailed, true),
        ),
        refused(400, flat, Failure(Kind::InvalidInput, false)),
        refused(422, detail, Blames(Kind::InvalidInput, "temperature")),
    ]
}

fn deepseek() -> Vec<Row> {
    let busy = Canned::json(200, choice(json!({"finish_reason": "insufficient_system_resource"})));
    let poor =
        json!({"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}});
    let slow = Canned::text(200, &format!("\n\n\n{}", whole(json!({}))));
    vec![
        complete("blank lines first", slow, Output(json!({"finish": "stop"}))),
        streamed(
            "comments",
            stream([json!(": keep-alive\n\n"), said("Hi"), stop(), done()]),
            hi(&[delta()]),
        ),
        complete("overloaded", busy, Failure(Kind::UpstreamFailed, true)),
        refused(402, poor, Failure(Kind::UpstreamRateLimited, false)),
    ]
}

fn openrouter() -> Vec<Row> {
    let broken = json!({"id": "c1", "error": {"code": 502, "message": "m"},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]});
    let last = json!({"id": "c1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.01}});
    let mut priced = counted();
    priced["usage"]["cost_usd"] = 0.01.into();
    let working = json!(": OPENROUTER PROCESSING\n\n");
    vec![
        streamed(
            "comments",
            stream([working, said("Hi"), stop(), last, done()]),
            hi(&[delta(), priced]),
        ),
        streamed(
            "an error",
            stream([said("Hi"), broken]),
            Failure(Kind::UpstreamFailed, true),
        ),
        refused(
            200,
            json!({"error": {"code": 429, "message": "m"}}),
            Failure(Kind::UpstreamRateLimited, true),
        ),
        refused(
            402,
            json!({"error": {"code": 402, "message": "m"}}),
            Failure(Kind::UpstreamRateLimited, false),
        ),
    ]
}

fn together() -> Vec<Row> {
    vec![
        models(json!([{"id": "a", "created": 0}, {"id": "b"}]), &["a", "b"]),
        complete(
            "eos",
            Canned::json(200, choice(json!({"finish_reason": "eos"}))),
            Output(json!({"finish": "stop"})),
        ),
    ]
}

fn xai() -> Vec<Row> {
    vec![refused(
        400,
        json!({"code": "invalid_argument", "error": "a sentence"}),
        Failure(Kind::InvalidInput, false),
    )]
}

fn gemini() -> Vec<Row> {
    let spent = json!([{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}]);
    vec![
        complete(
            "no id",
            Canned::json(200, whole(json!({"id": null}))),
            Output(json!({"finish": "stop"})),
        ),
        refused(429, spent.clone(), Failure(Kind::UpstreamRateLimited, true)),
        refused(200, spent, Failure(Kind::UpstreamRateLimited, true)),
    ]
}

/// A server's name, and its rows.
type Server = (&'static str, fn() -> Vec<Row>);

const SERVERS: &[Server] = &[
    ("Azure OpenAI", azure),
    ("DeepSeek", deepseek),
    ("Gemini", gemini),
    ("Groq", groq),
    ("LiteLLM", litellm),
    ("llama.cpp", llama_cpp),
    ("Mistral", mistral),
    ("Ollama", ollama),
    ("OpenRouter", openrouter),
    ("Together", together),
    ("vLLM", vllm),
    ("xAI", xai),
];

#[tokio::test]
async fn servers_are_read_as_they_answer() {
    for row in SERVERS.iter().flat_map(|(_, rows)| rows()) {
        hold(row).await;
    }
}

#[test]
fn the_readme_lists_them() {
    let names: Vec<&str> = SERVERS.iter().map(|(name, _)| *name).collect();
    let listed = README.lines().find_map(|line| line.strip_prefix("Known by tests: "));
    assert_eq!(listed.expect("a line"), format!("{}.", names.join(", ")));
}
