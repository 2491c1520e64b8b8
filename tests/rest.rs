//! The REST surface over real sockets: bad input on every route, answers, streams, and what must never leak.

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mosaic::catalogue::cursor::CursorKey;
use mosaic::catalogue::{Entry, Method, OPERATIONS, find};
use mosaic::server::ServerLimits;
use mosaic::surfaces::problem::status_of;
use mosaic_actors::call::CacheStatus;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, body_stream};
use serde_json::{Map, Value, json};
use support::fake::{FakeCalls, Gate, answer, streamed};
use support::memory_store::MemoryStore;
use support::operations::{path, request, sample, wrong, wrong_in_url};
use support::{KEY, MAX_BODY, Server, eventually, raw};

/// Sends a request that must be refused, and checks all that every problem has.
async fn refused(request: reqwest::RequestBuilder, status: u16, what: &str) -> Value {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), status, "{what}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{what}");
    let id = response.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
    let problem: Value = response.json().await.expect("a problem");
    assert_eq!(problem["request_id"], id, "{what}");
    assert_eq!(problem["status"], status, "{what}");
    let code = problem["code"].as_str().expect("a code");
    assert_eq!(problem["type"], format!("/docs/errors/{code}"), "{what}");
    assert!(!problem["detail"].as_str().expect("a detail").is_empty(), "{what}");
    problem
}

#[tokio::test]
async fn every_route_refuses_every_kind_of_bad_input_and_names_it() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let mut checked = 0;
    for entry in OPERATIONS.iter() {
        checked += refuses_wrong_fields(&server, entry).await;
        refuses_strangers(&server, entry).await;
        refuses_other_methods(&server, entry).await;
        if entry.declaration.method == Method::Post {
            refuses_wrong_bodies(&server, entry).await;
        }
    }
    assert!(checked >= 2 * OPERATIONS.len(), "{checked} wrong fields");
    assert!(server.calls.seen().is_empty(), "nothing of this may reach the engine");
}

async fn refuses_wrong_fields(server: &Server, entry: &'static Entry) -> usize {
    let good = sample(entry);
    let mut cases: Vec<(String, Map<String, Value>)> = vec![];
    let mut with = |name: &str, value: Option<Value>| {
        let mut input = good.clone();
        match value {
            Some(value) => input.insert(name.to_owned(), value),
            None => input.remove(name),
        };
        cases.push((name.to_owned(), input));
    };
    with("unheard_of", Some(json!("x")));
    for field in &entry.fields {
        let in_path = entry.declaration.path.contains(&format!("{{{}}}", field.name));
        if field.required && !in_path {
            with(&field.name, None);
        }
        if in_path {
            // The only wrong text that fits a segment: nothing but spaces.
            with(&field.name, Some(json!(" ")));
        } else if entry.declaration.method == Method::Post || wrong_in_url(field) {
            with(&field.name, Some(wrong(field)));
        }
    }
    let count = cases.len();
    for (name, input) in cases {
        let what = format!("{} {name} {input:?}", entry.name());
        let problem = refused(request(server, entry, input), 400, &what).await;
        assert_eq!(problem["code"], "invalid_input", "{what}");
        assert_eq!(problem["field"], name, "{what}");
    }
    let (http, built) = request(server, entry, good).build_split();
    let mut unknown = built.expect("a request");
    unknown.url_mut().query_pairs_mut().append_pair("unheard_of", "1");
    let unknown = reqwest::RequestBuilder::from_parts(http, unknown);
    let problem = refused(unknown, 400, entry.name()).await;
    assert_eq!(problem["field"], "unheard_of");
    count + 1
}

async fn refuses_strangers(server: &Server, entry: &'static Entry) {
    let path = path(entry, &sample(entry));
    let method: reqwest::Method = entry.declaration.method.as_str().parse().expect("a method");
    let bare = || server.http.request(method.clone(), server.url(&path));
    for (stranger, what) in [
        (bare(), "no key"),
        (bare().bearer_auth("planted-key"), "a part of the key"),
        (bare().header("x-api-key", ""), "an empty key"),
        (bare().basic_auth("user", Some(KEY)), "the key as a password"),
    ] {
        let response = stranger
            .try_clone()
            .expect("no stream")
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            response.headers()["www-authenticate"],
            "Bearer realm=\"mosaic\"",
            "{what}"
        );
        let problem = refused(stranger, 401, what).await;
        assert_eq!(problem["code"], "unauthenticated", "{what}");
    }
}

async fn refuses_other_methods(server: &Server, entry: &'static Entry) {
    let path = path(entry, &sample(entry));
    for method in [reqwest::Method::DELETE, reqwest::Method::PUT, reqwest::Method::PATCH] {
        let wrong = || server.http.request(method.clone(), server.url(&path)).bearer_auth(KEY);
        let problem = refused(wrong(), 405, entry.name()).await;
        assert_eq!(problem["code"], "method_not_allowed");
        let response = wrong().send().await.expect("an answer");
        let allow = response.headers()["allow"].to_str().expect("ASCII").to_owned();
        assert!(allow.contains(entry.declaration.method.as_str()), "{allow}");
    }
}

async fn refuses_wrong_bodies(server: &Server, entry: &'static Entry) {
    let url = server.url(&path(entry, &sample(entry)));
    let post = |media_type: &str, body: String| {
        let request = server.http.post(&url).bearer_auth(KEY);
        request.header("content-type", media_type).body(body)
    };
    let json_type = "application/json";
    let problem = refused(post(json_type, "{\n  \"a\": x}".to_owned()), 400, "bad JSON").await;
    assert_eq!(problem["field"], "body");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("line 2 column 8"), "{detail}");
    assert_eq!(
        refused(post(json_type, "[]".to_owned()), 400, "a list").await["field"],
        "body"
    );
    assert_eq!(
        refused(post(json_type, "[".repeat(9000)), 400, "depth").await["field"],
        "body"
    );
    refused(post("text/plain", "{}".to_owned()), 415, "no JSON by its type").await;
    refused(
        post("application/x-www-form-urlencoded", "a=1".to_owned()),
        415,
        "a form",
    )
    .await;
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_BODY));
    assert_eq!(
        refused(post(json_type, large), 413, "a large body").await["code"],
        "payload_too_large"
    );
}

#[tokio::test]
async fn every_operation_reaches_the_engine_and_its_bytes_come_back_untouched() {
    const ODD: &str = "{ \"spaced\" :1.0, \"u\": \"\\u00e9\" }\n";
    let server = Server::start(FakeCalls::json(ODD)).await;
    for entry in OPERATIONS.iter() {
        let sent = request(&server, entry, sample(entry)).header("x-request-id", "mine-1");
        let response = sent.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{}", entry.name());
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["x-request-id"], "mine-1");
        assert_eq!(headers["x-mosaic-provider"], "forge-a");
        assert_eq!(headers["x-mosaic-attempts"], "1");
        assert_eq!(headers["cache-status"], "MosAIc; fwd=bypass");
        assert!(!headers.contains_key("age"));
        assert_eq!(response.text().await.expect("a body"), ODD);
        let call = server.calls.seen().pop().expect("a call");
        assert_eq!(call.operation.name, entry.name());
        assert_eq!(&*call.id, "mine-1");
        assert_eq!(&*call.caller.tenant, "acme");
        assert!(!call.repeatable && !call.no_cache && !call.include_raw);
    }
}

#[tokio::test]
async fn options_travel_beside_the_input() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let before = tokio::time::Instant::now();
    let query = "provider=forge-b&include_raw=true&no_cache=true&timeout_ms=999999999";
    server.get(&format!("/v1/git/repos/acme/api?{query}")).await;
    let call = server.calls.seen().pop().expect("a call");
    assert_eq!(call.provider.as_deref(), Some("forge-b"));
    assert!(call.include_raw && call.no_cache);
    let most = Duration::from_secs(60) + support::PATIENCE;
    assert!(
        call.deadline <= before + most,
        "the configuration bounds the caller's patience"
    );
    assert_eq!(&**call.resource.native(), "acme/api");

    server.get("/v1/git/repos/forge-a~acme%2Fapi").await;
    let call = server.calls.seen().pop().expect("a call");
    assert_eq!(call.provider.as_deref(), Some("forge-a"));

    let pinned = "/v1/git/repos/forge-a~acme%2Fapi?provider=forge-b";
    let problem = refused(server.http.get(server.url(pinned)).bearer_auth(KEY), 400, "two pins").await;
    assert_eq!(problem["field"], "provider");

    let cursor = server.cursors.seal("forge-a", "git.repo.list", "page-2");
    server.get(&format!("/v1/git/repos?cursor={cursor}")).await;
    assert_eq!(
        server.calls.seen().pop().expect("a call").provider.as_deref(),
        Some("forge-a")
    );
    let other = format!("/v1/git/repos?cursor={cursor}&provider=forge-b");
    let problem = refused(server.http.get(server.url(&other)).bearer_auth(KEY), 400, "cursor").await;
    assert_eq!(problem["field"], "provider");
}

#[tokio::test]
async fn cached_answers_say_so() {
    for (cache, status, age) in [
        (CacheStatus::Miss, "MosAIc; fwd=uri-miss", None),
        (CacheStatus::Hit, "MosAIc; hit", Some("7")),
        (CacheStatus::Collapsed, "MosAIc; fwd=uri-miss; collapsed", None),
        (
            CacheStatus::Stale,
            "MosAIc; fwd=stale; detail=stale-if-error",
            Some("7"),
        ),
    ] {
        let server = Server::start(FakeCalls::new(move |_| async move {
            let mut answer = answer("forge-a", "{}");
            answer.head.cache = cache;
            answer.head.age = Duration::from_millis(7900);
            Ok(answer)
        }))
        .await;
        let response = server.get("/v1/git/repos/a/b").await;
        assert_eq!(response.headers()["cache-status"], status);
        assert_eq!(
            response.headers().get("age").map(|age| age.to_str().expect("ASCII")),
            age
        );
    }
}

#[tokio::test]
async fn every_kind_of_failure_is_a_problem_with_its_status() {
    for kind in Kind::ALL {
        let failure = Failure::new(kind, "as told").after(Duration::from_millis(2500));
        let server = Server::start(FakeCalls::failing(failure.by(&Arc::from("forge-a")))).await;
        let sent = || server.http.get(server.url("/v1/git/repos/a/b")).bearer_auth(KEY);
        let problem = refused(sent(), status_of(kind).as_u16(), kind.code()).await;
        assert_eq!(problem["code"], kind.code());
        assert_eq!(problem["retryable"], kind.retryable());
        assert_eq!(problem["retry_after_ms"], 2500);
        assert_eq!(problem["provider"], "forge-a");
        assert_eq!(sent().send().await.expect("an answer").headers()["retry-after"], "3");
    }
}

#[tokio::test]
async fn head_and_options_are_answered_and_unknown_paths_are_problems() {
    let server = Server::start(FakeCalls::json("{\"id\":1}")).await;
    let head = server.http.head(server.url("/v1/git/repos/a/b")).bearer_auth(KEY);
    let response = head.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-length"], "8");
    assert!(response.bytes().await.expect("a body").is_empty());

    let options = server
        .http
        .request(reqwest::Method::OPTIONS, server.url("/v1/projects/issues"));
    let response = options.send().await.expect("an answer");
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["allow"], "OPTIONS, GET, HEAD, POST");

    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/none",
        "/v1/git/repos/",
        "/v2/git/repos",
        "/docs/errors/none",
    ] {
        let problem = refused(server.http.get(server.url(path)).bearer_auth(KEY), 404, path).await;
        assert_eq!(problem["code"], "no_route", "{path}");
    }
    refused(
        server.http.post(server.url("/v1/operations")).bearer_auth(KEY),
        405,
        "operations",
    )
    .await;
}

#[tokio::test]
async fn the_gateway_tells_of_itself() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let operations: Value = server.get("/v1/operations").await.json().await.expect("JSON");
    assert_eq!(
        operations["operations"].as_array().expect("rows").len(),
        OPERATIONS.len()
    );
    let matrix: Value = server.get("/v1/capabilities").await.json().await.expect("JSON");
    assert_eq!(matrix["operations"]["git.repo.get"], json!(["forge-a"]));
    assert_eq!(matrix["operations"]["git.repo.list"], json!([]));
    assert_eq!(matrix["instances"][0]["instance"], "forge-a");
    for path in ["/v1/operations", "/v1/capabilities"] {
        refused(server.http.get(server.url(path)), 401, path).await;
    }

    let open = |path: &str| server.http.get(server.url(path)).send();
    let document: Value = open("/v1/openapi.json")
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let docs = open("/docs").await.expect("an answer").text().await.expect("a page");
    for entry in OPERATIONS.iter() {
        assert!(docs.contains(entry.name()), "{}", entry.name());
    }
    for kind in Kind::ALL {
        assert!(docs.contains(&format!("/docs/errors/{}", kind.code())));
        let page = open(&format!("/docs/errors/{}", kind.code())).await.expect("an answer");
        assert_eq!(page.status(), 200);
    }
    assert!(!docs.contains("<script") && !docs.contains("http://") && !docs.contains("https://"));
}

#[tokio::test]
async fn a_stream_is_events_and_ends_in_done_or_error() {
    let entry = find("ai.chat.stream").expect("declared");
    let whole = Server::start(FakeCalls::new(|_| async {
        let frames = ["{\"type\":\"delta\",\n\"text\":\"a\"}", "{\"n\":2}"];
        let frames = stream::iter(frames.map(|frame| Ok(Bytes::from_static(frame.as_bytes()))));
        Ok(streamed(BodyStream::from_stream(frames)))
    }))
    .await;
    let response = request(&whole, entry, sample(entry)).send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-mosaic-provider"], "model-a");
    assert_eq!(
        response.text().await.expect("a body"),
        "data: {\"type\":\"delta\",\ndata: \"text\":\"a\"}\n\ndata: {\"n\":2}\n\nevent: done\ndata: {}\n\n"
    );

    let broken = Server::start(FakeCalls::new(|_| async {
        let failure = Failure::new(Kind::UpstreamFailed, "the model fell silent");
        let frames = stream::iter([Ok(Bytes::from_static(b"{}")), Err(failure)]);
        Ok(streamed(BodyStream::from_stream(frames)))
    }))
    .await;
    let response = request(&broken, entry, sample(entry)).send().await.expect("an answer");
    let text = response.text().await.expect("a body");
    let error = text
        .strip_prefix("data: {}\n\nevent: error\ndata: ")
        .expect("an error event");
    let problem: Value = serde_json::from_str(error.trim_end()).expect("a problem");
    assert_eq!(problem["code"], "upstream_failed");
    assert_eq!(problem["retryable"], true);

    let cut = Server::start(FakeCalls::new(|_| async {
        let (sender, frames) = body_stream();
        drop(sender);
        Ok(streamed(frames))
    }))
    .await;
    let text = request(&cut, entry, sample(entry))
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a body");
    assert!(text.starts_with("event: error\n") && !text.contains("done"), "{text}");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_call_and_its_stream() {
    let gate = Gate::default();
    let inner = gate.clone();
    let server = Server::start(FakeCalls::new(move |call| {
        let gate = inner.clone();
        async move {
            let alive = gate.enter();
            if !call.operation.streaming {
                std::future::pending::<()>().await;
            }
            let first = stream::iter([Ok(Bytes::from_static(b"{}"))]);
            let mut frames = BodyStream::from_stream(first.chain(stream::pending()));
            frames.hold(alive);
            Ok(streamed(frames))
        }
    }))
    .await;

    let mut unary = raw::connect(server.listener.local_addr()).await;
    let head = format!("GET /v1/git/repos/a/b HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut unary, head.as_bytes())
        .await
        .expect("written");
    eventually("the call begins", || gate.alive() == 1).await;
    drop(unary);
    eventually("the call is dropped", || gate.alive() == 0).await;

    let entry = find("ai.chat.stream").expect("declared");
    let mut response = request(&server, entry, sample(entry)).send().await.expect("an answer");
    assert_eq!(
        response.chunk().await.expect("readable").expect("a frame"),
        "data: {}\n\n"
    );
    assert_eq!(gate.alive(), 1);
    drop(response);
    eventually("the stream is dropped", || gate.alive() == 0).await;
    eventually("nothing is in flight", || server.listener.in_flight() == 0).await;
}

#[tokio::test]
async fn keyed_writes_say_what_they_met() {
    let gate = Gate::default();
    let inner = gate.clone();
    let calls = FakeCalls::new(move |_| {
        let gate = inner.clone();
        async move {
            let _alive = gate.enter();
            gate.opened().await;
            Ok(answer("forge-a", "{\"id\":1}"))
        }
    });
    let server = Server::with(calls, Some(Arc::new(MemoryStore::default())), ServerLimits::default()).await;
    let entry = find("projects.issue.create").expect("declared");
    let create = || request(&server, entry, sample(entry)).header("idempotency-key", "k-1");

    let first = tokio::spawn(create().send());
    eventually("the write begins", || gate.alive() == 1).await;
    let problem = refused(create(), 409, "under way").await;
    assert_eq!(
        (&problem["code"], &problem["retryable"]),
        (&json!("conflict"), &json!(true))
    );
    assert_eq!(create().send().await.expect("an answer").headers()["retry-after"], "1");
    gate.open();
    let first = first.await.expect("no panic").expect("an answer");
    assert!(!first.headers().contains_key("idempotency-replayed"));

    let again = create().send().await.expect("an answer");
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(again.text().await.expect("a body"), first.text().await.expect("a body"));

    let mut other = sample(entry);
    other.insert("title".to_owned(), json!("another"));
    let other = request(&server, entry, other).header("idempotency-key", "k-1");
    assert_eq!(refused(other, 422, "another request").await["field"], "idempotency_key");
    let two = create().header("idempotency-key", "k-2");
    assert_eq!(refused(two, 400, "two keys").await["field"], "idempotency_key");
    assert_eq!(server.calls.seen().len(), 1);
}

/// Everything that the process logs on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_planted_key_comes_out_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = Server::start(FakeCalls::failing(Failure::new(Kind::Internal, "as told"))).await;
    let mut seen = String::new();
    for entry in OPERATIONS.iter() {
        for (name, value) in [
            ("authorization", format!("Bearer {KEY}")),
            ("x-api-key", KEY.to_owned()),
        ] {
            let wrong = format!("{value}x");
            for value in [value, wrong] {
                let url = server.url(&path(entry, &sample(entry)));
                let method: reqwest::Method = entry.declaration.method.as_str().parse().expect("a method");
                let sent = server.http.request(method, url).header(name, &value);
                let response = sent.json(&sample(entry)).send().await.expect("an answer");
                seen += &format!("{:?} {:?}", response.status(), response.headers());
                seen += &response.text().await.expect("a body");
            }
        }
    }
    for call in server.calls.seen() {
        seen += &format!("{call:?}");
    }
    seen += &format!("{:?}", server.listener);
    let logged = String::from_utf8(log.0.lock().expect("no writer panics").clone()).expect("text");
    assert!(logged.contains("mosaic::access"), "the log is the one that is written");
    for (place, text) in [("log", &logged), ("answers", &seen)] {
        assert!(!text.contains(KEY), "the key is in the {place}");
    }
}

#[test]
fn samples_are_inputs_that_their_operations_accept() {
    for entry in OPERATIONS.iter() {
        let prepared = entry.prepare(Value::Object(sample(entry)), false, &CursorKey::random());
        assert!(prepared.is_ok(), "{}", entry.name());
    }
}
