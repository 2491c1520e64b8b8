//! Each fault as a client sees it, and the two ways to set it.

use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};

use mosaic::sandbox::{Effect, Fault, MAX_FAULTS, TOKEN_HEADER};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Rig, frames, header, number};

const ISSUES: &str = "/repos/acme/api/issues";

/// Whether the operating system reported this somewhere below the error.
fn is_caused_by(error: &(dyn Error + 'static), kind: ErrorKind) -> bool {
    let own = error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|io| io.kind() == kind);
    own || error.source().is_some_and(|source| is_caused_by(source, kind))
}

async fn github(effect: Effect) -> Rig {
    let rig = Rig::one("github", |_| {}).await;
    rig.server("one").faults().add(Fault::new(effect)).unwrap();
    rig
}

fn streamed(rig: &Rig, words: u32) -> RequestBuilder {
    let content = format!("say {words} words");
    rig.request("one", Method::POST, "/chat/completions").json(&json!({
        "model": "sandbox-small",
        "stream": true,
        "messages": [{ "role": "user", "content": content }],
    }))
}

#[tokio::test]
async fn latency_delays_a_true_answer() {
    let rig = github(Effect::Latency { ms: 80, jitter_ms: 10 }).await;
    let started = Instant::now();
    assert_eq!(rig.get("one", "/zen").await.status(), 200);
    assert!(started.elapsed() >= Duration::from_millis(80));
    assert_eq!(rig.server("one").requests().faults("latency"), 1);
}

#[tokio::test]
async fn an_error_rate_is_the_same_for_the_same_seed() {
    let statuses = async || {
        let rig = Rig::one("github", |_| {}).await;
        rig.server("one")
            .faults()
            .add(Fault::new(Effect::Error { status: 503 }).probability(0.5, 42))
            .unwrap();
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(rig.get("one", "/zen").await.status().as_u16());
        }
        statuses
    };
    let first = statuses().await;
    assert_eq!(first, statuses().await);
    let failed = first.iter().filter(|status| **status == 503).count();
    assert!((10..30).contains(&failed), "{failed} of 40");
}

#[tokio::test]
async fn an_error_is_in_the_vendors_words() {
    let rig = github(Effect::Error { status: 502 }).await;
    let response = rig.get("one", "/repos/acme/api").await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.json::<Value>().await.unwrap()["status"], "502");

    let rig = Rig::one("openai", |_| {}).await;
    rig.server("one")
        .faults()
        .add(Fault::new(Effect::Error { status: 500 }))
        .unwrap();
    let response = rig.get("one", "/models").await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["type"], "server_error");
}

#[tokio::test]
async fn githubs_first_limit_tells_by_reset_and_its_second_by_retry_after() {
    let rig = github(Effect::RateLimit {
        retry_after_s: 7,
        secondary: false,
    })
    .await;
    let first = rig.get("one", "/zen").await;
    assert_eq!(
        (first.status().as_u16(), number(&first, "x-ratelimit-remaining")),
        (429, 0)
    );
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!((now + 6..=now + 8).contains(&number(&first, "x-ratelimit-reset")));

    rig.server("one").faults().clear();
    rig.server("one")
        .faults()
        .add(Fault::new(Effect::RateLimit {
            retry_after_s: 3,
            secondary: true,
        }))
        .unwrap();
    let second = rig.get("one", "/zen").await;
    assert_eq!((second.status().as_u16(), number(&second, "retry-after")), (403, 3));
    assert!(number(&second, "x-ratelimit-remaining") > 0);
    assert!(second.text().await.unwrap().contains("secondary rate limit"));
}

#[tokio::test]
async fn openais_limit_carries_both_retry_headers() {
    let rig = Rig::one("openai", |_| {}).await;
    rig.server("one")
        .faults()
        .add(Fault::new(Effect::RateLimit {
            retry_after_s: 2,
            secondary: false,
        }))
        .unwrap();
    let response = rig.get("one", "/models").await;
    assert_eq!(response.status(), 429);
    assert_eq!(
        (number(&response, "retry-after"), number(&response, "retry-after-ms")),
        (2, 2_000)
    );
    assert_eq!(number(&response, "x-ratelimit-remaining-requests"), 0);
    assert_eq!(
        response.json::<Value>().await.unwrap()["error"]["code"],
        "rate_limit_exceeded"
    );
}

#[tokio::test]
async fn an_expired_token_is_refused_once_and_then_accepted() {
    let rig = Rig::one("github", |_| {}).await;
    rig.server("one")
        .faults()
        .add(Fault::new(Effect::ExpiredToken).times(1))
        .unwrap();
    let refused = rig.get("one", "/user").await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.json::<Value>().await.unwrap()["message"], "Bad credentials");
    assert_eq!(rig.get("one", "/user").await.status(), 200);
}

#[tokio::test]
async fn a_reset_is_a_real_one() {
    let rig = github(Effect::Reset { processed: false }).await;
    let error = rig
        .request("one", Method::POST, ISSUES)
        .json(&json!({ "title": "x" }))
        .send()
        .await
        .unwrap_err();
    assert!(is_caused_by(&error, ErrorKind::ConnectionReset), "{error:?}");
    let requests = rig.server("one").requests();
    assert_eq!(
        (requests.arrived(&Method::POST, ISSUES), requests.faults("reset")),
        (1, 1)
    );
    assert_eq!(rig.server("one").created(), 0);

    let mut socket = TcpStream::connect(rig.server("one").address()).await.unwrap();
    socket.write_all(b"GET /zen HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let error = socket.read(&mut [0; 64]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "RST, not an orderly end");
}

#[tokio::test]
async fn a_processed_request_takes_effect_although_the_client_hears_nothing() {
    let rig = github(Effect::Reset { processed: true }).await;
    rig.request("one", Method::POST, ISSUES)
        .json(&json!({ "title": "lost" }))
        .send()
        .await
        .unwrap_err();
    rig.server("one").faults().clear();
    assert_eq!(rig.get_json("one", &format!("{ISSUES}/7")).await["title"], "lost");
}

#[tokio::test]
async fn a_hang_ends_in_the_clients_timeout() {
    let rig = github(Effect::Hang { processed: false }).await;
    let request = rig
        .request("one", Method::GET, "/zen")
        .timeout(Duration::from_millis(150));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(rig.server("one").requests().faults("hang"), 1);
}

#[tokio::test]
async fn a_malformed_body_arrives_whole_and_is_no_json() {
    let rig = github(Effect::Malformed).await;
    let response = rig.get("one", "/repos/acme/api").await;
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_err());
}

#[tokio::test]
async fn a_truncated_body_is_a_broken_one() {
    let rig = github(Effect::Truncated).await;
    let mut response = rig.get("one", "/repos/acme/api").await;
    assert_eq!(response.status(), 200);
    let promised = number(&response, "content-length");
    let mut arrived = 0;
    let error = loop {
        match response.chunk().await {
            Ok(chunk) => arrived += chunk.expect("the body must not end in order").len() as u64,
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(arrived, promised / 2, "what was sent before the break arrives");
}

#[tokio::test]
async fn a_dripping_body_arrives_whole_and_in_its_own_time() {
    let rig = github(Effect::Drip { ms: 10 }).await;
    let started = Instant::now();
    let response = rig.get("one", "/repos/acme/api").await;
    let (status, promised) = (response.status(), number(&response, "content-length"));
    let text = response.text().await.unwrap();
    assert_eq!((status.as_u16(), text.len() as u64), (200, promised));
    assert!(started.elapsed() >= Duration::from_millis(150));
    rig.server("one").faults().clear();
    let whole = rig.get("one", "/repos/acme/api").await.text().await.unwrap();
    assert_eq!(text, whole);
}

/// Reads a stream to its end: its text, and whether it ended in order.
async fn read_stream(request: RequestBuilder) -> (String, bool) {
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut text = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => text.extend_from_slice(&chunk),
            Ok(None) => return (String::from_utf8(text).unwrap(), true),
            Err(_) => return (String::from_utf8(text).unwrap(), false),
        }
    }
}

#[tokio::test]
async fn a_cut_stream_has_so_many_frames_and_no_end_mark() {
    let rig = Rig::one("openai", |_| {}).await;
    for (clean, in_order) in [(false, false), (true, true)] {
        rig.server("one").faults().clear();
        rig.server("one")
            .faults()
            .add(Fault::new(Effect::CutStream { after_frames: 3, clean }))
            .unwrap();
        let (text, ended_in_order) = read_stream(streamed(&rig, 9)).await;
        assert_eq!((frames(&text).len(), ended_in_order), (3, in_order));
        assert!(!text.contains("[DONE]"));
    }
}

#[tokio::test]
async fn a_stream_error_is_a_frame_and_no_end_mark() {
    let rig = Rig::one("openai", |_| {}).await;
    rig.server("one")
        .faults()
        .add(Fault::new(Effect::StreamError { after_frames: 2 }))
        .unwrap();
    let (text, ended_in_order) = read_stream(streamed(&rig, 9)).await;
    let frames = frames(&text);
    assert_eq!((frames.len(), ended_in_order), (3, true));
    let last: Value = serde_json::from_str(frames[2]).unwrap();
    assert_eq!(last["error"]["type"], "server_error");

    let whole = rig.request("one", Method::GET, "/models").send().await.unwrap();
    assert_eq!(whole.status(), 200, "faults of streams leave other answers alone");
    assert_eq!(rig.server("one").requests().faults("stream_error"), 1);
}

#[tokio::test]
async fn a_fault_of_one_server_leaves_its_twin_alone() {
    let rig = Rig::start().await;
    rig.server("github-a")
        .faults()
        .add(Fault::new(Effect::Error { status: 503 }))
        .unwrap();
    assert_eq!(rig.get("github-a", "/zen").await.status(), 503);
    assert_eq!(rig.get("github-b", "/zen").await.status(), 200);
}

#[tokio::test]
async fn method_and_path_choose_what_is_hit() {
    let rig = Rig::one("github", |_| {}).await;
    let fault = Fault::new(Effect::Error { status: 500 })
        .method(&Method::POST)
        .path_prefix("/repos/acme");
    rig.server("one").faults().add(fault).unwrap();
    assert_eq!(rig.get("one", ISSUES).await.status(), 200);
    assert_eq!(rig.post("one", ISSUES, &json!({ "title": "x" })).await.status(), 500);
    let requests = rig.server("one").requests();
    assert_eq!(requests.arrived(&Method::POST, ISSUES), 1);
    assert_eq!(requests.served(&Method::POST, "/repos/{owner}/{repo}/issues"), 0);
    assert_eq!(requests.served(&Method::GET, "/repos/{owner}/{repo}/issues"), 1);
}

#[tokio::test]
async fn faults_can_be_set_over_http() {
    let rig = Rig::one("github", |_| {}).await;
    let control = |method, path: &str| {
        let url = format!("{}/_sandbox/{path}", rig.server("one").origin());
        rig.client.request(method, url).header(TOKEN_HEADER, "sandbox-one")
    };
    let fault = json!({ "effect": { "error": { "status": 503 } }, "path_prefix": "/zen", "times": 5 });
    let set = control(Method::POST, "faults").json(&fault).send().await.unwrap();
    assert_eq!(set.status(), 201);
    let id = set.json::<Value>().await.unwrap()["id"].as_u64().unwrap();
    assert_eq!(rig.get("one", "/zen").await.status(), 503);

    let list: Value = control(Method::GET, "faults")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((&list[0]["id"], &list[0]["hits"]), (&json!(id), &json!(1)));
    assert_eq!(list[0]["effect"], fault["effect"]);
    assert_eq!(
        control(Method::DELETE, &format!("faults/{id}"))
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(
        control(Method::DELETE, &format!("faults/{id}"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(rig.get("one", "/zen").await.status(), 200);

    rig.server("one").faults().add(Fault::new(Effect::Malformed)).unwrap();
    assert_eq!(control(Method::DELETE, "faults").send().await.unwrap().status(), 204);
    assert!(rig.server("one").faults().list().is_empty());

    let state: Value = control(Method::GET, "state")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((&state["server"], &state["vendor"]), (&json!("one"), &json!("github")));
    assert_eq!(
        state["requests"]["arrived"],
        json!({ "GET /zen": 2 }),
        "control requests are not counted"
    );
    assert_eq!(state["requests"]["faults"], json!({ "error": 1 }));
}

#[tokio::test]
async fn the_control_endpoint_is_guarded_and_strict() {
    let rig = Rig::start().await;
    let url = |path: &str| format!("{}/_sandbox/{path}", rig.server("github-a").origin());
    let fault = json!({ "effect": "malformed" });
    for token in [None, Some("sandbox-github-b")] {
        let mut request = rig.client.post(url("faults")).json(&fault);
        if let Some(token) = token {
            request = request.header(TOKEN_HEADER, token);
        }
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    assert!(rig.server("github-a").faults().list().is_empty());

    let set = async |fault: Value| {
        let request = rig
            .client
            .post(url("faults"))
            .header(TOKEN_HEADER, "sandbox-github-a")
            .json(&fault);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, text) = set(json!({ "effect": { "error": { "status": 99 } } })).await;
    assert!(status == 422 && text.contains("effect.error.status"), "{status} {text}");
    let (status, text) = set(json!({ "effect": "malformed", "tmes": 1 })).await;
    assert!(status == 422 && text.contains("tmes"), "{status} {text}");
    for _ in 0..MAX_FAULTS {
        assert_eq!(
            set(json!({ "effect": "truncated", "path_prefix": "/none" })).await.0,
            201
        );
    }
    assert_eq!(set(json!({ "effect": "malformed" })).await.0, 409);
    assert_eq!(
        header(&rig.get("github-a", "/zen").await, "content-type"),
        Some("text/plain; charset=utf-8")
    );
}

#[test]
fn the_fault_that_the_readme_sets_is_one() {
    let readme = include_str!("../../README.md");
    let given = |line: &'static str| line.split_once("-d '")?.1.split_once('\'').map(|(json, _)| json);
    let faults: Vec<&str> = readme
        .lines()
        .filter_map(given)
        .filter(|json| json.contains("effect"))
        .collect();
    assert!(!faults.is_empty());
    for fault in faults {
        serde_json::from_str::<Fault>(fault).unwrap_or_else(|error| panic!("{fault}: {error}"));
    }
}
