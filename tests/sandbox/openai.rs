//! OpenAI: models, completions, streams, limits.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, frames, header, number};

const CHAT: &str = "/chat/completions";

fn ask(prompt: &str) -> Value {
    json!({ "model": "sandbox-small", "messages": [{ "role": "user", "content": prompt }] })
}

/// The request with further fields.
fn with(mut request: Value, more: Value) -> Value {
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    request
}

#[tokio::test]
async fn models_are_listed_and_read_and_name_their_instance() {
    let rig = Rig::start().await;
    let list = rig.get_json("openai-b", "/models").await;
    for model in list["data"].as_array().unwrap() {
        let path = format!("/models/{}", model["id"].as_str().unwrap());
        assert_eq!(&rig.get_json("openai-b", &path).await, model);
        assert_eq!(model["owned_by"], "openai-b");
    }
    assert_eq!(rig.get("openai-b", "/models/none").await.status(), 404);
}

#[tokio::test]
async fn a_completion_answers_from_the_prompt_with_counts_that_add_up() {
    let rig = Rig::start().await;
    let response = rig.post("openai-a", CHAT, &ask("hello there")).await;
    assert_eq!(response.status(), 200);
    for name in [
        "x-request-id",
        "openai-processing-ms",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-reset-requests",
    ] {
        assert!(header(&response, name).is_some(), "{name}");
    }
    let requests_left = number(&response, "x-ratelimit-remaining-requests");
    assert_eq!(number(&response, "x-ratelimit-limit-requests") - requests_left, 1);
    let tokens_used = number(&response, "x-ratelimit-limit-tokens") - number(&response, "x-ratelimit-remaining-tokens");

    let answer: Value = response.json().await.unwrap();
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(content, "This is sandbox-small on openai-a. You said: hello there");
    let usage = &answer["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(6), &json!(9))
    );
    assert_eq!((usage["total_tokens"].as_u64(), tokens_used), (Some(15), 15));
}

#[tokio::test]
async fn token_limits_and_stops_end_the_text() {
    let rig = Rig::start().await;
    let choice = async |more: Value| {
        let answer: Value = rig
            .post("openai-a", CHAT, &with(ask("say 9 words"), more))
            .await
            .json()
            .await
            .unwrap();
        let choice = &answer["choices"][0];
        (
            choice["message"]["content"].as_str().unwrap().to_owned(),
            choice["finish_reason"].as_str().unwrap().to_owned(),
        )
    };
    let cut = |text: &str, reason: &str| (text.to_owned(), reason.to_owned());
    assert_eq!(
        choice(json!({ "max_completion_tokens": 2 })).await,
        cut("word1 word2", "length")
    );
    assert_eq!(choice(json!({ "max_tokens": 1 })).await, cut("word1", "length"));
    assert_eq!(choice(json!({ "stop": " word3" })).await, cut("word1 word2", "stop"));
    assert_eq!(choice(json!({ "stop": ["9", " word2"] })).await, cut("word1", "stop"));
}

#[tokio::test]
async fn a_stream_says_the_same_as_a_whole_answer() {
    let rig = Rig::start().await;
    let request = with(
        ask("say 4 words"),
        json!({ "stream": true, "stream_options": { "include_usage": true } }),
    );
    let response = rig.post("openai-a", CHAT, &request).await;
    assert!(
        header(&response, "content-type")
            .unwrap()
            .starts_with("text/event-stream")
    );
    let text = response.text().await.unwrap();
    let (last, chunks) = frames(&text)
        .split_last()
        .map(|(last, chunks)| (*last, chunks.to_vec()))
        .unwrap();
    assert_eq!(last, "[DONE]");
    let chunks: Vec<Value> = chunks
        .iter()
        .map(|chunk| serde_json::from_str(chunk).unwrap())
        .collect();
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"])
    );
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");

    let (usage, rest) = chunks.split_last().unwrap();
    assert_eq!(
        (&usage["choices"], &usage["usage"]["completion_tokens"]),
        (&json!([]), &json!(4))
    );
    assert!(
        rest.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)),
        "present, and null until the last"
    );
    assert_eq!(rest.last().unwrap()["choices"][0]["finish_reason"], "stop");
    let said: String = rest
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "word1 word2 word3 word4");

    let plain = rig
        .post("openai-a", CHAT, &with(ask("x"), json!({ "stream": true })))
        .await
        .text()
        .await
        .unwrap();
    assert!(!plain.contains("usage"), "usage comes only when it is asked for");
}

#[tokio::test]
async fn a_stream_keeps_its_pace() {
    let rig = Rig::one("openai", |server| server.chunk_pace = Duration::from_millis(20)).await;
    let request = with(ask("say 5 words"), json!({ "stream": true }));
    let started = Instant::now();
    let mut response = rig.post("one", CHAT, &request).await;
    let first = response.chunk().await.unwrap().unwrap();
    while response.chunk().await.unwrap().is_some() {}
    // Role, five words, finish, end mark: seven rests.
    assert!(
        started.elapsed() >= Duration::from_millis(140),
        "{:?}",
        started.elapsed()
    );
    assert!(!first.ends_with(b"data: [DONE]\n\n"), "the stream arrives in pieces");
}

#[tokio::test]
async fn refusals_are_in_openais_form() {
    let rig = Rig::start().await;
    let hello = json!([{ "role": "user", "content": "hello" }]);
    for (body, status, code, param) in [
        (
            json!({ "model": "none", "messages": hello }),
            404,
            json!("model_not_found"),
            json!(null),
        ),
        (json!({ "messages": hello }), 400, json!(null), json!("model")),
        (json!({ "model": "gpt-4o" }), 400, json!(null), json!("messages")),
        (
            json!({ "model": "gpt-4o", "messages": [] }),
            400,
            json!("empty_array"),
            json!("messages"),
        ),
        (
            json!({ "model": "gpt-4o", "messages": [{ "role": "king", "content": "" }] }),
            400,
            json!(null),
            json!("messages"),
        ),
        (
            with(ask("x"), json!({ "max_tokens": 0 })),
            400,
            json!("invalid_value"),
            json!("max_tokens"),
        ),
        (
            with(ask("x"), json!({ "stop": [1] })),
            400,
            json!("invalid_value"),
            json!("stop"),
        ),
        (
            with(ask("x"), json!({ "stream": "yes" })),
            400,
            json!("invalid_type"),
            json!("stream"),
        ),
    ] {
        let response = rig.post("openai-a", CHAT, &body).await;
        assert_eq!(response.status(), status, "{body}");
        let error = response.json::<Value>().await.unwrap()["error"].clone();
        assert_eq!((&error["code"], &error["param"]), (&code, &param), "{body}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].is_string());
    }
    assert_eq!(rig.post("openai-a", "/images", &json!({})).await.status(), 404);
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_refused_and_costs_nothing() {
    let rig = Rig::start().await;
    for request in [
        rig.bare("openai-a", Method::POST, CHAT).json(&ask("x")),
        rig.bare("openai-a", Method::GET, "/models")
            .bearer_auth("sandbox-openai-b"),
        rig.bare("openai-a", Method::GET, "/models")
            .header("authorization", "sandbox-openai-a"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(header(&response, "x-ratelimit-remaining-requests"), Some("10000"));
        assert_eq!(
            response.json::<Value>().await.unwrap()["error"]["code"],
            "invalid_api_key"
        );
    }
}

#[tokio::test]
async fn the_limit_per_minute_is_real() {
    let rig = Rig::one("openai", |server| server.requests_per_window = Some(1)).await;
    assert_eq!(rig.get("one", "/models").await.status(), 200);
    let refused = rig.get("one", "/models").await;
    assert_eq!(refused.status(), 429);
    assert!((1..=60).contains(&number(&refused, "retry-after")));
    assert_eq!(number(&refused, "x-ratelimit-remaining-requests"), 0);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["error"]["code"],
        "rate_limit_exceeded"
    );
}
