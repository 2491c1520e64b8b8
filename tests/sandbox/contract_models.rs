//! The stand-ins of models, and the drivers' golden requests, against the vendors' own OpenAPI descriptions.
//!
//! Invariant: the number of checks is asserted, so that none vanishes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::contract::{Contract, Spec, assert_conforms, case, post};
use crate::{Rig, frames};

const ANTHROPIC: &str = "anthropic.openapi.yaml";
const OPENAI: &str = "openai.openapi.json";
const MESSAGES: &str = "/v1/messages";
const CHAT: &str = "/chat/completions";
/// The vendors' names, and the schema of what is asked by each route.
const ASKED: [(&str, &str, &str, &str, usize); 4] = [
    ("anthropic", ANTHROPIC, MESSAGES, "CreateMessageParams", 23),
    (
        "anthropic",
        ANTHROPIC,
        "/v1/messages/count_tokens",
        "CountMessageTokensParams",
        2,
    ),
    ("openai", OPENAI, CHAT, "CreateChatCompletionRequest", 18),
    ("openai", OPENAI, "/responses/input_tokens", "TokenCountsBody", 3),
];

fn asks(prompt: &str, more: &Value) -> Value {
    let mut body = json!({ "model": "sandbox-large", "max_tokens": 100,
        "messages": [{ "role": "user", "content": prompt }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// What is asked of Anthropic: of each kind of answer one.
fn of_messages() -> Vec<Value> {
    let tools = json!([{ "name": "look", "input_schema": { "type": "object" } }]);
    let adaptive = json!({ "thinking": { "type": "adaptive" } });
    vec![
        asks("hello", &json!({})),
        asks("call look {\"city\": \"Paris\"}", &json!({ "tools": tools })),
        asks("think about it", &adaptive),
        asks("think in secret", &adaptive),
        asks("refuse to sing", &json!({})),
        asks("say 9 words", &json!({ "max_tokens": 2 })),
        asks("say 9 words", &json!({ "stop_sequences": [" word4"] })),
    ]
}

#[tokio::test]
async fn every_anthropic_answer_meets_its_description() {
    let Some(spec) = Spec::load(ANTHROPIC) else {
        return;
    };
    let errors = json!({ "$ref": "#/components/schemas/ErrorResponse" });
    let mut cases = vec![
        case("/v1/models", "/v1/models", 200),
        case("/v1/models?limit=1", "/v1/models", 200),
        case("/v1/models/sandbox-small", "/v1/models/{model_id}", 200),
        case("/v1/models/none", "/v1/models/{model_id}", 404),
        post(
            MESSAGES,
            MESSAGES,
            json!({ "model": "none", "max_tokens": 1, "messages": [] }),
            404,
        ),
        post(MESSAGES, MESSAGES, asks("hello", &json!({ "max_tokens": null })), 400),
        post(
            "/v1/messages/count_tokens",
            "/v1/messages/count_tokens",
            asks("hello", &json!({})),
            200,
        ),
    ];
    cases.extend(
        of_messages()
            .into_iter()
            .map(|body| post(MESSAGES, MESSAGES, body, 200)),
    );
    let mut contract = Contract::start("anthropic-a", &spec, &errors).await;
    for case in cases {
        contract.send(case).await;
    }
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    assert_eq!(contract.checked.len(), 14);
}

#[tokio::test]
async fn every_event_of_anthropic_meets_its_description() {
    let Some(spec) = Spec::load(ANTHROPIC) else {
        return;
    };
    let validator = |name: &str| spec.validator(&json!({ "$ref": format!("#/components/schemas/{name}") }));
    let known = [
        ("message_start", validator("MessageStartEvent")),
        ("content_block_start", validator("ContentBlockStartEvent")),
        ("content_block_delta", validator("ContentBlockDeltaEvent")),
        ("content_block_stop", validator("ContentBlockStopEvent")),
        ("message_delta", validator("MessageDeltaEvent")),
        ("message_stop", validator("MessageStopEvent")),
    ];
    let rig = Rig::start().await;
    let mut checked = 0;
    for mut body in of_messages() {
        body["stream"] = true.into();
        let text = rig.post("anthropic-a", MESSAGES, &body).await.text().await.unwrap();
        for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let event: Value = serde_json::from_str(data).unwrap();
            let Some((_, validator)) = known.iter().find(|(name, _)| event["type"] == *name) else {
                assert_eq!(event["type"], "ping");
                continue;
            };
            assert_conforms(validator, &event, data);
            checked += 1;
        }
    }
    assert!(checked > 70, "{checked}");
}

#[tokio::test]
async fn tools_and_refusals_of_openai_meet_their_description() {
    let Some(spec) = Spec::load(OPENAI) else {
        return;
    };
    let whole = spec.validator(spec.answer("POST", CHAT, 200, "application/json").unwrap());
    let streamed = spec.validator(spec.answer("POST", CHAT, 200, "text/event-stream").unwrap());
    let tools = json!([{ "type": "function", "function": { "name": "look" } },
        { "type": "function", "function": { "name": "find" } }]);
    let rig = Rig::start().await;
    for prompt in [
        "call look and find {\"city\": \"Paris\"}",
        "call look",
        "refuse to sing",
    ] {
        let body = asks(prompt, &json!({ "tools": tools }));
        let answer: Value = rig.post("openai-a", CHAT, &body).await.json().await.unwrap();
        assert_conforms(&whole, &answer, prompt);
        let mut body = body;
        body["stream"] = true.into();
        let text = rig.post("openai-a", CHAT, &body).await.text().await.unwrap();
        let chunks = frames(&text);
        for chunk in &chunks[..chunks.len() - 1] {
            assert_conforms(&streamed, &serde_json::from_str(chunk).unwrap(), chunk);
        }
    }
    let counted = spec
        .answer("POST", "/responses/input_tokens", 200, "application/json")
        .unwrap();
    let body = json!({ "model": "sandbox-large", "input": [{ "role": "user", "content": "hello" }] });
    let answer: Value = rig
        .post("openai-a", "/responses/input_tokens", &body)
        .await
        .json()
        .await
        .unwrap();
    assert_conforms(&spec.validator(counted), &answer, "a count");
}

#[test]
fn golden_requests_are_of_the_described_types() {
    for (kind, file, path, schema, count) in ASKED {
        let Some(spec) = Spec::load(file) else { return };
        let validator = spec.validator(&json!({ "$ref": format!("#/components/schemas/{schema}") }));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(kind);
        let mut checked = 0;
        for cell in fs::read_dir(folder).unwrap() {
            let cell = cell.unwrap().path();
            let requests: Value = serde_json::from_slice(&fs::read(cell.join("request.json")).unwrap()).unwrap();
            let requests = requests.as_array().unwrap().iter();
            for request in requests.filter(|request| request["path"] == path) {
                assert_conforms(&validator, &request["body"], &cell.display().to_string());
                checked += 1;
            }
        }
        assert_eq!(checked, count, "{kind} {path}: a request was added or has vanished");
    }
}
