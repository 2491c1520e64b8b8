//! Answers that their client has already, pages that go on, and what HTTP tells beside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mosaic::catalogue::OPERATIONS;
use mosaic_actors::call::{Answer, Body, BodyMark, Head};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::limit::Allowance;
use serde_json::json;

use crate::refused;
use crate::support::fake::{FakeCalls, answer};
use crate::support::operations::{request, sample};
use crate::support::{KEY, Server};

const REPO: &str = "/v1/git/repos/a/b";

#[tokio::test]
async fn an_answer_that_its_client_has_is_not_sent_again() {
    let server = Server::start(FakeCalls::json("{\"id\":\"x\"}")).await;
    let first = server.get(REPO).await;
    let tag = first.headers()["etag"].to_str().expect("ASCII").to_owned();
    assert!(tag.starts_with('"') && tag.len() == 34, "{tag}");
    let ask = |method: http::Method, name: &'static str, value: String| {
        let request = server.http.request(method, server.url(REPO)).bearer_auth(KEY);
        request.header(name, value)
    };
    let get = http::Method::GET;
    for value in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x,y\", {tag}"),
        "*".to_owned(),
    ] {
        let again = ask(get.clone(), "if-none-match", value.clone())
            .send()
            .await
            .expect("an answer");
        assert_eq!(again.status(), 304, "{value}");
        let headers = again.headers().clone();
        // What a 200 would tell, save what is of its body.
        assert_eq!(headers["etag"], *tag);
        assert_eq!(headers["cache-control"], "private, no-cache");
        assert_eq!(headers["x-mosaic-provider"], "forge-a");
        assert!(headers.contains_key("cache-status") && headers.contains_key("x-request-id"));
        assert!(!headers.contains_key("content-type"));
        assert_eq!(again.text().await.expect("nothing"), "");
    }
    let head = ask(http::Method::HEAD, "if-none-match", tag.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(head.status(), 304);
    let other = ask(get.clone(), "if-none-match", "\"other\"".to_owned())
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (other.status().as_u16(), &other.headers()["etag"]),
        (200, &first.headers()["etag"])
    );
    assert_eq!(
        ask(get.clone(), "if-match", tag.clone())
            .send()
            .await
            .expect("an answer")
            .status(),
        200
    );
    let problem = refused(ask(get.clone(), "if-match", "\"other\"".to_owned()), 412, "another one").await;
    assert_eq!(
        (&problem["code"], &problem["field"]),
        (&json!("precondition_failed"), &json!("if-match"))
    );
}

#[tokio::test]
async fn descriptions_have_tags_as_well() {
    let server = Server::start(FakeCalls::json("{}")).await;
    for path in ["/v1/openapi.json", "/docs"] {
        let ask = || server.http.get(server.url(path));
        let whole = ask().send().await.expect("an answer");
        let tag = whole.headers()["etag"].clone();
        let again = ask()
            .header("if-none-match", tag.clone())
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            (again.status().as_u16(), &again.headers()["etag"]),
            (304, &tag),
            "{path}"
        );
        assert!(again.headers().contains_key("vary"), "{path}");
        let other = ask()
            .header("if-none-match", "\"other\"")
            .send()
            .await
            .expect("an answer");
        assert_eq!(other.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn whoever_writes_is_not_answered_by_what_he_has() {
    let server = Server::start(FakeCalls::json("{}")).await;
    for entry in OPERATIONS
        .iter()
        .filter(|entry| entry.declaration.method.as_str() != "GET")
    {
        let asked = request(&server, entry, sample(entry)).header("if-match", "\"x\"");
        let problem = refused(asked, 501, entry.name()).await;
        assert_eq!(problem["field"], "if-match", "{}", entry.name());
    }
    assert!(server.calls.seen().is_empty(), "nothing was done");
}

#[tokio::test]
async fn the_tag_of_a_remembered_answer_is_made_once() {
    let mark = BodyMark::default();
    let kept = mark.clone();
    let server = Server::start(FakeCalls::new(move |_| {
        let head = Head {
            mark: Some(kept.clone()),
            ..Head::json(Arc::from("forge-a"))
        };
        let body = Body::Bytes(Bytes::from_static(b"{}"));
        async move {
            Ok(Answer {
                head,
                body,
                value: None,
            })
        }
    }))
    .await;
    let made = server.get(REPO).await.headers()["etag"].clone();
    let again = mark.get_or_make(|| panic!("it is made already"));
    assert_eq!(made, format!("\"{again:032x}\""));
    assert_eq!(server.get(REPO).await.headers()["etag"], made);
}

#[tokio::test]
async fn a_page_that_goes_on_links_to_the_next() {
    let server = Server::start(FakeCalls::json(
        "{\"items\":[{\"next_cursor\":\"no\",\"has_more\":true}],\"next_cursor\":\"c-1\",\"has_more\":true}",
    ))
    .await;
    for entry in OPERATIONS
        .iter()
        .filter(|entry| entry.declaration.facts.list && entry.declaration.input_in_query())
    {
        let response = request(&server, entry, sample(entry)).send().await.expect("an answer");
        let asked = response.url().clone();
        let link = response.headers()["link"].to_str().expect("ASCII").to_owned();
        let target = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        let next = asked.join(target.expect("a link to the next")).expect("a reference");
        assert_eq!(next.path(), asked.path(), "{}", entry.name());
        let (mut before, after): (Vec<_>, Vec<_>) = (asked.query_pairs().collect(), next.query_pairs().collect());
        before.push(("cursor".into(), "c-1".into()));
        assert_eq!(before, after, "{}", entry.name());
    }
    let last = Server::start(FakeCalls::json("{\"items\":[],\"has_more\":false}")).await;
    assert!(!last.get("/v1/git/repos").await.headers().contains_key("link"));
}

#[tokio::test]
async fn what_its_rate_leaves_a_tenant_is_told_with_every_answer() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let fails = FakeCalls::new(move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            match number {
                0 => Ok(answer("forge-a", "{}")),
                1 => Err(Failure::new(Kind::NotFound, "there is none")),
                _ => Err(Failure::new(Kind::RateLimited, "too fast").after(Duration::from_millis(2_100))),
            }
        }
    });
    let left = Allowance {
        quota: 10,
        window: Duration::from_millis(4_500),
        remaining: 7,
        reset: Duration::from_millis(1_350),
    };
    let server = Server::with_allowance(fails, left).await;
    for (status, state) in [
        (200, "\"tenant\";r=7;t=2"),
        (404, "\"tenant\";r=7;t=2"),
        // To whoever is refused: when to come again, as Retry-After has it.
        (429, "\"tenant\";r=0;t=3"),
    ] {
        let response = server.get(REPO).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["ratelimit-policy"], "\"tenant\";q=10;w=5");
        assert_eq!(response.headers()["ratelimit"], state);
        let told = response
            .headers()
            .get("retry-after")
            .map(|wait| wait.to_str().expect("ASCII"));
        assert_eq!(told, (status == 429).then_some("3"));
    }
    let unlimited = Server::start(FakeCalls::json("{}")).await;
    assert!(!unlimited.get(REPO).await.headers().contains_key("ratelimit"));
}

#[tokio::test]
async fn phases_are_told_to_whoever_asks() {
    let server = Server::start(FakeCalls::json("{}")).await;
    assert!(!server.get(REPO).await.headers().contains_key("server-timing"));
    let asked = |value: &'static str| {
        server
            .http
            .get(server.url(REPO))
            .bearer_auth(KEY)
            .header("x-mosaic-timing", value)
    };
    let timed = asked("true").send().await.expect("an answer");
    let timing = timed.headers()["server-timing"].to_str().expect("ASCII").to_owned();
    assert!(timing.starts_with("total;dur="), "{timing}");
    // The answer is as it was: only its header tells more.
    assert_eq!(timed.text().await.expect("a body"), "{}");
    assert!(server.calls.seen().pop().expect("a call").explain);
    assert_eq!(refused(asked("yes"), 400, "yes").await["field"], "x-mosaic-timing");
}

#[tokio::test]
async fn a_trace_is_gone_on_with_or_begun_anew() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let server = Server::start(FakeCalls::failing(Failure::new(Kind::NotFound, "there is none"))).await;
    let ask = |line: String| {
        server
            .http
            .get(server.url(REPO))
            .bearer_auth(KEY)
            .header("traceparent", line)
    };
    let told = ask(format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .send()
        .await
        .expect("an answer");
    let ours = told.headers()["traceparent"].to_str().expect("ASCII").to_owned();
    assert!(
        ours.starts_with(&format!("00-{TRACE}-")) && ours.ends_with("-01"),
        "{ours}"
    );
    assert!(
        !ours.contains("00f067aa0ba902b7"),
        "the span is the gateway's own: {ours}"
    );
    let problem: serde_json::Value = told.json().await.expect("a problem");
    assert_eq!(problem["trace_id"], TRACE);
    let anew = ask(format!("00-{TRACE}-xyz")).send().await.expect("an answer");
    let anew = anew.headers()["traceparent"].to_str().expect("ASCII").to_owned();
    assert!(!anew.contains(TRACE) && anew.len() == 55, "{anew}");
    let none = server.get(REPO).await;
    assert!(!none.headers().contains_key("traceparent"));
}
