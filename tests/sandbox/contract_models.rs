//! The stand-ins of models, and the drivers' golden requests, against the vendors' own OpenAPI descriptions.
//!
//! Invariant: the number of checks is asserted, so that none vanishes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::contract::{Contract, Spec, assert_conforms, case, post};
use crate::{Rig, frames};

const ANTHROPIC: &str = "anthropic.openapi.yaml";
const OPENAI: &str = "openai.openapi.json";
const MESSAGES: &str = "/v1/messages";
const CHAT: &str = "/chat/completions";
const RESPONSES: &str = "/responses";
/// The vendors' names, and the schema of what is asked by each route.
const ASKED: [(&str, &str, &str, &str, usize); 8] = [
    (
        "anthropic",
        ANTHROPIC,
        "/v1/messages/batches",
        "CreateMessageBatchParams",
        4,
    ),
    ("openai", OPENAI, "/batches", "CreateBatchRequest", 7),
    ("anthropic", ANTHROPIC, MESSAGES, "CreateMessageParams", 23),
    (
        "anthropic",
        ANTHROPIC,
        "/v1/messages/count_tokens",
        "CountMessageTokensParams",
        2,
    ),
    ("openai", OPENAI, CHAT, "CreateChatCompletionRequest", 18),
    ("openai", OPENAI, "/responses/input_tokens", "TokenCountsBody", 4),
    ("openai", OPENAI, RESPONSES, "CreateResponse", 34),
    ("openai", OPENAI, "/moderations", "CreateModerationRequest", 7),
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

/// What is asked of OpenAI's Responses API: of each kind of answer one.
fn of_responses() -> Vec<Value> {
    let ask = |input: &str, more: Value| {
        let mut body = json!({ "model": "sandbox-large", "input": input });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let function = |name: &str| json!({ "type": "function", "name": name, "parameters": null, "strict": false });
    let thinks =
        json!({ "reasoning": { "effort": "low", "summary": "auto" }, "include": ["reasoning.encrypted_content"] });
    vec![
        ask("hello", json!({ "instructions": "Be brief.", "store": false })),
        ask(
            "call look and find {\"city\": \"Paris\"}",
            json!({ "tools": [function("look"), function("find")] }),
        ),
        ask("think about it", thinks.clone()),
        ask("think in secret", thinks),
        ask("search for rain", json!({ "tools": [{ "type": "web_search" }] })),
        ask("refuse to sing", json!({})),
        ask("say 40 words", json!({ "max_output_tokens": 16 })),
        ask("fail with server_error", json!({})),
        ask("hello", json!({ "background": true })),
    ]
}

#[tokio::test]
async fn every_response_and_judgement_of_openai_meets_its_description() {
    let Some(spec) = Spec::load(OPENAI) else {
        return;
    };
    // What is refused is described for the other routes.
    let errors = json!({ "$ref": "#/components/schemas/ErrorResponse" });
    let hello = json!({ "model": "sandbox-small", "input": "hello" });
    let with = |name: &str, value: Value| {
        let mut body = hello.clone();
        body[name] = value;
        post(RESPONSES, RESPONSES, body, 400)
    };
    let image = json!([{ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } }]);
    let mut cases: Vec<_> = of_responses()
        .into_iter()
        .map(|body| post(RESPONSES, RESPONSES, body, 200))
        .collect();
    cases.extend([
        post(RESPONSES, RESPONSES, json!({ "model": "none", "input": "hello" }), 404),
        with("seed", json!(7)),
        with("max_output_tokens", json!(3)),
        with("previous_response_id", json!("resp_none")),
        with(
            "input",
            json!([{ "type": "function_call", "call_id": "a", "name": "look", "arguments": "{}" }]),
        ),
        with(
            "input",
            json!([{ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x" }]),
        ),
        case("/responses/resp_openai-a_00000001", "/responses/{response_id}", 404),
        case("/responses/resp_openai-a_00000002", "/responses/{response_id}", 200),
        post("/moderations", "/moderations", json!({ "input": "I hate it" }), 200),
        post("/moderations", "/moderations", json!({ "input": ["a", "b"] }), 200),
        post("/moderations", "/moderations", json!({ "input": image }), 200),
        post(
            "/moderations",
            "/moderations",
            json!({ "model": "none", "input": "a" }),
            404,
        ),
    ]);
    let mut contract = Contract::start("openai-a", &spec, &errors).await;
    for case in cases {
        contract.send(case).await;
    }
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
}

#[tokio::test]
async fn every_event_of_a_response_meets_its_description() {
    let Some(spec) = Spec::load(OPENAI) else {
        return;
    };
    let validator =
        |name: &str| spec.validator(&json!({ "$ref": format!("#/components/schemas/Response{name}Event") }));
    let known = [
        ("response.created", validator("Created")),
        ("response.queued", validator("Queued")),
        ("response.in_progress", validator("InProgress")),
        ("response.output_item.added", validator("OutputItemAdded")),
        ("response.output_item.done", validator("OutputItemDone")),
        ("response.content_part.added", validator("ContentPartAdded")),
        ("response.content_part.done", validator("ContentPartDone")),
        ("response.output_text.delta", validator("TextDelta")),
        ("response.output_text.done", validator("TextDone")),
        ("response.refusal.delta", validator("RefusalDelta")),
        ("response.refusal.done", validator("RefusalDone")),
        (
            "response.function_call_arguments.delta",
            validator("FunctionCallArgumentsDelta"),
        ),
        (
            "response.function_call_arguments.done",
            validator("FunctionCallArgumentsDone"),
        ),
        (
            "response.reasoning_summary_part.added",
            validator("ReasoningSummaryPartAdded"),
        ),
        (
            "response.reasoning_summary_part.done",
            validator("ReasoningSummaryPartDone"),
        ),
        (
            "response.reasoning_summary_text.delta",
            validator("ReasoningSummaryTextDelta"),
        ),
        (
            "response.reasoning_summary_text.done",
            validator("ReasoningSummaryTextDone"),
        ),
        ("response.completed", validator("Completed")),
        ("response.incomplete", validator("Incomplete")),
        ("response.failed", validator("Failed")),
    ];
    let rig = Rig::start().await;
    let mut seen = BTreeSet::new();
    for mut body in of_responses() {
        body["stream"] = true.into();
        let text = rig.post("openai-a", RESPONSES, &body).await.text().await.unwrap();
        for (at, frame) in text.split_terminator("\n\n").enumerate() {
            let (name, data) = frame.split_once("\n").unwrap();
            let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            let (kind, validator) = known.iter().find(|(kind, _)| event["type"] == *kind).expect(data);
            assert_eq!(name, format!("event: {kind}"));
            assert_eq!(event["sequence_number"], at);
            assert_conforms(validator, &event, data);
            seen.insert(*kind);
        }
    }
    assert_eq!(seen.len(), known.len());
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
            for request in requests.filter(|request| request["path"] == path && request["method"] == "POST") {
                assert_conforms(&validator, &request["body"], &cell.display().to_string());
                checked += 1;
            }
        }
        assert_eq!(checked, count, "{kind} {path}: a request was added or has vanished");
    }
}
