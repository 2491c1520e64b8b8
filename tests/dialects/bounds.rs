//! Bodies that are no good, and clients that are slow or go away.

use std::time::Duration;

use futures_util::StreamExt;
use mosaic::sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::http::send;
use crate::harness::soon;
use crate::place::Place;

const CHAT: &str = "/openai/v1/chat/completions";
const MESSAGES: &str = "/anthropic/v1/messages";

fn asked(path: &str, text: &str) -> Value {
    let mut body =
        json!({"model": "openai-a~sandbox-large", "stream": true, "messages": [{"role": "user", "content": text}]});
    if path == MESSAGES {
        body["max_tokens"] = 9999.into();
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_good_are_refused_in_each_dialect() {
    let place = Place::open().await;
    let long = format!("{{\"model\": \"m\", \"x\": \"{}\"}}", "y".repeat(80 << 10));
    let deep = format!("{{\"model\": {}1{}}}", "[".repeat(500), "]".repeat(500));
    for path in [
        CHAT,
        MESSAGES,
        "/openai/v1/responses",
        "/openai/v1/embeddings",
        "/openai/v1/moderations",
        "/openai/v1/batches",
    ] {
        for (body, kind, status) in [
            ("{", "application/json", 400),
            ("[]", "application/json", 400),
            ("", "application/json", 400),
            ("{\"model\": 7}", "application/json", 400),
            ("{\"model\": \"a\", \"model\": \"b\"}", "application/json", 400),
            (&*deep, "application/json", 400),
            ("{}", "text/plain", 415),
            (&*long, "application/json", 413),
        ] {
            // Who does not read a body to its end takes no other request behind it.
            let request = place.ask(Method::POST, path).header("connection", "close");
            let request = request.header("content-type", kind).body(body.to_owned());
            let reply = send(request, &[]).await;
            assert_eq!(reply.status, status, "{path} {body:.40}: {reply:?}");
            assert!(reply.json()["error"]["message"].is_string(), "{reply:?}");
        }
    }
    // A form that is none, and one that is too large.
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    for (body, status) in [(form.to_owned(), 400), ("y".repeat(80 << 10), 413)] {
        let request = place.ask(Method::POST, "/openai/v1/files");
        let reply = send(
            request
                .header("connection", "close")
                .header("content-type", "multipart/form-data; boundary=x")
                .body(body),
            &[],
        )
        .await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    assert_eq!(
        place
            .server("openai-a")
            .requests()
            .arrived(&Method::POST, "/v1/chat/completions"),
        0
    );
    place.close().await;
}

/// Calls in flight, as metrics tell.
async fn in_flight(place: &Place) -> u64 {
    let metrics = place.gateway.admin("/metrics").await.text;
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("mosaic_attempts_in_flight") || line.starts_with("mosaic_calls_in_flight"));
    let numbers = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    numbers.map(|number| number as u64).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_drops_its_call() {
    let place = Place::open().await;
    let drip = Fault::new(Effect::Drip { ms: 50 }).method(&Method::POST);
    place.server("openai-a").faults().add(drip).expect("a sound fault");
    for path in [CHAT, MESSAGES] {
        let reply = place
            .ask(Method::POST, path)
            .json(&asked(path, "say 5000 words"))
            .send()
            .await
            .expect("a head");
        assert_eq!(reply.status(), 200);
        let mut pieces = reply.bytes_stream();
        pieces.next().await.expect("a piece").expect("whole");
        soon("it is in flight", async || (in_flight(&place).await > 0).then_some(())).await;
        drop(pieces);
        soon("nothing is in flight", async || {
            (in_flight(&place).await == 0).then_some(())
        })
        .await;
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_has_the_whole_answer_all_the_same() {
    let place = Place::open().await;
    for path in [CHAT, MESSAGES] {
        let reply = place
            .ask(Method::POST, path)
            .json(&asked(path, "say 200 words"))
            .send()
            .await
            .expect("a head");
        let (mut text, mut pieces) = (String::new(), reply.bytes_stream());
        while let Some(piece) = pieces.next().await {
            text.push_str(std::str::from_utf8(&piece.expect("whole")).expect("text"));
            // It reads more slowly than the model writes.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let end = if path == CHAT {
            "data: [DONE]\n\n"
        } else {
            "data: {\"type\":\"message_stop\"}\n\n"
        };
        assert!(text.ends_with(end) && text.contains("word200"), "{text}");
    }
    place.close().await;
}
