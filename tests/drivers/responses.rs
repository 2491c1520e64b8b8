//! OpenAI's Responses API where it answers oddly, breaks off, or is not there.
//!
//! Invariant: an answer that is asked for ends in an answer that is whole, or in a failure with a type.

use std::sync::Arc;

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::hello;
use crate::upstream::raw::{RawUpstream, Then};
use crate::upstream::{self, Canned, INSTANCE, Upstream, ask, connection, driver};

const CREATE: &str = "ai.response.create";
const STREAM: &str = "ai.response.stream";

fn said(text: &str) -> Value {
    json!([{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}])
}

fn frame(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type"))
}

/// A whole stream, frame by frame.
fn stream() -> Vec<String> {
    let begun = json!({"id": "r1", "model": "m1", "status": "in_progress"});
    let whole = json!({"id": "r1", "model": "m1", "status": "completed", "output": said("Hi there")});
    let item = |status: &str, content: Value| json!({"type": "message", "status": status, "content": content});
    let events = [
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", json!([]))}),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"}),
        json!({"type": "response.unheard_of", "output_index": 0}),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": " there"}),
        json!({"type": "response.output_item.done", "output_index": 0,
            "item": item("completed", said("Hi there")[0]["content"].clone())}),
        json!({"type": "response.completed", "response": whole}),
    ];
    events.iter().map(frame).collect()
}

#[tokio::test]
async fn a_stream_that_is_cut_anywhere_ends_in_a_failure() {
    let frames = stream();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    for end in 0..=frames.len() {
        // Between two frames, and within one; both where the connection ends cleanly and where it does not.
        let whole = frames[..end].concat();
        let torn = frames
            .get(end)
            .map(|frame| [&whole, &frame[..frame.len() / 2]].concat());
        for text in [Some(whole), torn].into_iter().flatten() {
            for last in ["", "0\r\n\r\n"] {
                let chunk = match text.is_empty() {
                    true => String::new(),
                    false => format!("{:x}\r\n{text}\r\n", text.len()),
                };
                let provider = RawUpstream::new(format!("{head}{chunk}{last}"), Then::Close).await;
                let call = upstream::call(STREAM, hello(), false).expect("a sound input");
                let answer = driver("openai", &connection(&provider.url)).expect("connected");
                let answer = answer.call(Arc::new(call)).await.expect("accepted");
                let (events, failure) = upstream::whole(answer).await;
                let events = events.as_array().cloned().unwrap_or_default();
                if end == frames.len() {
                    assert!(failure.is_none(), "{failure:?}");
                    assert_eq!(events.last().expect("an end")["finish"], "stop");
                    continue;
                }
                let failure = failure.unwrap_or_else(|| panic!("a clean end after {end}: {text}"));
                assert_eq!(
                    (failure.kind, failure.retryable),
                    (Kind::UpstreamFailed, true),
                    "{end}: {failure:?}"
                );
                assert_eq!(failure.provider.as_deref(), Some(INSTANCE));
                assert!(events.iter().all(|event| event["type"] != "end"));
            }
        }
    }
}

/// A13: it may fail behind the status of a success, in either form, wherever it is.
#[tokio::test]
async fn a_stream_that_fails_late_ends_in_that_failure() {
    let flat = |code: &str| json!({"type": "error", "code": code, "message": "m", "param": null});
    let nested = |code: &str| json!({"type": "error", "error": {"code": code, "message": "m"}});
    let failed = |code: &str| json!({"type": "response.failed", "response": {"id": "r1", "status": "failed", "error": {"code": code, "message": "m"}}});
    let frames = stream();
    for end in 0..frames.len() {
        for error in [flat, nested, failed] {
            for (code, kind, retryable, field) in [
                ("server_error", Kind::UpstreamFailed, true, None),
                ("rate_limit_exceeded", Kind::UpstreamRateLimited, true, None),
                ("insufficient_quota", Kind::UpstreamRateLimited, false, None),
                ("context_length_exceeded", Kind::InvalidInput, false, Some("messages")),
                ("image_too_large", Kind::InvalidInput, false, Some("messages")),
            ] {
                let error = error(code);
                let text = frames[..end].concat() + &frame(&error);
                let answer = Canned::text(200, &text).header("content-type", "text/event-stream");
                let provider = Upstream::answering([answer]).await;
                let failure = ask("openai", &connection(&provider.url), STREAM, hello())
                    .await
                    .expect_err(code);
                assert_eq!(
                    (failure.kind, failure.retryable),
                    (kind, retryable),
                    "{error} after {end}"
                );
                assert_eq!(failure.field.as_deref(), field, "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_understood_is_a_failure() {
    let frames = stream();
    for odd in [
        "data: <html>\n\n".to_owned(),
        "data: {\"type\": \n\n".to_owned(),
        frame(&json!({"type": "response.completed"})),
        frame(&json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call"}})),
        frame(
            &json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "name": ""}}),
        ),
    ] {
        let text = frames[..3].concat() + &odd;
        let answer = Canned::text(200, &text).header("content-type", "text/event-stream");
        let provider = Upstream::answering([answer]).await;
        let failure = ask("openai", &connection(&provider.url), STREAM, hello())
            .await
            .expect_err(&odd);
        assert_eq!(failure.kind, Kind::UpstreamFailed, "{odd}");
    }
}

#[tokio::test]
async fn what_came_as_a_success_is_an_answer_or_a_failure() {
    let whole = |more: Value| {
        let mut body =
            json!({"id": "r1", "object": "response", "model": "m1", "status": "completed", "output": said("Hi")});
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        body
    };
    let call = json!([{"type": "function_call", "name": "look", "arguments": {"x": 1}}, {"type": "function_call", "name": "find"}]);
    let ok = |state: &str, finish: Value| Ok((state.to_owned(), finish));
    let failed = |kind: Kind| Err(kind);
    for (what, body, comes) in [
        ("plain", whole(json!({})), ok("completed", json!("stop"))),
        (
            "no word",
            whole(json!({"status": null})),
            ok("completed", json!("stop")),
        ),
        (
            "no word, and cut",
            whole(json!({"status": null, "incomplete_details": {"reason": "max_output_tokens"}})),
            ok("incomplete", json!("length")),
        ),
        (
            "cut, and no reason",
            whole(json!({"status": "incomplete"})),
            ok("incomplete", json!("other")),
        ),
        (
            "another reason",
            whole(json!({"status": "incomplete", "incomplete_details": {"reason": "tired"}})),
            ok("incomplete", json!("other")),
        ),
        (
            "another word",
            whole(json!({"status": "dreaming"})),
            ok("other", json!(null)),
        ),
        (
            "calls without ids",
            whole(json!({"output": call})),
            ok("completed", json!("tool")),
        ),
        (
            "nothing said",
            whole(json!({"output": null})),
            ok("completed", json!("stop")),
        ),
        (
            "no call",
            whole(json!({"output": [{"type": "function_call"}]})),
            failed(Kind::UpstreamFailed),
        ),
        (
            "failed",
            whole(json!({"status": "failed"})),
            failed(Kind::UpstreamFailed),
        ),
        (
            "an error beside",
            whole(json!({"error": {"code": "rate_limit_exceeded"}})),
            failed(Kind::UpstreamRateLimited),
        ),
        (
            "an error alone",
            json!({"error": {"code": "invalid_api_key", "message": "m"}}),
            failed(Kind::UpstreamAuth),
        ),
        (
            "a list of an error",
            json!([{"error": {"code": 429, "message": "m"}}]),
            failed(Kind::UpstreamRateLimited),
        ),
        (
            "something else",
            json!({"hello": "there"}),
            failed(Kind::UpstreamFailed),
        ),
    ] {
        let provider = Upstream::answering([Canned::json(200, body)]).await;
        match (ask("openai", &connection(&provider.url), CREATE, hello()).await, comes) {
            (Ok(answer), Ok((state, finish))) => {
                assert_eq!(
                    (&answer["state"], &answer["finish"]),
                    (&json!(state), &finish),
                    "{what}"
                );
                if what.starts_with("calls") {
                    let parts = &answer["message"]["content"];
                    assert_eq!((&parts[0]["id"], &parts[1]["id"]), (&json!("call_0"), &json!("call_1")));
                    assert_eq!(
                        (&parts[0]["arguments"], &parts[1]["arguments"]),
                        (&json!("{\"x\":1}"), &json!("{}"))
                    );
                }
            }
            (Err(failure), Err(kind)) => assert_eq!(failure.kind, kind, "{what}"),
            (answer, comes) => panic!("{what}: {answer:?} and not {comes:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_without_the_api_is_not_asked_or_says_so() {
    // Of mistral nobody says that it has one; of vllm somebody does.
    for (profile, asked) in [("mistral", 0), ("vllm", 1)] {
        let provider = Upstream::answering([]).await;
        let mut connection = connection(&provider.url);
        connection.settings.insert("profile".to_owned(), profile.into());
        let failure = ask("openai", &connection, CREATE, hello()).await.expect_err(profile);
        assert_eq!(
            (failure.unsent, provider.seen().len()),
            (asked == 0, asked),
            "{profile}"
        );
        assert_eq!(failure.kind == Kind::Unsupported, asked == 0, "{profile}: {failure:?}");
        connection.settings.insert("responses".to_owned(), true.into());
        ask("openai", &connection, CREATE, hello()).await.expect_err(profile);
        assert_eq!(provider.seen().len(), asked + 1, "{profile}: what is set wins");
    }
    let nowhere = Canned::json(404, json!({"detail": "Not Found"}));
    let provider = Upstream::answering(vec![nowhere; 2]).await;
    for operation in [CREATE, STREAM] {
        let failure = ask("openai", &connection(&provider.url), operation, hello())
            .await
            .expect_err("none");
        assert_eq!((failure.kind, failure.unbilled), (Kind::Unsupported, true));
    }
}
