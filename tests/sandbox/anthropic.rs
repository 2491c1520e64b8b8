//! Anthropic: messages, streams, thoughts, tools, models, limits.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, header, number};

const MESSAGES: &str = "/v1/messages";

fn ask(prompt: &str, more: Value) -> Value {
    let mut body = json!({ "model": "sandbox-large", "max_tokens": 100,
        "messages": [{ "role": "user", "content": prompt }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The events of a stream: each is named by its data, too.
fn events(text: &str) -> Vec<Value> {
    let frames = text.split("\n\n").filter(|frame| !frame.is_empty());
    let event = |frame: &str| {
        let (name, data) = frame.split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(name, format!("event: {}", data["type"].as_str().unwrap()));
        data
    };
    frames.map(event).collect()
}

#[tokio::test]
async fn an_answer_has_its_headers_and_counts() {
    let rig = Rig::start().await;
    let response = rig.post("anthropic-a", MESSAGES, &ask("hello there", json!({}))).await;
    assert_eq!(response.status(), 200);
    for name in [
        "request-id",
        "anthropic-organization-id",
        "anthropic-ratelimit-tokens-reset",
    ] {
        assert!(header(&response, name).is_some(), "{name}");
    }
    let limit = number(&response, "anthropic-ratelimit-requests-limit");
    assert_eq!(limit - number(&response, "anthropic-ratelimit-requests-remaining"), 1);
    let answer: Value = response.json().await.unwrap();
    let said = "This is sandbox-large on anthropic-a. You said: hello there";
    assert_eq!(
        answer["content"],
        json!([{ "type": "text", "text": said, "citations": null }])
    );
    assert_eq!(
        (&answer["stop_reason"], &answer["usage"]["output_tokens"]),
        (&json!("end_turn"), &json!(9))
    );
}

#[tokio::test]
async fn a_stream_says_the_same_as_a_whole_answer() {
    let rig = Rig::start().await;
    let tools = json!([{ "name": "look", "input_schema": { "type": "object" } }]);
    let asked = |stream: bool| {
        ask(
            "call look {\"city\": \"Paris\"}",
            json!({ "tools": tools, "stream": stream }),
        )
    };
    let whole: Value = rig
        .post("anthropic-a", MESSAGES, &asked(false))
        .await
        .json()
        .await
        .unwrap();
    let response = rig.post("anthropic-a", MESSAGES, &asked(true)).await;
    assert!(
        header(&response, "content-type")
            .unwrap()
            .starts_with("text/event-stream")
    );
    let events = events(&response.text().await.unwrap());
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["message_start", "ping"]);
    assert_eq!(kinds[kinds.len() - 2..], ["message_delta", "message_stop"]);
    let json: String = events
        .iter()
        .filter_map(|event| event["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(
        serde_json::from_str::<Value>(&json).unwrap(),
        whole["content"][0]["input"]
    );
    let ended = &events[events.len() - 2];
    assert_eq!(ended["delta"]["stop_reason"], whole["stop_reason"]);
    assert_eq!(ended["usage"]["output_tokens"], whole["usage"]["output_tokens"]);
}

#[tokio::test]
async fn what_it_does_not_take_is_refused_in_its_words() {
    let rig = Rig::start().await;
    let user = json!({ "role": "user", "content": "call look" });
    let call =
        json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": "a", "name": "look", "input": {} }] });
    let result = json!({ "type": "tool_result", "tool_use_id": "a", "content": "sun" });
    let text = json!({ "type": "text", "text": "b" });
    let messages = |rest: &[Value]| {
        let all = [&[user.clone()][..], rest].concat();
        json!({ "messages": all })
    };
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "forged" });
    for (more, status, begins) in [
        (json!({ "model": "none" }), 404, "model: none"),
        (json!({ "max_tokens": null }), 400, "max_tokens"),
        (json!({ "max_tokens": 99_999 }), 400, "max_tokens"),
        (json!({ "messages": [] }), 400, "messages"),
        (json!({ "messages": [call] }), 400, "messages"),
        (
            json!({ "messages": [{ "role": "user", "content": "" }] }),
            400,
            "messages.0",
        ),
        (messages(std::slice::from_ref(&call)), 200, ""),
        (messages(&[call.clone(), user.clone()]), 400, "messages.2"),
        (
            messages(&[call.clone(), json!({ "role": "user", "content": [text, result] })]),
            400,
            "messages.2",
        ),
        (
            messages(&[call.clone(), json!({ "role": "user", "content": [result, text] })]),
            200,
            "",
        ),
        (
            messages(&[json!({ "role": "assistant", "content": [thought] })]),
            400,
            "messages.1.content.0.signature",
        ),
        (json!({ "temperature": 1.5 }), 400, "temperature"),
        (json!({ "stop_sequences": [" "] }), 400, "stop_sequences"),
        (json!({ "tool_choice": { "type": "any" } }), 400, "tool_choice"),
        (
            json!({ "tools": [{ "name": "look", "input_schema": {} }] }),
            400,
            "tools.0.input_schema",
        ),
        (
            json!({ "thinking": { "type": "enabled", "budget_tokens": 2000 } }),
            400,
            "thinking",
        ),
    ] {
        let response = rig.post("anthropic-a", MESSAGES, &ask("hello", more.clone())).await;
        assert_eq!(response.status().as_u16(), status, "{more}");
        let id = header(&response, "request-id").unwrap().to_owned();
        let answer: Value = response.json().await.unwrap();
        if status != 200 {
            assert_eq!(
                (&answer["type"], answer["request_id"].as_str()),
                (&json!("error"), Some(&*id))
            );
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.starts_with(begins), "{more}: {message}");
        }
    }
}

#[tokio::test]
async fn models_are_told_page_by_page_and_an_alias_is_answered_with_its_id() {
    let rig = Rig::start().await;
    let first = rig.get_json("anthropic-a", "/v1/models?limit=2").await;
    assert_eq!(
        (first["data"].as_array().unwrap().len(), &first["has_more"]),
        (2, &json!(true))
    );
    let after = first["last_id"].as_str().unwrap();
    let last = rig
        .get_json("anthropic-a", &format!("/v1/models?limit=2&after_id={after}"))
        .await;
    assert_eq!(
        (last["data"].as_array().unwrap().len(), &last["has_more"]),
        (1, &json!(false))
    );
    let aliased = rig.get_json("anthropic-a", "/v1/models/sandbox-sage").await;
    assert_eq!(aliased, first["data"][0]);
    assert_eq!(rig.get("anthropic-a", "/v1/models?limit=0").await.status(), 400);
}

#[tokio::test]
async fn who_has_no_key_or_names_no_version_is_refused() {
    let rig = Rig::start().await;
    let get = || rig.bare("anthropic-a", Method::GET, "/v1/models");
    assert_eq!(get().send().await.unwrap().status(), 401);
    let keyed = get().header("x-api-key", "sandbox-anthropic-a");
    assert_eq!(keyed.send().await.unwrap().status(), 400);
    let sound = get()
        .header("x-api-key", "sandbox-anthropic-a")
        .header("anthropic-version", "2023-06-01");
    assert_eq!(sound.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_spent_limit_is_refused_with_a_wait() {
    let rig = Rig::one("anthropic", |server| server.requests_per_window = Some(1)).await;
    assert_eq!(rig.get("one", "/v1/models").await.status(), 200);
    let limited = rig.get("one", "/v1/models").await;
    assert_eq!(limited.status(), 429);
    assert!(header(&limited, "retry-after").is_some());
    let answer: Value = limited.json().await.unwrap();
    assert_eq!(answer["error"]["type"], "rate_limit_error");
}
