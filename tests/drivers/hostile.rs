//! Providers that mean harm: streams without end or measure, lists that lead nowhere.
//!
//! Invariant: whatever comes, the call ends in a typed failure, and what is held of it by then has a bound.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::upstream::raw::{RawUpstream, Then};
use crate::upstream::{self, INSTANCE, ask, connection, driver};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const PAGE: &str = "1429989f-e8ac-4eff-bc8f-57f56486db54";

/// The input of a chat with either kind.
fn hello() -> Value {
    json!({"model": "m", "prompt": "Hello", "max_tokens": 100})
}

/// How a stream of `kind` fails whose provider is there.
async fn asked(kind: &str, api: &str, url: &str) -> Option<Failure> {
    let mut connection = connection(url);
    if !api.is_empty() {
        connection.settings.insert("api".to_owned(), api.into());
    }
    // Without a bound only one of them asks the provider what the model can.
    let input = if kind == "anthropic" { hello() } else { crate::hello() };
    let call = upstream::call("ai.chat.stream", input, false).expect("a sound input");
    let driver = driver(kind, &connection).expect("connected");
    let answer = driver.call(Arc::new(call)).await;
    upstream::whole(answer.expect("accepted")).await.1
}

/// How a stream of `kind` ended, whose provider sends `begins` once and `piece` for ever.
async fn ended(kind: &str, api: &str, begins: &str, piece: impl Fn(usize) -> Vec<u8> + Send + 'static) -> Failure {
    let provider = RawUpstream::endless(format!("{HEAD}{begins}"), piece).await;
    let failure = asked(kind, api, &provider.url).await;
    // It is left as soon as that is known.
    provider.over().await;
    failure.expect("no clean end")
}

fn data(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

/// Makes a piece of a stream, by its number.
type Piece = fn(usize) -> Vec<u8>;

/// The dialects, by their kinds and settings.
const DIALECTS: [(&str, &str); 3] = [("openai", ""), ("openai", "responses"), ("anthropic", "")];

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_an_end_is_a_failure() {
    for (kind, api) in DIALECTS {
        let pieces: [(&str, Piece); 3] = [
            ("a line without an end", |_| vec![b'x'; 64 << 10]),
            ("a line of data without an end", |at| match at {
                0 => b"data: ".to_vec(),
                _ => vec![b'"'; 64 << 10],
            }),
            // A hundred megabytes and more, line by line.
            ("an event without an end", |_| {
                [b"data: ".as_slice(), &[b'x'; 16 << 10], b"\n"].concat()
            }),
        ];
        for (what, piece) in pieces {
            let failure = ended(kind, api, "", piece).await;
            let told = (failure.kind, failure.retryable, failure.provider.as_deref());
            assert_eq!(
                told,
                (Kind::UpstreamFailed, false, Some(INSTANCE)),
                "{kind} {api}: {what}"
            );
            assert!(
                failure.message().contains("is longer than"),
                "{kind} {api}: {what}: {failure}"
            );
        }
    }
}

#[tokio::test]
async fn what_no_event_should_hold_is_a_failure() {
    let deep = "[".repeat(1 << 20);
    let nested = format!("{{\"type\": \"message_start\", \"id\": {}", "{\"a\": ".repeat(1 << 18));
    for (kind, api) in DIALECTS {
        for odd in [
            format!("data: {deep}\n\n").into_bytes(),
            format!("data: {nested}\n\n").into_bytes(),
            b"data: \xff\xfe\xc3\x28\n\n".to_vec(),
            b"data: [DONE]\n\n".to_vec(),
            b"event: message_stop\ndata: [DONE]\n\n".to_vec(),
        ] {
            let shown = String::from_utf8_lossy(&odd[..odd.len().min(40)]).into_owned();
            let bytes = [HEAD.as_bytes(), &odd].concat();
            let provider = RawUpstream::new(bytes, Then::Close).await;
            let failure = asked(kind, api, &provider.url).await;
            let failure = failure.unwrap_or_else(|| panic!("{kind} {api}: a clean end of {shown}"));
            assert_eq!(failure.kind, Kind::UpstreamFailed, "{kind} {api}: {shown}");
        }
    }
}

/// Bytes that are no UTF-8 are replaced within a text, and nothing else is lost; what follows the end is not heard.
#[tokio::test]
async fn what_is_no_text_is_replaced_and_what_follows_the_end_is_not_heard() {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"c\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{delta}\"}},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut bytes = format!("{HEAD}{}", chunk("a?b", "null")).into_bytes();
    let odd = bytes.iter().rposition(|byte| *byte == b'?').expect("it is there");
    bytes[odd] = 0xff;
    bytes.extend(chunk("", "\"stop\"").bytes());
    bytes.extend(b"data: [DONE]\n\n");
    bytes.extend(chunk("more", "null").bytes());
    let provider = RawUpstream::new(bytes, Then::Close).await;
    let call = upstream::call("ai.chat.stream", crate::hello(), false).expect("a sound input");
    let answer = driver("openai", &connection(&provider.url))
        .expect("connected")
        .call(Arc::new(call))
        .await;
    let (events, failure) = upstream::whole(answer.expect("accepted")).await;
    assert!(failure.is_none(), "{failure:?}");
    let texts = events
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["text"].as_str());
    assert_eq!(texts.collect::<Vec<_>>(), ["a\u{fffd}b"]);
}

/// What is kept of an answer until it is whole has a bound: names, ids, items, their parts.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_an_answer_has_a_bound() {
    let call = |id: Value, name: String| {
        let function = json!({"name": name, "arguments": null});
        data(
            &json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "id": id, "function": function}]}}]}),
        )
    };
    let failure = ended("openai", "", "", move |at| call(json!("t"), format!("look{at}"))).await;
    assert!(failure.message().contains("name or id is longer"), "{failure}");
    let long = "x".repeat(1 << 20);
    let failure = ended("openai", "", "", move |at| {
        call(json!(format!("{at}{long}")), "look".to_owned())
    })
    .await;
    assert!(failure.message().contains("name or id is longer"), "{failure}");
    let failure = ended("openai", "", "", move |at| {
        call(json!(at.to_string()), "look".to_owned())
    })
    .await;
    assert!(failure.message().contains("calls tools more than"), "{failure}");
    let said = |item: usize, part: usize| {
        data(&json!({"type": "response.output_text.delta", "output_index": item, "content_index": part, "delta": "a"}))
    };
    let failure = ended("openai", "responses", "", move |at| said(at, 0)).await;
    assert!(failure.message().contains("more than 4096 items"), "{failure}");
    let failure = ended("openai", "responses", "", move |at| said(0, at)).await;
    assert!(failure.message().contains("parts of an item"), "{failure}");
    let begins = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\"}}\n\n\
                  event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"strange\"}}\n\n";
    let failure = ended("anthropic", "", begins, |_| {
        data(&json!({"type": "content_block_delta", "index": 0, "delta": {"partial_json": "x".repeat(1 << 10)}}))
    })
    .await;
    assert!(failure.message().contains("larger than is kept"), "{failure}");
    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false));
}

/// A whole answer that is too deep is read no further than that.
#[tokio::test]
async fn an_answer_that_is_too_deep_is_a_failure() {
    let body = format!("{{\"id\": {}", "[".repeat(1 << 20));
    let bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for (kind, input) in [("openai", crate::hello()), ("anthropic", hello())] {
        let provider = RawUpstream::new(bytes.clone(), Then::Close).await;
        let failure = ask(kind, &connection(&provider.url), "ai.chat.complete", input).await;
        assert_eq!(failure.expect_err("it is none").kind, Kind::UpstreamFailed, "{kind}");
    }
}

/// A Notion whose lists are made by what was asked before.
struct Hostile {
    url: String,
    asked: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

impl Hostile {
    /// `list` makes the list of blocks by the number of the request and its path.
    async fn start(list: impl Fn(usize, &str) -> Value + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::<AtomicUsize>::default();
        let counted = asked.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (list, path) = (list.clone(), request.uri().path().to_owned());
            let at = counted.fetch_add(1, Relaxed);
            async move { answered(&path, || list(at, &path)) }
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it runs") });
        Hostile { url, asked, server }
    }

    async fn fails(&self, operation: &str, input: Value) -> Failure {
        let asked = ask("notion", &connection(&self.url), operation, input).await;
        asked.expect_err("it is endless")
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn answered(path: &str, list: impl FnOnce() -> Value) -> Response {
    let json = match path.ends_with("/children") || path.ends_with("/search") || path.ends_with("/users") {
        true => list(),
        false => json!({"object": "page", "id": PAGE, "last_edited_time": "2026-03-01T12:00:00.000Z", "properties": {},
            "parent": {"type": "workspace", "workspace": true}}),
    };
    axum::Json(json).into_response()
}

fn blocks(next: Value, blocks: Vec<Value>) -> Value {
    json!({"object": "list", "results": blocks, "has_more": true, "next_cursor": next})
}

fn paragraph(at: usize, text: &str, open: bool) -> Value {
    json!({"object": "block", "id": format!("00000000-0000-4000-8000-{at:012x}"), "type": "paragraph", "has_children": open,
        "paragraph": {"rich_text": [{"type": "text", "text": {"content": text}, "plain_text": text}]}})
}

/// N12 and beyond: a page whose blocks never end is given up by their number or their bytes, and a list that leads nowhere,
/// or to itself, at once.
#[tokio::test(flavor = "multi_thread")]
async fn lists_of_notion_that_never_end_are_given_up() {
    let page = json!({"page": PAGE});
    let more = Hostile::start(|at, _| blocks(json!(format!("c{at}")), vec![paragraph(at, "a", false)])).await;
    let failure = more.fails("docs.page.get", page.clone()).await;
    assert!(failure.message().contains("more blocks than 200 requests"), "{failure}");
    assert_eq!((failure.kind, failure.retryable), (Kind::Unsupported, false));
    assert!(more.asked.load(Relaxed) <= 201);

    let text = Arc::new("x".repeat(3 << 19));
    let heavy = Hostile::start(move |at, _| blocks(json!(format!("c{at}")), vec![paragraph(at, &text, false)])).await;
    let failure = heavy.fails("docs.page.get", page.clone()).await;
    assert!(failure.message().contains("bytes of blocks"), "{failure}");
    assert!(heavy.asked.load(Relaxed) < 30, "{}", heavy.asked.load(Relaxed));

    for next in [json!("again"), Value::Null, json!("")] {
        let round = Hostile::start(move |at, _| blocks(next.clone(), vec![paragraph(at, "a", false)])).await;
        let failure = round.fails("docs.page.get", page.clone()).await;
        assert_eq!(
            (failure.kind, failure.retryable),
            (Kind::UpstreamFailed, false),
            "{failure}"
        );
        assert!(round.asked.load(Relaxed) <= 3);
    }
    // Nor is a list a whole one that has more, and does not say where.
    let cut = Hostile::start(|_, _| blocks(Value::Null, vec![])).await;
    for (operation, input) in [
        ("docs.page.list", json!({})),
        ("docs.user.list", json!({})),
        ("docs.page.list_children", json!({"parent": PAGE})),
    ] {
        assert_eq!(
            cut.fails(operation, input).await.kind,
            Kind::UpstreamFailed,
            "{operation}"
        );
    }
}

/// Blocks within blocks are read so deep and no deeper, and none that holds itself is entered twice.
#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_notion_without_a_ground_are_given_up() {
    let one = |block: Value| json!({"object": "list", "results": [block], "has_more": false, "next_cursor": null});
    let deep = Hostile::start(move |at, _| one(paragraph(at, "a", true))).await;
    let read = ask("notion", &connection(&deep.url), "docs.page.get", json!({"page": PAGE})).await;
    let read = read.expect("what is too deep stays where it is");
    assert_eq!(read["lost"].as_array().map(Vec::len), Some(1), "{read}");
    assert!(deep.asked.load(Relaxed) < 20);
    let circle = Hostile::start(move |_, _| one(paragraph(7, "a", true))).await;
    let failure = circle.fails("docs.page.get", json!({"page": PAGE})).await;
    assert!(failure.message().contains("holds itself"), "{failure}");
}
