//! Rows of what the vendors' clients check, byte for byte.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::http::send;
use crate::place::Place;

pub fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

pub fn message(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": text}]})
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = true.into();
    body
}

const MODELS: [&str; 2] = ["openai-a~sandbox-large", "anthropic-a~sandbox-large"];

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_the_lines_that_clients_read_and_no_others() {
    let place = Place::open().await;
    for model in MODELS {
        let reply = place
            .post("/openai/v1/chat/completions", &streamed(chat(model, "say 3 words")))
            .await;
        assert!(
            reply.header("content-type").starts_with("text/event-stream"),
            "{reply:?}"
        );
        assert!(reply.text.ends_with("data: [DONE]\n\n"), "{reply:?}");
        assert!(
            reply
                .text
                .lines()
                .all(|line| line.is_empty() || line.starts_with("data: ")),
            "{reply:?}"
        );

        let body = json!({"model": model, "input": "say 3 words", "stream": true});
        let reply = place.post("/openai/v1/responses", &body).await;
        let known = |line: &str| line.is_empty() || line.starts_with("event: ") || line.starts_with("data: ");
        assert!(reply.text.lines().all(known), "{reply:?}");
        let events: Vec<Value> = data(&reply.text);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{event}");
        }
        let named = reply.text.lines().filter_map(|line| line.strip_prefix("event: "));
        assert!(
            named.eq(events.iter().map(|event| event["type"].as_str().expect("a type"))),
            "{reply:?}"
        );

        let reply = place
            .post("/anthropic/v1/messages", &streamed(message(model, "say 3 words")))
            .await;
        let events = data(&reply.text);
        let names: Vec<_> = reply
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("event: "))
            .collect();
        assert!(
            names.iter().eq(events
                .iter()
                .map(|event| event["type"].as_str().expect("a type"))
                .collect::<Vec<_>>()
                .iter())
        );
        assert_eq!(
            (names[0], names[names.len() - 1]),
            ("message_start", "message_stop"),
            "{names:?}"
        );
        assert!(
            reply
                .text
                .lines()
                .all(|line| !line.starts_with("id:") && !line.starts_with("retry:"))
        );
    }
    place.close().await;
}

/// The data of events.
fn data(text: &str) -> Vec<Value> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_each_dialects_form_and_the_clients_name_of_the_field() {
    let place = Place::open().await;
    for (field, value, param) in [
        ("n", json!(2), "n"),
        ("logprobs", json!(true), "logprobs"),
        ("modalities", json!(["audio"]), "modalities"),
        ("temperature", json!(3), "temperature"),
        ("reasoning_effort", json!("huge"), "reasoning_effort"),
        (
            "tools",
            json!([{"type": "custom", "custom": {"name": "x"}}]),
            "tools[0].type",
        ),
        (
            "tools",
            json!([{"type": "function", "function": {}}]),
            "tools[0].function.name",
        ),
        (
            "tools",
            json!([{"type": "function", "function": {"name": "a b"}}]),
            "tools[0].function.name",
        ),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "x"}}),
            "response_format.json_schema.schema",
        ),
        (
            "messages",
            json!([{"role": "wizard", "content": "x"}]),
            "messages[0].role",
        ),
        (
            "messages",
            json!([{"role": "user", "content": "x", "colour": 1}]),
            "messages[0].colour",
        ),
        ("messages", json!([{"role": "user"}]), "messages[0].content"),
        ("stream_options", json!({"x": 1}), "stream_options.x"),
    ] {
        let mut body = chat(MODELS[0], "x");
        body[field] = value;
        let reply = place.post("/openai/v1/chat/completions", &body).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        let error = &reply.json()["error"];
        assert_eq!(
            (&error["param"], &error["type"]),
            (&json!(param), &json!("invalid_request_error")),
            "{reply:?}"
        );
        assert_eq!(error.as_object().map(serde_json::Map::len), Some(4), "{reply:?}");
    }
    // One kind of provider alone takes these.
    for (field, value) in [
        ("seed", json!(7)),
        ("logit_bias", json!({"5": 1})),
        ("frequency_penalty", json!(0.5)),
    ] {
        let mut body = chat(MODELS[1], "x");
        body[field] = value;
        let reply = place.post("/openai/v1/chat/completions", &body).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (400, &json!(field)),
            "{reply:?}"
        );
    }
    // What says no more than what is so anyway is no matter.
    let mut body = chat(MODELS[1], "say 1 words");
    for (field, value) in [
        ("n", json!(1)),
        ("frequency_penalty", json!(0)),
        ("store", json!(false)),
        ("seed", Value::Null),
        ("logit_bias", json!({})),
    ] {
        body[field] = value;
    }
    place.post("/openai/v1/chat/completions", &body).await.ok();
    for (field, value, named) in [
        ("max_tokens", Value::Null, "max_tokens"),
        ("max_tokens", json!(0), "max_tokens"),
        ("thinking", json!({"type": "enabled"}), "thinking.budget_tokens"),
        (
            "system",
            json!([{"type": "image", "source": {}}]),
            "system[0].source.type",
        ),
        ("tools", json!([{"name": "a b"}]), "tools[0].name"),
        ("container", json!("c"), "container"),
        ("stop_sequences", json!([""]), "stop_sequences[0]"),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "video"}]}]),
            "messages[0].content[0].type",
        ),
    ] {
        let mut body = message(MODELS[1], "x");
        body[field] = value;
        let reply = place.post("/anthropic/v1/messages", &body).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        let json = reply.json();
        assert_eq!(
            (&json["type"], &json["error"]["type"]),
            (&json!("error"), &json!("invalid_request_error")),
            "{json}"
        );
        assert!(
            json["error"]["message"]
                .as_str()
                .expect("a sentence")
                .starts_with(named),
            "{named}: {json}"
        );
        assert_eq!(json["request_id"], reply.header("request-id"), "{json}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods_that_are_not_there_are_told_in_each_dialect() {
    let place = Place::open().await;
    for (method, path, status) in [
        (Method::GET, "/openai/v1/nothing", 404),
        (Method::GET, "/openai/v1", 404),
        (Method::GET, "/openai/v1/chat/completions", 405),
        (Method::GET, "/anthropic/v1/nothing", 404),
        (Method::DELETE, "/anthropic/v1/messages", 405),
    ] {
        let reply = send(place.ask(method.clone(), path), &[]).await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        assert!(reply.json()["error"]["message"].is_string(), "{reply:?}");
        assert_eq!(
            reply.json()["type"] == "error",
            path.starts_with("/anthropic"),
            "{reply:?}"
        );
    }
    for path in ["/openai/v1/models", "/anthropic/v1/models"] {
        let reply = place.gateway.get(path).await;
        assert_eq!(reply.status, 401, "{reply:?}");
        assert!(reply.json()["error"]["message"].is_string(), "{reply:?}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_told_with_when_to_come_again() {
    let place = Place::with("[tenants.acme]\nrate_per_second = 1\nburst = 1\n").await;
    for (path, body) in [
        ("/openai/v1/chat/completions", chat("no-such", "x")),
        ("/anthropic/v1/messages", message("no-such", "x")),
    ] {
        let mut last = place.post(path, &body).await;
        for _ in 0..50 {
            if last.status == 429 {
                break;
            }
            last = place.post(path, &body).await;
        }
        assert_eq!(
            (last.status, last.header("retry-after"), last.header("x-should-retry")),
            (429, "1", ""),
            "{last:?}"
        );
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_headers_and_the_decision_is_found_by_the_request() {
    let place = Place::open().await;
    let ask = |headers: &[(&str, &str)]| {
        let request = place
            .ask(Method::POST, "/openai/v1/chat/completions")
            .json(&chat("sandbox-small", "say 1 words"));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        async move { send(request, &[]).await }
    };
    // Both offer it, and no rule says that they are equals.
    let several = ask(&[]).await;
    assert_eq!(several.status, 400, "{several:?}");
    assert!(
        several.json()["error"]["message"]
            .as_str()
            .expect("a sentence")
            .contains("x-mosaic-provider"),
        "{several:?}"
    );
    for provider in ["openai-a", "anthropic-a"] {
        let reply = ask(&[("x-mosaic-provider", provider), ("x-mosaic-explain", "true")]).await;
        assert_eq!((reply.status, reply.provider()), (200, provider), "{reply:?}");
        let link = reply.header("link").to_owned();
        let path = link
            .trim_start_matches('<')
            .split('>')
            .next()
            .expect("an address")
            .to_owned();
        let decisions = place.get(&path).await.ok();
        assert_eq!(
            decisions["decisions"][0]["attempts"][0]["instance"], provider,
            "{decisions}"
        );
    }
    for (name, value) in [("x-mosaic-timeout-ms", "0"), ("x-mosaic-priority", "huge")] {
        let reply = ask(&[("x-mosaic-provider", "openai-a"), (name, value)]).await;
        assert_eq!(reply.status, 400, "{name}: {reply:?}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_makes_equals_of_providers_of_two_dialects() {
    let route = "[[routes]]\nname = \"small\"\nmodel = \"sandbox-small\"\nproviders = [\"openai-a\", \"anthropic-a\"]\n\
                 balance = \"round_robin\"\n";
    let place = Place::with(route).await;
    let mut seen = std::collections::BTreeSet::new();
    for at in 0..12 {
        let reply = place
            .post(
                "/openai/v1/chat/completions",
                &chat("sandbox-small", &format!("say {} words", at % 3 + 1)),
            )
            .await;
        reply.ok();
        seen.insert(reply.provider().to_owned());
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    // One that fails before it is billed is stood in for by the other, whichever dialect it speaks.
    let busy = mosaic::sandbox::Effect::RateLimit {
        retry_after_s: 3_600,
        secondary: false,
    };
    let fault = mosaic::sandbox::Fault::new(busy).method(&Method::POST);
    place.server("openai-a").faults().add(fault).expect("a sound fault");
    for _ in 0..4 {
        let reply = place
            .post("/anthropic/v1/messages", &message("sandbox-small", "say 2 words"))
            .await;
        assert_eq!(reply.ok()["content"][0]["text"], "word1 word2", "{reply:?}");
        assert_eq!(reply.provider(), "anthropic-a", "{reply:?}");
    }
    place.close().await;
}
