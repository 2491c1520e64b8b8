//! Answers, failures, and what the gateway tells of itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mosaic::catalogue::cursor::Query;
use mosaic::catalogue::{OPERATIONS, find};
use mosaic::server::ServerLimits;
use mosaic::surfaces::problem::status_of;
use mosaic_actors::call::{Answer, Body, CacheStatus, CachedBy, Head};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, ByteStream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::refused;
use crate::support::fake::{FakeCalls, Gate, answer};
use crate::support::memory_store::MemoryStore;
use crate::support::operations::{request, sample};
use crate::support::{self, KEY, Server, eventually};

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
    assert_eq!(call.resource.instance().map(|name| &**name), Some("forge-a"));

    let pinned = "/v1/git/repos/forge-a~acme%2Fapi?provider=forge-b";
    let problem = refused(server.http.get(server.url(pinned)).bearer_auth(KEY), 400, "two pins").await;
    assert_eq!(problem["field"], "provider");

    let cursor = server
        .cursors
        .seal("forge-a", &Query::of("git.repo.list", json!({})), "page-2")
        .expect("short");
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
    let by = |tier, ttl_seconds| Some(CachedBy { tier, ttl_seconds });
    for (cache, cached_by, status, age) in [
        (CacheStatus::Miss, None, "MosAIc; fwd=uri-miss", None),
        (CacheStatus::Hit, by("l1", 22), "MosAIc-L1; hit; ttl=22", Some("7")),
        (CacheStatus::Hit, by("l2", 3), "MosAIc-L2; hit; ttl=3", Some("7")),
        (CacheStatus::Collapsed, None, "MosAIc; fwd=uri-miss; collapsed", None),
        (
            CacheStatus::Revalidated,
            None,
            "MosAIc; fwd=stale; fwd-status=304",
            None,
        ),
        (
            CacheStatus::Stale,
            by("l2", -4),
            "MosAIc-L2; fwd=stale; ttl=-4; detail=stale-if-error",
            Some("7"),
        ),
    ] {
        let server = Server::start(FakeCalls::new(move |_| async move {
            let mut answer = answer("forge-a", "{}");
            answer.head.cache = cache;
            answer.head.cached_by = cached_by;
            answer.head.age = Duration::from_millis(7900);
            Ok(answer)
        }))
        .await;
        let response = server.get("/v1/git/repos/a/b").await;
        assert_eq!(response.headers()["cache-status"], status);
        // How fresh it is our cache knows; a client's would keep what was written over in the meantime.
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
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
        assert_eq!(server.get(path).await.headers()["cache-control"], "private, no-cache");
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
        assert!(docs.contains(&format!("docs/errors/{}", kind.code())));
        let page = open(&format!("/docs/errors/{}", kind.code())).await.expect("an answer");
        assert_eq!(page.status(), 200);
    }
    // Of elsewhere it names what an input may be, and loads nothing.
    assert!(!docs.contains("src=\"http") && !docs.contains("href=\"http") && !docs.contains("url("));
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

#[tokio::test]
async fn a_failure_is_replayed_as_one_and_says_so() {
    let entry = find("projects.issue.create").expect("declared");
    for (failure, kept) in [
        (Failure::new(Kind::Conflict, "there is one"), true),
        (Failure::new(Kind::InvalidInput, "too odd"), true),
        (Failure::new(Kind::Timeout, "no answer"), true),
        (Failure::new(Kind::UpstreamAuth, "refused"), false),
    ] {
        let calls = FakeCalls::failing(failure.clone());
        let server = Server::with(calls, Some(Arc::new(MemoryStore::default())), ServerLimits::default()).await;
        let ask = async || {
            let request = request(&server, entry, sample(entry)).header("idempotency-key", "k-1");
            let reply = request.send().await.expect("an answer");
            let told = reply.headers().get("idempotency-replayed").cloned();
            let problem: Value = reply.json().await.expect("a problem");
            let facts = ["code", "status", "detail", "outcome"].map(|fact| problem[fact].clone());
            (facts, told.is_some_and(|told| told == "true"))
        };
        let (first, again) = (ask().await, ask().await);
        assert_eq!((first.0, first.1), (again.0, false), "{failure}");
        assert_eq!(again.1, kept, "{failure}");
        assert_eq!(server.calls.seen().len(), if kept { 1 } else { 2 }, "{failure}");
    }
}

#[tokio::test]
async fn bytes_go_out_as_what_they_are_and_one_that_breaks_off_cuts_the_connection() {
    let entry = find("git.file.get").expect("declared");
    let of = |length: Option<u64>, pieces: Vec<Result<&'static [u8], Failure>>| {
        FakeCalls::new(move |_| {
            let pieces = pieces.clone();
            async move {
                let bytes = pieces.into_iter().map(|piece| piece.map(Bytes::from_static));
                Ok(Answer {
                    head: Head::json(Arc::from("forge-a")),
                    body: Body::Raw(ByteStream {
                        media_type: Arc::from("application/zip"),
                        length,
                        name: Some(Arc::from("a b\"\u{e9}.zip")),
                        bytes: BodyStream::from_items(futures_util::stream::iter(bytes)),
                    }),
                    value: None,
                })
            }
        })
    };
    let raw = |pieces| of(Some(5), pieces);
    let whole = Server::start(raw(vec![Ok(b"PK\x03"), Ok(b"\xff\x00")])).await;
    let response = request(&whole, entry, sample(entry)).send().await.expect("an answer");
    let header = |name: &str| response.headers()[name].to_str().expect("ASCII").to_owned();
    assert_eq!(header("content-type"), "application/zip");
    assert_eq!(header("content-length"), "5");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename*=UTF-8''a%20b%22%C3%A9%2Ezip"
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(response.bytes().await.expect("a body"), &b"PK\x03\xff\x00"[..]);

    let broke = || Err(Failure::new(Kind::Network, "it broke"));
    // Known before anything had to be sent: there is still a status to tell it by.
    for pieces in [vec![broke()], vec![Ok(&b"PK\x03"[..]), broke()]] {
        let cut = Server::start(raw(pieces)).await;
        let problem = refused(request(&cut, entry, sample(entry)), 502, "it is cut").await;
        assert_eq!(problem["code"], "network");
    }
    // Later it is told by the body: the head is there, and the rest is not taken for the whole.
    for _ in 0..20 {
        let cut = Server::start(raw(vec![Ok(b"P"), Ok(b"K"), Ok(b"\x03"), broke()])).await;
        let response = request(&cut, entry, sample(entry)).send().await.expect("a head");
        assert_eq!(response.status(), 200);
        assert!(response.bytes().await.is_err(), "a part is not taken for the whole");
        let both = support::client_builder()
            .http2_prior_knowledge()
            .build()
            .expect("a client");
        let asked = request(&cut, entry, sample(entry)).build().expect("a request");
        let response = both.execute(asked).await.expect("a head");
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, http::Version::HTTP_2)
        );
        assert!(response.bytes().await.is_err(), "a part is not taken for the whole");
    }
    // HTTP/1.0 ends a body whose length nobody knew with its connection: only a reset tells that it broke off.
    let long: &[u8] = &[b'x'; 4096];
    let cut = Server::start(of(None, vec![Ok(long), Ok(long), Ok(long), broke()])).await;
    let asked = request(&cut, entry, sample(entry)).build().expect("a request");
    let (host, port) = (
        asked.url().host_str().expect("a host"),
        asked.url().port().expect("a port"),
    );
    let mut client = TcpStream::connect((host, port)).await.expect("it listens");
    let query = asked.url().query().map_or(String::new(), |query| format!("?{query}"));
    let head = format!(
        "GET {}{query} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {KEY}\r\n\r\n",
        asked.url().path()
    );
    client.write_all(head.as_bytes()).await.expect("it reads");
    let ended = client.read_to_end(&mut Vec::new()).await;
    assert!(ended.is_err(), "{ended:?}: a part is not taken for the whole");
}

#[tokio::test]
async fn a_head_of_a_file_reads_none_of_it_and_ends_well() {
    let entry = find("git.file.get").expect("declared");
    for length in [Some(1_u64 << 40), None] {
        let (ends, read) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (told, counted) = (ends.clone(), read.clone());
        let server = Server::start(FakeCalls::new(move |_| {
            let (told, counted) = (told.clone(), counted.clone());
            async move {
                let endless = futures_util::stream::repeat_with(move || {
                    counted.fetch_add(1, Ordering::SeqCst);
                    Ok(Bytes::from_static(&[b'x'; 4096]))
                });
                let mut bytes = BodyStream::from_items(endless);
                bytes.on_end(move |_, end| told.lock().unwrap().push(format!("{end:?}")));
                Ok(Answer {
                    head: Head::json(Arc::from("forge-a")),
                    body: Body::Raw(ByteStream {
                        media_type: Arc::from("application/zip"),
                        length,
                        name: Some(Arc::from("a.zip")),
                        bytes,
                    }),
                    value: None,
                })
            }
        }))
        .await;
        let get = request(&server, entry, sample(entry)).build().expect("a request");
        let head = server.http.head(get.url().clone()).bearer_auth(KEY);
        let response = head.send().await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"application/zip".parse().unwrap())
        );
        let told = response
            .headers()
            .get("content-length")
            .map(|text| text.to_str().unwrap().to_owned());
        assert_eq!(
            told,
            length.map(|length| length.to_string()),
            "the file's, where it is known"
        );
        assert_eq!(
            (ends.lock().unwrap().clone(), read.load(Ordering::SeqCst)),
            (vec!["Ended".to_owned()], 0)
        );
    }
}

#[tokio::test]
async fn what_is_said_to_caches_reaches_ours() {
    let server = Server::start(FakeCalls::json("{}")).await;
    for (said, no_cache, keyed) in [
        (None, false, true),
        (Some("no-cache"), true, true),
        (Some("max-age=0"), true, true),
        (Some("max-age=60"), false, true),
        (Some("no-store"), false, false),
    ] {
        let url = server.url("/v1/git/repos/acme/api");
        let request = server.http.get(url).bearer_auth(KEY);
        let request = match said {
            Some(said) => request.header("cache-control", said),
            None => request,
        };
        assert_eq!(request.send().await.expect("an answer").status(), 200);
        let call = server.calls.seen().pop().expect("a call");
        let found = (call.no_cache, call.request_key.is_some());
        assert_eq!(found, (no_cache, keyed), "{said:?}");
    }
}

#[tokio::test]
async fn what_brings_a_file_may_take_as_long_as_a_transfer_unless_its_caller_says_less() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let deadline = async |query: &str| {
        let before = tokio::time::Instant::now();
        let request = server
            .http
            .post(server.url(&format!("/v1/ai/files?purpose=batch{query}")));
        let response = request.bearer_auth(KEY).body("a file").send().await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        let call = server.calls.seen().pop().expect("a call");
        (before, call.deadline)
    };
    let (before, until) = deadline("").await;
    assert!(until >= before + support::TRANSFER);
    let (before, until) = deadline("&timeout_ms=1000").await;
    assert!(until <= before + Duration::from_secs(1) + support::PATIENCE);
}
