//! Batches at providers that misbehave, and what is sent of them.
//!
//! Invariant: however the lines of results come, each is told or said to be unread, and none is held that is too long.

use std::sync::Arc;

use mosaic::providers::http::HttpClient;
use mosaic_actors::error::{Failure, Kind};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::upstream::{self, Canned, INSTANCE, Upstream, ask, connection, connection_by, driver};

const RESULTS: &str = "ai.batch.results";
const MIB: usize = 1 << 20;

fn batch() -> Value {
    json!({"batch": "b"})
}

fn one() -> Value {
    json!({"requests": [{"custom_id": "a", "chat": {"model": "m", "prompt": "Hello", "max_tokens": 9}}]})
}

/// A batch that has ended.
fn over(kind: &str) -> Canned {
    Canned::json(
        200,
        match kind {
            "anthropic" => {
                json!({"id": "b", "processing_status": "ended", "results_url": "https://elsewhere.example/"})
            }
            _ => json!({"id": "b", "status": "completed", "endpoint": "/v1/chat/completions", "output_file_id": "f"}),
        },
    )
}

/// A line of results that says this.
fn line(kind: &str, id: &str, said: &str) -> String {
    let line = match kind {
        "anthropic" => json!({"custom_id": id, "result": {"type": "succeeded",
            "message": {"model": "m", "content": [{"type": "text", "text": said}]}}}),
        _ => json!({"custom_id": id, "response": {"status_code": 200,
            "body": {"model": "m", "choices": [{"message": {"content": said}}]}}}),
    };
    format!("{line}\n")
}

/// What is told of these results.
async fn told(kind: &str, client: &HttpClient, bytes: Vec<u8>) -> (Value, Option<Failure>) {
    let lines = Canned {
        bytes: Some(bytes),
        ..Canned::text(200, "")
    };
    let provider = Upstream::answering([over(kind), lines]).await;
    let connection = connection_by(client, &provider.url);
    let call = Arc::new(upstream::call(RESULTS, batch(), false).expect("sound"));
    let driver = driver(kind, &connection).expect("connected");
    upstream::whole(driver.call(call).await.expect("it begins")).await
}

fn kinds_of(told: &Value) -> Vec<&str> {
    let told = told.as_array().expect("events").iter();
    told.map(|event| event["type"].as_str().expect("a type")).collect()
}

#[tokio::test]
async fn a_result_has_a_bound_and_those_around_it_are_told() {
    let client = HttpClient::from_env().expect("a client");
    for kind in ["anthropic", "openai"] {
        let long = line(kind, "long", &"x".repeat(MIB));
        let full = line(kind, "full", &"x".repeat(MIB - 200));
        let lines = [line(kind, "a", "Hello"), long, full, line(kind, "b", "Bye")].concat();
        let (events, failure) = told(kind, &client, lines.into_bytes()).await;
        assert!(failure.is_none(), "{kind} {failure:?}");
        assert_eq!(kinds_of(&events), ["chat", "unread", "chat", "chat", "end"], "{kind}");
        assert_eq!(events[1]["line"], 2, "{kind}");
        assert_eq!(events[4], json!({"type": "end", "results": 3, "unread": 1}), "{kind}");
    }
}

#[tokio::test]
async fn lines_of_which_nothing_is_understood_are_no_results() {
    let client = HttpClient::from_env().expect("a client");
    let page = "<html>\nSign in\n</html>\n";
    for kind in ["anthropic", "openai"] {
        for text in [page.to_owned(), "{}\n[]\n7\n".to_owned(), "\u{0}\n".repeat(9)] {
            let (_, failure) = told(kind, &client, text.into_bytes()).await;
            let failure = failure.expect("no results");
            assert_eq!(
                (failure.kind, failure.retryable, failure.provider.as_deref()),
                (Kind::UpstreamFailed, false, Some(INSTANCE)),
                "{kind} {failure:?}"
            );
        }
        // An empty file is that of nothing.
        let (events, failure) = told(kind, &client, vec![]).await;
        assert_eq!((kinds_of(&events), failure.is_none()), (vec!["end"], true), "{kind}");
    }
}

#[tokio::test]
async fn an_error_in_the_place_of_results_is_one_of_the_whole() {
    let client = HttpClient::from_env().expect("a client");
    for (kind, error) in [
        (
            "anthropic",
            json!({"type": "error", "error": {"type": "authentication_error", "message": "no"}}),
        ),
        ("openai", json!({"error": {"message": "no", "code": "invalid_api_key"}})),
    ] {
        let (events, failure) = told(kind, &client, error.to_string().into_bytes()).await;
        assert_eq!(kinds_of(&events), Vec::<&str>::new(), "{kind}");
        assert_eq!(failure.expect("it failed").kind, Kind::UpstreamAuth, "{kind}");
    }
}

#[tokio::test]
async fn an_id_of_the_providers_that_leads_elsewhere_is_no_mistake_of_the_callers() {
    for file in ["../../admin", "a/../b", "..", "."] {
        let batch_over =
            json!({"id": "b", "status": "completed", "endpoint": "/v1/chat/completions", "output_file_id": file});
        let provider = Upstream::answering([Canned::json(200, batch_over)]).await;
        let failure = ask("openai", &connection(&provider.url), RESULTS, batch()).await;
        let failure = failure.expect_err("no such file");
        assert_eq!(
            (failure.kind, failure.retryable),
            (Kind::UpstreamFailed, false),
            "{file}"
        );
        assert_eq!(provider.seen().len(), 1, "{file}");
    }
}

#[tokio::test]
async fn a_paid_order_that_may_have_been_taken_is_not_given_again() {
    for (kind, answers) in [
        ("anthropic", vec![Canned::text(502, "bad gateway")]),
        (
            "openai",
            vec![Canned::json(200, json!({"id": "file-1"})), Canned::text(504, "timeout")],
        ),
    ] {
        let asked = answers.len();
        let provider = Upstream::answering(answers).await;
        let failure = ask(kind, &connection(&provider.url), "ai.batch.create", one()).await;
        let failure = failure.expect_err("in doubt");
        assert!(!failure.unsent && !failure.unbilled, "{kind} {failure:?}");
        assert_eq!(provider.seen().len(), asked, "{kind}");
        if kind == "openai" {
            assert!(failure.message().contains("the file file-1"), "{failure}");
        }
    }
}

#[tokio::test]
async fn what_no_batch_was_made_of_may_be_asked_for_again() {
    for status in [500, 503, 401, 429] {
        let provider = Upstream::answering([Canned::text(status, "no")]).await;
        let failure = ask("openai", &connection(&provider.url), "ai.batch.create", one()).await;
        let failure = failure.expect_err("no file, no batch");
        assert!(failure.unsent && failure.unbilled, "{status} {failure:?}");
    }
}

#[tokio::test]
async fn servers_without_files_have_no_batches_either() {
    for (settings, lacks_files, lacks_batches) in [
        (r#"profile = "vllm""#, true, true),
        (r#"profile = "ollama""#, true, true),
        (r#"profile = "llama_cpp""#, true, true),
        ("files = false", true, true),
        ("batches = false", false, true),
        ("profile = \"vllm\"\nfiles = true\nbatches = true", false, false),
    ] {
        let provider = Upstream::answering([(); 4].map(|()| Canned::json(404, json!({})))).await;
        let mut connection = connection(&provider.url);
        connection.settings = toml::from_str(settings).expect("TOML");
        for (operation, input, lacks) in [
            ("ai.file.get", json!({"file": "f"}), lacks_files),
            ("ai.file.delete", json!({"file": "f"}), lacks_files),
            ("ai.file.list", json!({}), lacks_files),
            ("ai.batch.get", batch(), lacks_batches),
        ] {
            let failure = ask("openai", &connection, operation, input).await.expect_err("no such");
            let expected = if lacks { Kind::Unsupported } else { Kind::NotFound };
            assert_eq!(
                (failure.kind, failure.unsent),
                (expected, lacks),
                "{settings} {operation}"
            );
        }
        let lacking = [lacks_files, lacks_files, lacks_files, lacks_batches];
        let sent = lacking.into_iter().filter(|lacks| !lacks).count();
        assert_eq!(provider.seen().len(), sent, "{settings}");
    }
}

#[tokio::test]
async fn a31_a_batch_asks_for_the_features_of_its_requests() {
    let answer = json!({"id": "b", "processing_status": "in_progress"});
    let provider = Upstream::answering([Canned::json(200, answer)]).await;
    let mut connection = connection(&provider.url);
    connection.settings = toml::from_str(r#"betas = ["files-api-2025-04-14", "other"]"#).expect("TOML");
    let file = json!([{"role": "user", "content": [{"type": "file", "file": "file_1"}]}]);
    let chat = |more: Value| {
        let mut chat = json!({"model": "m", "max_tokens": 9});
        chat.as_object_mut()
            .expect("fields")
            .extend(more.as_object().expect("fields").clone());
        chat
    };
    let requests = json!([
        {"custom_id": "a", "chat": chat(json!({"messages": file}))},
        {"custom_id": "b", "chat": chat(json!({"prompt": "p", "extensions": {"anthropic": {"betas": ["other"]}}}))},
        {"custom_id": "c", "chat": chat(json!({"messages": file}))}]);
    ask(
        "anthropic",
        &connection,
        "ai.batch.create",
        json!({"requests": requests}),
    )
    .await
    .expect("taken");
    let seen = &provider.seen()[0];
    assert_eq!(seen.headers["anthropic-beta"], "files-api-2025-04-14,other");
}

#[tokio::test]
async fn ids_are_each_others_alone() {
    let twice = json!({"requests": [one()["requests"][0], one()["requests"][0]]});
    let provider = Upstream::answering([]).await;
    for kind in ["anthropic", "openai"] {
        let refused = ask(kind, &connection(&provider.url), "ai.batch.create", twice.clone()).await;
        let refused = refused.expect_err("the same id");
        assert_eq!(refused.field.as_deref(), Some("requests[1].custom_id"), "{kind}");
    }
    assert!(provider.seen().is_empty());
}

/// A server that answers all but the request for a batch, which it never does; and what it is asked, as it is.
async fn never_making(listed: Value) -> (String, mpsc::UnboundedReceiver<String>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (asked, asks) = mpsc::unbounded_channel();
    let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let what = format!("{} {}", request.method(), request.uri().path());
        let (asked, listed) = (asked.clone(), listed.clone());
        async move {
            asked.send(what.clone()).expect("the test listens");
            match &*what {
                "POST /batches" => std::future::pending().await,
                "GET /batches" => axum::Json(listed),
                _ => axum::Json(json!({"id": "file-1"})),
            }
        }
    });
    let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
    (url, asks, server)
}

#[tokio::test]
async fn the_file_of_a_batch_that_nobody_waits_for_goes_unless_one_was_made_of_it() {
    let of = |file: &str| json!({"data": [{"id": "b", "input_file_id": file}]});
    for (listed, goes) in [(of("file-0"), true), (json!({"data": []}), true), (of("file-1"), false)] {
        let (url, mut asks, server) = never_making(listed.clone()).await;
        let call = Arc::new(upstream::call("ai.batch.create", one(), false).expect("sound"));
        let driver = driver("openai", &connection(&url)).expect("connected");
        let creation = tokio::spawn(async move { driver.call(call).await.map(drop) });
        assert_eq!(asks.recv().await.as_deref(), Some("POST /files"));
        assert_eq!(asks.recv().await.as_deref(), Some("POST /batches"));
        creation.abort();
        assert_eq!(asks.recv().await.as_deref(), Some("GET /batches"), "{listed}");
        if goes {
            assert_eq!(asks.recv().await.as_deref(), Some("DELETE /files/file-1"), "{listed}");
        }
        server.abort();
    }
}

#[tokio::test]
async fn lines_that_are_lost_from_one_file_are_not_made_up_for_by_the_other() {
    let client = HttpClient::from_env().expect("a client");
    let failed = |id: &str| {
        let body = json!({"error": {"message": "no", "code": "server_error"}});
        format!(
            "{}\n",
            json!({"custom_id": id, "response": {"status_code": 500, "body": body}})
        )
    };
    let (well, ill) = (line("openai", "a", "Hello"), [failed("c"), failed("d")].concat());
    for (output, errors, comes) in [
        // One of the two that were done well is lost.
        (well.clone(), ill.clone(), Err("1 came of 2")),
        (
            [well.clone(), line("openai", "b", "Bye")].concat(),
            failed("c"),
            Err("3 came of 4"),
        ),
        ([well.clone(), line("openai", "b", "Bye")].concat(), ill, Ok(4)),
    ] {
        let batch = json!({"id": "b", "status": "completed", "endpoint": "/v1/chat/completions", "output_file_id": "f",
            "error_file_id": "g", "request_counts": {"total": 4, "completed": 2, "failed": 2}});
        let files = [output, errors].map(|text| Canned::text(200, &text));
        let provider = Upstream::answering([Canned::json(200, batch)].into_iter().chain(files)).await;
        let call = Arc::new(upstream::call(RESULTS, self::batch(), false).expect("sound"));
        let driver = driver("openai", &connection_by(&client, &provider.url)).expect("connected");
        let (events, failure) = upstream::whole(driver.call(call).await.expect("it begins")).await;
        match comes {
            Ok(results) => {
                assert!(failure.is_none(), "{failure:?}");
                let end = events.as_array().and_then(|events| events.last()).expect("an end");
                assert_eq!(end["results"], results);
            }
            Err(sentence) => {
                let failure = failure.expect("not all came");
                assert!(failure.message().contains(sentence), "{failure}");
            }
        }
    }
}

/// A line, or what is none.
fn any_line(kind: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}".prop_map(move |id| line(kind, &id, "Hello")),
        "[^\n]{0,40}".prop_map(|odd| format!("{odd}\n")),
        Just("{\"custom_id\": \"x\"}\n".to_owned()),
        Just("\n".to_owned()),
    ]
}

#[test]
fn whatever_lines_come_each_is_told_or_unread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let client = HttpClient::from_env().expect("a client");
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48));
    let lines = vec(any_line("openai"), 0..12);
    let outcome = runner.run(&lines, |lines| {
        let bytes = lines.concat();
        let says = bytes
            .split('\n')
            .filter(|line| !line.as_bytes().trim_ascii().is_empty())
            .count();
        let (events, failure) = runtime.block_on(told("openai", &client, bytes.into_bytes()));
        let events = events.as_array().expect("events");
        match failure {
            Some(failure) => prop_assert!(failure.kind.blames_provider(), "{:?}", failure),
            None => {
                let end = events.last().expect("an end");
                let (results, unread) = (end["results"].as_u64(), end["unread"].as_u64());
                prop_assert_eq!(results.zip(unread).map(|(some, more)| some + more), Some(says as u64));
                prop_assert_eq!(events.len(), says + 1);
            }
        }
        Ok(())
    });
    outcome.expect("whatever comes");
}
