//! Answers that OpenAI keeps, in each of their parts: whole and piece by piece, and what they cost.
//!
//! Invariant: what is said of an answer is the same however it came.

use std::sync::Arc;

use mosaic::catalogue::ai::{ChatEvent, fold};
use mosaic::providers::models::Models;
use serde_json::{Value, json};

use crate::hello;
use crate::upstream::{Canned, Upstream, ask, connection};

const CREATE: &str = "ai.response.create";
const STREAM: &str = "ai.response.stream";

/// The same answer, whole and of a stream in which `told` comes before it is whole.
async fn both(output: &Value, told: &[Value]) -> (Value, Value) {
    let whole = json!({"id": "r1", "object": "response", "model": "m1", "status": "completed", "output": output});
    let end = json!({"type": "response.completed", "response": whole});
    let frame = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type"));
    let text: String = told.iter().chain([&end]).map(frame).collect();
    let stream = Canned::text(200, &text).header("content-type", "text/event-stream");
    let provider = Upstream::answering([Canned::json(200, whole.clone()), stream]).await;
    let connection = connection(&provider.url);
    let whole = ask("openai", &connection, CREATE, hello()).await.expect("an answer");
    let events = ask("openai", &connection, STREAM, hello()).await.expect("events");
    let events: Vec<ChatEvent> = serde_json::from_value(events).expect("events");
    let folded = serde_json::to_value(fold::fold(events).expect("whole")).expect("JSON");
    (whole, folded)
}

#[tokio::test]
async fn thoughts_are_kept_apart_from_each_other() {
    let thought = |parts: Value| json!({"type": "reasoning", "summary": parts});
    let text = |text: &str| json!({"type": "summary_text", "text": text});
    let message = json!({"type": "message", "content": [{"type": "output_text", "text": "Hi"}]});
    let output = json!([
        thought(json!([text("One."), text("Two.")])),
        message,
        thought(json!([text("Three.")])),
    ]);
    let delta = |item: u32, part: u32, text: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": item, "summary_index": part, "delta": text});
    let all = [
        delta(0, 0, "On"),
        delta(0, 0, "e."),
        delta(0, 1, "Two."),
        delta(2, 0, "Three."),
    ];
    // Of some, or of none, no piece came.
    for told in [&all[..], &all[..2], &all[3..], &[]] {
        let (whole, folded) = both(&output, told).await;
        assert_eq!(whole["reasoning"], "One.\n\nTwo.\n\nThree.");
        if told != &all[3..] {
            assert_eq!(folded["reasoning"], whole["reasoning"], "{told:?}");
        }
        assert_eq!(folded["message"], whole["message"], "{told:?}");
    }
}

#[tokio::test]
async fn a_part_that_came_in_no_piece_is_told_behind_those_that_did() {
    let content = json!([{"type": "output_text", "text": "Hi"}, {"type": "refusal", "refusal": "No."},
        {"type": "output_text", "text": "Bye"}]);
    let output = json!([{"type": "message", "content": content}]);
    let delta = |kind: &str, part: Value, text: &str| json!({"type": format!("response.{kind}.delta"), "output_index": 0, "content_index": part, "delta": text});
    let hi = delta("output_text", json!(0), "Hi");
    let no = delta("refusal", json!(1), "No.");
    let bye = delta("output_text", json!(2), "Bye");
    for told in [
        vec![],
        vec![hi.clone()],
        vec![hi.clone(), no.clone()],
        vec![hi.clone(), no.clone(), bye.clone()],
    ] {
        let (whole, folded) = both(&output, &told).await;
        assert_eq!(whole["message"]["content"].as_array().map(Vec::len), Some(3));
        assert_eq!(
            (&folded["message"], &folded["finish"]),
            (&whole["message"], &json!("filter")),
            "{told:?}"
        );
    }
    // Where no number says which they are, or one that is none, no text is told twice.
    for part in [json!(null), json!(7)] {
        let told = [
            delta("output_text", part.clone(), "Hi"),
            no.clone(),
            delta("output_text", part, "Bye"),
        ];
        let (whole, folded) = both(&output, &told).await;
        assert_eq!(folded["message"], whole["message"]);
    }
}

#[tokio::test]
async fn a_kept_answer_costs_what_the_asked_model_does_where_the_answered_one_is_not_known() {
    let whole = json!({"id": "r1", "object": "response", "model": "behind-it-2099", "status": "completed", "output": [],
        "usage": {"input_tokens": 1000, "output_tokens": 10}});
    let provider = Upstream::answering(vec![Canned::json(200, whole); 2]).await;
    let mut connection = connection(&provider.url);
    connection.models = Arc::new(Models::load(None).expect("the table"));
    connection.settings.insert("prices".to_owned(), "openai".into());
    let input = json!({"model": "gpt-4o", "prompt": "Hello"});
    let made = ask("openai", &connection, CREATE, input).await.expect("an answer");
    assert!(made["usage"]["cost_usd"].is_number(), "{made}");
    // Who looks at it later has asked no model.
    let found = ask("openai", &connection, "ai.response.get", json!({"response": "r1"})).await;
    assert_eq!(found.expect("an answer")["usage"]["cost_usd"], Value::Null);
}
