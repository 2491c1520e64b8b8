//! What is billed by tokens is counted while it passes.

use mosaic::sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::http::send;
use crate::harness::soon;
use crate::place::Place;

/// Tokens of what was passed through so far, read and written.
async fn tokens(place: &Place) -> (u64, u64) {
    let metrics = place.gateway.admin("/metrics").await.text;
    let count = |kind: &str| {
        let mine = |line: &&str| {
            line.starts_with("mosaic_call_tokens_total") && line.contains("proxy.metered") && line.contains(kind)
        };
        let number = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
        metrics.lines().filter(mine).filter_map(number).sum()
    };
    (count("input"), count("output"))
}

fn chat(stream: bool) -> Value {
    let mut chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say a few words"}]});
    if stream {
        chat["stream"] = true.into();
        chat["stream_options"] = json!({"include_usage": true});
    }
    chat
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_whole_and_streamed() {
    let place = Place::open().await;
    let model = place.get("openai-a", "/models").await.ok()["data"][0]["id"].clone();
    let mut said = chat(false);
    said["model"] = model.clone();
    let whole = send(
        place.ask(Method::POST, "openai-a", "/chat/completions").json(&said),
        &[],
    )
    .await
    .ok();
    let count = |name: &str| whole["usage"][name].as_u64().expect("it is counted");
    let (input, output) = (count("prompt_tokens"), count("completion_tokens"));
    assert_eq!(tokens(&place).await, (input, output));

    let mut streamed = chat(true);
    streamed["model"] = model.clone();
    // The path of the API may be a client's own.
    let request = place
        .ask(Method::POST, "openai-a", "/v1/chat/completions")
        .json(&streamed);
    let reply = send(request, &[]).await;
    assert!(reply.header("content-type").starts_with("text/event-stream"));
    assert!(reply.text.ends_with("data: [DONE]\n\n"), "{reply:?}");
    soon("the stream's tokens", async || {
        (tokens(&place).await == (2 * input, 2 * output)).then_some(())
    })
    .await;

    // A stream that breaks off is cut, and never a clean end.
    let cut = Fault::new(Effect::CutStream {
        after_frames: 2,
        clean: false,
    });
    place
        .sandbox
        .server("openai-a")
        .expect("it is there")
        .faults()
        .add(cut)
        .expect("a sound fault");
    let request = place.ask(Method::POST, "openai-a", "/chat/completions").json(&streamed);
    let reply = request.send().await.expect("a head");
    assert!(reply.bytes().await.is_err(), "it was cut");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_billed_is_not_asked_twice() {
    let place = Place::open().await;
    let server = place.sandbox.server("openai-a").expect("it is there");
    server
        .faults()
        .add(Fault::new(Effect::Error { status: 500 }).times(1))
        .expect("a sound fault");
    let before = server.requests().total;
    let reply = send(
        place
            .ask(Method::POST, "openai-a", "/chat/completions")
            .json(&chat(false)),
        &[],
    )
    .await;
    assert_eq!((reply.status, server.requests().total - before), (500, 1));
    assert!(
        reply.json()["error"]["message"].is_string(),
        "in its own words: {reply:?}"
    );
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_dialects_tokens_are_counted_too() {
    let place = Place::open().await;
    let mut asked =
        json!({"model": "sandbox-large", "max_tokens": 50, "messages": [{"role": "user", "content": "say 5 words"}]});
    let ask =
        async |path: &str, asked: &Value| send(place.ask(Method::POST, "anthropic-a", path).json(asked), &[]).await;
    let whole = ask("/v1/messages", &asked).await.ok();
    let count = |name: &str| whole["usage"][name].as_u64().expect("it is counted");
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    assert_eq!(tokens(&place).await, (input, output));
    asked["stream"] = true.into();
    let reply = ask("/v1/messages", &asked).await;
    assert!(reply.text.contains("event: message_stop"), "{reply:?}");
    soon("the stream's tokens", async || {
        (tokens(&place).await == (2 * input, 2 * output)).then_some(())
    })
    .await;
    // What counts them only is billed to nobody.
    let count = json!({"model": "sandbox-large", "messages": [{"role": "user", "content": "say 5 words"}]});
    assert_eq!(
        ask("/v1/messages/count_tokens", &count).await.ok()["input_tokens"],
        input
    );
    assert_eq!(tokens(&place).await, (2 * input, 2 * output));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_is_counted_by_nobody() {
    let place = Place::open().await;
    let asked = [
        ("mirror-openai", "/chat/%63ompletions"),
        ("mirror-openai", "/v1/chat%2Fcompletions"),
        ("mirror-anthropic", "/v1/%6dessages"),
        // As another vendor's clients ask it.
        ("mirror-anthropic", "/v1/chat/completions"),
    ];
    for (at, (instance, path)) in (1..).zip(asked) {
        assert_eq!(send(place.ask(Method::POST, instance, path), &[]).await.status, 200);
        assert_eq!(tokens(&place).await, (7 * at, 3 * at), "{instance} {path}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_models_is_refused_and_not_billed_as_something_else() {
    let place = Place::with("[tenants.acme]\noperations = [\"proxy.read\", \"proxy.write\"]\n").await;
    for path in [
        "/chat/completions",
        "/chat/%63ompletions",
        "/v1/chat/completions",
        "/embeddings",
    ] {
        let request = place.ask(Method::POST, "mirror-openai", path).json(&chat(false));
        assert_eq!(send(request, &[]).await.refused(404), "not_found", "{path}");
    }
    let request = place.ask(Method::POST, "mirror-anthropic", "/v1/messages");
    assert_eq!(send(request, &[]).await.refused(404), "not_found");
    let asked = place
        .mirror
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "POST")
        .count();
    assert_eq!(asked, 0, "nothing was sent");
    // What is not billed is its own.
    assert_eq!(place.get("openai-a", "/models").await.status, 200);
    let write = place.ask(Method::POST, "mirror-openai", "/threads");
    assert_eq!(send(write, &[]).await.status, 200);
    place.close().await;
}
