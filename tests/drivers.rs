//! How drivers behave when providers do not: refusals, broken answers, silence, redirects, echoes of secrets.
//!
//! Invariant: every failure names its provider and tells the caller what to do next, and none holds a secret.

mod upstream;

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use mosaic::catalogue;
use mosaic::providers::KINDS;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use upstream::raw::{RawUpstream, Then};
use upstream::{Canned, INSTANCE, TOKEN, Upstream, ask, connection, driver};

/// One refusal and what must become of it.
struct Row {
    kind: &'static str,
    answer: Canned,
    becomes: Kind,
    retryable: bool,
    /// At least this wait, in seconds, and at most ten more; none where no wait is named.
    wait: Option<u64>,
    field: Option<&'static str>,
}

fn row(kind: &'static str, answer: Canned, becomes: Kind) -> Row {
    Row {
        kind,
        answer,
        becomes,
        retryable: becomes.retryable(),
        wait: None,
        field: None,
    }
}

impl Row {
    fn wait(mut self, seconds: u64) -> Self {
        self.wait = Some(seconds);
        self
    }

    fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }
}

fn repo() -> Value {
    json!({"repo": "acme/api"})
}

fn hello() -> Value {
    json!({"model": "m", "prompt": "Hello"})
}

/// A cheap request of each kind of provider.
async fn any(kind: &str, url: &str) -> Result<Value, Failure> {
    match kind {
        "gitea" | "github" => ask(kind, &connection(url), "git.repo.get", repo()).await,
        _ => ask(kind, &connection(url), "ai.chat.complete", hello()).await,
    }
}

fn github_refusals() -> Vec<Row> {
    let github =
        |status, message: &str, becomes| row("github", Canned::json(status, json!({"message": message})), becomes);
    let header = |mut row: Row, name, value: &str| {
        row.answer = row.answer.header(name, value);
        row
    };
    let reset = (jiff::Timestamp::now().as_second() + 120).to_string();
    let quota = header(
        github(403, "API rate limit exceeded", Kind::UpstreamRateLimited),
        "x-ratelimit-remaining",
        "0",
    );
    let invalid = |errors: Value| {
        row(
            "github",
            Canned::json(422, json!({"message": "m", "errors": errors})),
            Kind::InvalidInput,
        )
    };
    vec![
        github(401, "Bad credentials", Kind::UpstreamAuth),
        github(403, "Resource not accessible", Kind::Forbidden),
        header(
            github(403, "Must have admin rights", Kind::Forbidden),
            "x-ratelimit-remaining",
            "4999",
        ),
        header(quota, "x-ratelimit-reset", &reset).wait(110),
        header(
            github(403, "limit", Kind::UpstreamRateLimited),
            "x-ratelimit-remaining",
            "0",
        )
        .wait(60),
        github(
            403,
            "You have exceeded a secondary rate limit.",
            Kind::UpstreamRateLimited,
        )
        .wait(60),
        header(github(403, "abuse", Kind::UpstreamRateLimited), "retry-after", "30").wait(30),
        header(github(429, "slow down", Kind::UpstreamRateLimited), "retry-after", "7").wait(7),
        github(429, "slow down", Kind::UpstreamRateLimited).wait(60),
        github(404, "Not Found", Kind::NotFound),
        github(409, "Git Repository is empty.", Kind::Conflict),
        github(410, "Issues are disabled for this repo", Kind::NotFound),
        github(412, "changed", Kind::PreconditionFailed),
        github(400, "Problems parsing JSON", Kind::InvalidInput),
        github(451, "Repository access blocked", Kind::InvalidInput),
        invalid(json!([{"resource": "Issue", "field": "title", "code": "missing_field"}])).field("title"),
        invalid(json!([{"code": "custom"}, {"field": "labels", "code": "invalid", "value": ["x"]}])).field("labels"),
        invalid(json!(["a sentence"])),
        invalid(json!([{"field": "unheard_of", "code": "invalid"}])),
        row("github", Canned::text(502, "<html>"), Kind::UpstreamFailed),
        row("github", Canned::text(500, ""), Kind::UpstreamFailed),
        row(
            "github",
            Canned::text(503, "").header("retry-after", "5"),
            Kind::UpstreamFailed,
        )
        .wait(5),
        row("github", Canned::text(304, ""), Kind::UpstreamFailed).retryable(false),
        row("github", Canned::text(204, ""), Kind::UpstreamFailed),
    ]
}

fn gitea_refusals() -> Vec<Row> {
    let gitea = |status, becomes| {
        let error = json!({"message": "m", "url": "https://git.example.com/api/swagger"});
        row("gitea", Canned::json(status, error), becomes)
    };
    vec![
        gitea(401, Kind::UpstreamAuth),
        gitea(403, Kind::Forbidden),
        gitea(404, Kind::NotFound),
        row("gitea", Canned::text(409, ""), Kind::Conflict),
        gitea(412, Kind::PreconditionFailed),
        gitea(422, Kind::InvalidInput),
        gitea(423, Kind::Conflict),
        // It has no limit of its own: a proxy's, and its words.
        row(
            "gitea",
            Canned::text(429, "<html>").header("retry-after", "9"),
            Kind::UpstreamRateLimited,
        )
        .wait(9),
        row("gitea", Canned::text(429, "<html>"), Kind::UpstreamRateLimited),
        gitea(500, Kind::UpstreamFailed),
        row("gitea", Canned::text(502, "<html>"), Kind::UpstreamFailed),
        row("gitea", Canned::json(200, json!({"name": "api"})), Kind::UpstreamFailed),
    ]
}

fn openai_refusals() -> Vec<Row> {
    let openai = |status, code: &str, param: Value, becomes| {
        let error = json!({"error": {"message": "m", "type": "t", "param": param, "code": code}});
        row("openai", Canned::json(status, error), becomes)
    };
    let header = |mut row: Row, name, value| {
        row.answer = row.answer.header(name, value);
        row
    };
    let busy = || openai(429, "rate_limit_exceeded", Value::Null, Kind::UpstreamRateLimited);
    let used_up = header(
        header(busy(), "x-ratelimit-remaining-requests", "0"),
        "x-ratelimit-reset-requests",
        "6m0s",
    );
    let left = header(
        header(busy(), "x-ratelimit-remaining-tokens", "12"),
        "x-ratelimit-reset-tokens",
        "6m0s",
    );
    vec![
        openai(401, "invalid_api_key", Value::Null, Kind::UpstreamAuth),
        openai(403, "unsupported_country", Value::Null, Kind::Forbidden),
        openai(404, "model_not_found", Value::Null, Kind::NotFound).field("model"),
        openai(400, "x", json!("messages[0].content"), Kind::InvalidInput).field("messages"),
        openai(400, "x", json!("max_completion_tokens"), Kind::InvalidInput).field("max_tokens"),
        openai(400, "x", json!("unheard_of"), Kind::InvalidInput),
        openai(429, "insufficient_quota", Value::Null, Kind::UpstreamRateLimited).retryable(false),
        busy(),
        header(busy(), "retry-after", "20").wait(20),
        header(header(busy(), "retry-after", "20"), "retry-after-ms", "3000").wait(3),
        used_up.wait(360),
        left,
        header(
            openai(500, "x", Value::Null, Kind::UpstreamFailed),
            "x-should-retry",
            "false",
        )
        .retryable(false),
        header(openai(409, "x", Value::Null, Kind::Conflict), "x-should-retry", "true").retryable(true),
        row(
            "openai",
            Canned::text(503, "upstream connect error"),
            Kind::UpstreamFailed,
        ),
        row(
            "openai",
            Canned::json(400, json!({"error": {"code": 7}})),
            Kind::InvalidInput,
        ),
        row(
            "openai",
            Canned::json(400, json!({"error": "text"})),
            Kind::InvalidInput,
        ),
        row(
            "openai",
            Canned::json(200, json!({"id": "c", "model": "m", "choices": []})),
            Kind::UpstreamFailed,
        ),
    ]
}

#[tokio::test]
async fn refusals_become_failures() {
    let forges = github_refusals().into_iter().chain(gitea_refusals());
    let rows: Vec<Row> = forges.chain(openai_refusals()).collect();
    assert_eq!(rows.len(), 54);
    for row in rows {
        let name = format!("{} {:?}", row.kind, row.answer);
        let provider = Upstream::answering([row.answer]).await;
        let failure = any(row.kind, &provider.url).await.expect_err(&name);
        assert_eq!(failure.kind, row.becomes, "{name}");
        assert_eq!(failure.retryable, row.retryable, "{name}");
        assert_eq!(failure.field.as_deref(), row.field, "{name}");
        assert_eq!(failure.provider.as_deref(), Some(INSTANCE), "{name}");
        assert!(!failure.unsent, "{name}");
        let wait = failure.retry_after.map(|wait| wait.as_secs());
        match row.wait {
            Some(least) => assert!(
                wait.is_some_and(|wait| (least..=least + 10).contains(&wait)),
                "{name}: {wait:?}"
            ),
            None => assert_eq!(wait, None, "{name}"),
        }
    }
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let large = "x".repeat(5 << 20);
    let rows = [
        (
            format!("{head}content-length: 100\r\n\r\n{{\"id\":"),
            Then::Close,
            Kind::UpstreamFailed,
            true,
        ),
        (
            format!("{head}transfer-encoding: chunked\r\n\r\n5\r\n{{\"id\"\r\n"),
            Then::Close,
            Kind::UpstreamFailed,
            true,
        ),
        (
            format!("{head}content-length: 6\r\n\r\n{{\"id\":"),
            Then::Close,
            Kind::UpstreamFailed,
            true,
        ),
        (
            format!("{head}content-length: 2\r\n\r\n[]"),
            Then::Close,
            Kind::UpstreamFailed,
            true,
        ),
        (
            format!("{head}content-length: 9999999999\r\n\r\n"),
            Then::Close,
            Kind::UpstreamFailed,
            false,
        ),
        (format!("{head}\r\n{large}"), Then::Close, Kind::UpstreamFailed, false),
        ("SMTP ready\r\n\r\n".to_owned(), Then::Close, Kind::UpstreamFailed, true),
        (
            format!("{head}content-length: 100\r\n\r\n{{\"id\":"),
            Then::Reset,
            Kind::Network,
            true,
        ),
        (String::new(), Then::Close, Kind::Network, true),
        (String::new(), Then::Reset, Kind::Network, true),
        (String::new(), Then::Hang, Kind::Timeout, true),
        (
            format!("{head}content-length: 100\r\n\r\n{{\"id\":"),
            Then::Hang,
            Kind::Timeout,
            true,
        ),
    ];
    for (bytes, then, kind, retryable) in rows {
        let name = format!("{then:?} after {:?}", &bytes[..bytes.len().min(90)]);
        let provider = RawUpstream::new(bytes, then).await;
        let mut connection = connection(&provider.url);
        if matches!(then, Then::Hang) {
            connection.attempt_timeout = Duration::from_millis(200);
        }
        let failure = ask("github", &connection, "git.repo.get", repo())
            .await
            .expect_err(&name);
        assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{name}");
        assert!(!failure.unsent, "{name}");
        assert_eq!(failure.provider.as_deref(), Some(INSTANCE), "{name}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let refused = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    // A name that the standards keep from ever being given away.
    for url in [refused, "http://nowhere.invalid".to_owned()] {
        let failure = any("github", &url).await.expect_err(&url);
        assert_eq!((failure.kind, failure.unsent), (Kind::Network, true), "{url}");
    }
}

#[tokio::test]
async fn a_failed_handshake_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move { listener.accept().await.map(drop) });
    let failure = any("github", &url).await.expect_err("no TLS there");
    assert_eq!((failure.kind, failure.unsent), (Kind::Network, true));
    server.await.expect("no panic").expect("a connection");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_in_a_failure() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    let event = "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    let rows = [
        (
            format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}"),
            Then::Close,
            Kind::UpstreamFailed,
        ),
        (
            format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"),
            Then::Close,
            Kind::UpstreamFailed,
        ),
        (format!("{head}\r\n{event}"), Then::Close, Kind::UpstreamFailed),
        (
            format!("{head}\r\n{event}data: {}\n", "x".repeat(2 << 20)),
            Then::Close,
            Kind::UpstreamFailed,
        ),
        (
            format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}"),
            Then::Hang,
            Kind::Timeout,
        ),
    ];
    for (bytes, then, kind) in rows {
        let provider = RawUpstream::new(bytes, then).await;
        let mut connection = connection(&provider.url);
        connection.attempt_timeout = Duration::from_millis(500);
        let call = upstream::call("ai.chat.stream", hello(), false).expect("a sound input");
        let answer = driver("openai", &connection)
            .expect("connected")
            .call(Arc::new(call))
            .await;
        let (events, failure) = upstream::whole(answer.expect("accepted")).await;
        assert_eq!(events.as_array().expect("a list").len(), 2, "{then:?}");
        let failure = failure.expect("no clean end");
        assert_eq!(failure.kind, kind, "{then:?}");
        assert_eq!(failure.provider.as_deref(), Some(INSTANCE));
    }
}

#[tokio::test]
async fn a_dropped_call_ends_its_connection() {
    let provider = RawUpstream::new("", Then::Hang).await;
    let call = upstream::call("git.repo.get", repo(), false).expect("a sound input");
    let asking = driver("github", &connection(&provider.url))
        .expect("connected")
        .call(Arc::new(call));
    tokio::select! {
        _ = asking => panic!("nothing was answered"),
        () = provider.asked() => {}
    }
    provider.over().await;
}

#[tokio::test]
async fn a_dropped_stream_ends_its_connection() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let provider = RawUpstream::new(head, Then::Hang).await;
    let call = upstream::call("ai.chat.stream", hello(), false).expect("a sound input");
    let asking = driver("openai", &connection(&provider.url))
        .expect("connected")
        .call(Arc::new(call));
    drop(asking.await.expect("accepted"));
    provider.over().await;
}

#[tokio::test]
async fn secrets_in_an_answer_reach_no_failure() {
    let planted = "sk-planted-5551212";
    let echo = |status: u16, kind: &str| {
        let text = format!("bad key {TOKEN} {planted}");
        let body = match kind {
            "gitea" => json!({"message": text, "url": text}),
            "github" => json!({"message": text, "documentation_url": text,
                "errors": [{"field": text, "code": text, "value": text, "message": text}]}),
            _ => json!({"error": {"message": text, "type": text, "param": text, "code": text}}),
        };
        Canned::json(status, body).header("x-request-id", planted)
    };
    let mut checked = 0;
    for kind in ["gitea", "github", "openai"] {
        for status in [200, 301, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503] {
            let provider =
                Upstream::answering([echo(status, kind).header("location", &format!("http://{planted}/"))]).await;
            let failure = any(kind, &provider.url).await.expect_err("refused");
            assert_silent(&failure, &[TOKEN, planted]);
            checked += 1;
        }
    }
    assert_eq!(checked, 36);
}

#[tokio::test]
async fn secrets_in_a_request_reach_no_failure() {
    // The query and the path hold what the input held; the client's own errors quote them.
    let provider = RawUpstream::new("", Then::Reset).await;
    let input = json!({"repo": "acme/5551212", "path": "5551212", "ref": "5551212"});
    let failure = ask("github", &connection(&provider.url), "git.file.get", input)
        .await
        .expect_err("reset");
    assert_silent(&failure, &[TOKEN, "5551212"]);
}

/// Looks at all that a failure can show, its causes included.
fn assert_silent(failure: &Failure, secrets: &[&str]) {
    let mut shown = format!("{failure:?} {failure} {}", upstream::failure_json(failure));
    let mut cause = Error::source(failure);
    while let Some(error) = cause {
        shown += &format!(" {error:?} {error}");
        cause = error.source();
    }
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_redirect_takes_the_credential_nowhere_else() {
    let elsewhere = Upstream::answering([]).await;
    let there = format!("{}/repos/acme/api", elsewhere.url);
    let provider = Upstream::answering([Canned::text(301, "").header("location", &there)]).await;
    let failure = any("github", &provider.url).await.expect_err("not followed");
    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_followed_once() {
    let round = Canned::text(307, "").header("location", "/repos/acme/api");
    let provider = Upstream::answering([round.clone(), round.clone(), round]).await;
    let failure = any("github", &provider.url).await.expect_err("a loop");
    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false));
    assert_eq!(provider.seen().len(), 2);
}

#[tokio::test]
async fn a_sub_path_is_kept() {
    let provider = Upstream::answering([Canned::json(404, json!({}))]).await;
    let below = format!("{}/api/v3/", provider.url);
    any("github", &below).await.expect_err("not found");
    assert_eq!(provider.seen()[0].path, "/api/v3/repos/acme/api");
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let rows = [
        (
            "github",
            "git.repo.get",
            json!({"repo": "acme"}),
            Kind::InvalidInput,
            "repo",
        ),
        (
            "github",
            "git.branch.list",
            json!({"repo": "acme/../api"}),
            Kind::InvalidInput,
            "repo",
        ),
        (
            "github",
            "git.repo.list",
            json!({"owner": "acme/api"}),
            Kind::InvalidInput,
            "owner",
        ),
        (
            "github",
            "projects.issue.get",
            json!({"issue": "acme/api"}),
            Kind::InvalidInput,
            "issue",
        ),
        (
            "github",
            "projects.issue.list",
            json!({"project": "a"}),
            Kind::InvalidInput,
            "project",
        ),
        (
            "github",
            "projects.issue.list",
            json!({"project": "a/b", "labels": ["x,y"]}),
            Kind::Unsupported,
            "labels",
        ),
        (
            "gitea",
            "git.repo.get",
            json!({"repo": "acme"}),
            Kind::InvalidInput,
            "repo",
        ),
        (
            "gitea",
            "projects.issue.get",
            json!({"issue": "acme/api#x"}),
            Kind::InvalidInput,
            "issue",
        ),
        (
            "gitea",
            "projects.issue.create",
            json!({"project": "a", "title": "t", "labels": ["bug"]}),
            Kind::InvalidInput,
            "project",
        ),
        (
            "gitea",
            "projects.issue.list",
            json!({"project": "a/b", "labels": ["x,y"]}),
            Kind::Unsupported,
            "labels",
        ),
        (
            "openai",
            "ai.models.list",
            json!({"limit": 1}),
            Kind::Unsupported,
            "limit",
        ),
    ];
    for (kind, operation, input, becomes, field) in rows {
        let provider = Upstream::answering([]).await;
        let failure = ask(kind, &connection(&provider.url), operation, input)
            .await
            .expect_err(operation);
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (becomes, Some(field)),
            "{operation}"
        );
        assert!(failure.unsent, "{operation}");
        assert!(provider.seen().is_empty(), "{operation}");
    }
    let failure = ask("openai", &connection("http://localhost:1"), "git.repo.get", repo())
        .await
        .expect_err("not there");
    assert_eq!((failure.kind, failure.unsent), (Kind::Unsupported, true));
}

#[tokio::test]
async fn settings_are_sent_or_refused_by_name() {
    let with = |url: &str, settings: &str| {
        let mut connection = connection(url);
        connection.settings = toml::from_str(settings).expect("TOML");
        connection
    };
    for (kind, settings, field) in [
        ("github", "colour = 1", "settings.colour"),
        ("github", "api_version = \"new\"", "settings.api_version"),
        ("github", "api_version = 2022", "settings.api_version"),
        ("gitea", "api_version = \"1\"", "settings.api_version"),
        ("openai", "projekt = \"p\"", "settings.projekt"),
        ("openai", "project = \"line\\nbreak\"", "settings.project"),
    ] {
        let failure = driver(kind, &with("http://localhost:1", settings))
            .err()
            .expect(settings);
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::InvalidInput, Some(field))
        );
    }
    let provider = Upstream::answering([Canned::text(500, ""), Canned::text(500, "")]).await;
    let github = with(&provider.url, "api_version = \"2026-03-10\"");
    ask("github", &github, "git.repo.get", repo()).await.expect_err("500");
    let openai = with(&provider.url, "organization = \"org-1\"\nproject = \"p-1\"");
    ask("openai", &openai, "ai.chat.complete", hello())
        .await
        .expect_err("500");
    let seen = provider.seen();
    assert_eq!(seen[0].headers["x-github-api-version"], "2026-03-10");
    assert_eq!(seen[1].headers["openai-organization"], "org-1");
    assert_eq!(seen[1].headers["openai-project"], "p-1");
}

#[tokio::test]
async fn without_a_credential_none_is_sent() {
    let provider = Upstream::answering([Canned::text(404, "")]).await;
    let mut connection = connection(&provider.url);
    connection.credential = None;
    ask("github", &connection, "git.repo.get", repo())
        .await
        .expect_err("404");
    assert!(!provider.seen()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn health_asks_something_cheap() {
    for (kind, status, path, failure) in [
        ("github", 200, "/rate_limit", None),
        // A server without limits: well.
        ("github", 404, "/rate_limit", None),
        ("github", 401, "/rate_limit", Some(Kind::UpstreamAuth)),
        ("gitea", 200, "/user", None),
        // A token that may not see its own user: good all the same.
        ("gitea", 403, "/user", None),
        ("gitea", 401, "/user", Some(Kind::UpstreamAuth)),
        ("openai", 200, "/models", None),
        ("openai", 500, "/models", Some(Kind::UpstreamFailed)),
    ] {
        let provider = Upstream::answering([Canned::json(status, json!({}))]).await;
        let outcome = driver(kind, &connection(&provider.url))
            .expect("connected")
            .health()
            .await;
        assert_eq!(outcome.err().map(|failure| failure.kind), failure, "{kind} {status}");
        assert_eq!(provider.seen()[0].path, path);
    }
}

#[tokio::test]
async fn the_provider_s_request_id_is_passed_on() {
    let body = json!({"id": "c", "model": "m", "choices": [{"message": {"content": "a"}}]});
    let provider = Upstream::answering([Canned::json(200, body).header("x-request-id", "req-7")]).await;
    let call = upstream::call("ai.chat.complete", hello(), false).expect("a sound input");
    let answer = driver("openai", &connection(&provider.url))
        .expect("connected")
        .call(Arc::new(call))
        .await;
    let head = answer.expect("answered").head;
    assert_eq!(head.upstream_request_id.as_deref(), Some("req-7"));
    assert_eq!(&*head.provider, INSTANCE);
}

#[test]
fn every_kind_does_what_it_says_and_only_what_the_catalogue_knows() {
    let mut names = BTreeSet::new();
    for kind in KINDS {
        assert!(names.insert(kind.name), "{} twice", kind.name);
        let driver = driver(kind.name, &connection("http://localhost:1")).expect(kind.name);
        let operations = (kind.operations)();
        assert_eq!(driver.capabilities().names(), operations);
        let known = operations
            .iter()
            .map(|name| catalogue::find(name).unwrap_or_else(|| panic!("{name}")));
        let services: BTreeSet<_> = known.map(|entry| entry.declaration.facts.service).collect();
        assert_eq!(services, kind.services.iter().copied().collect(), "{}", kind.name);
    }
}

#[tokio::test]
async fn without_a_token_gitea_is_asked_for_its_version_and_without_a_place_nothing_is() {
    let provider = Upstream::answering([Canned::json(200, json!({"version": "1.26.1"}))]).await;
    let mut connection = connection(&provider.url);
    connection.credential = None;
    let health = driver("gitea", &connection).expect("connected").health().await;
    assert!(health.is_ok(), "{health:?}");
    assert_eq!(provider.seen()[0].path, "/version");
    connection.base_url = None;
    let failure = driver("gitea", &connection).err().expect("no place");
    assert_eq!(failure.field.as_deref(), Some("base_url"));
}

#[tokio::test]
async fn what_fails_before_a_new_issue_is_written_may_be_repeated() {
    let input = json!({"project": "acme/api", "title": "t", "labels": ["bug"]});
    let create = async |answers: Vec<Canned>| {
        let provider = Upstream::answering(answers).await;
        let outcome = ask(
            "gitea",
            &connection(&provider.url),
            "projects.issue.create",
            input.clone(),
        )
        .await;
        let failure = outcome.expect_err("refused");
        assert_eq!(failure.provider.as_deref(), Some(INSTANCE));
        (failure.kind, failure.unsent)
    };
    let labels = || Canned::json(200, json!([{"id": 1, "name": "bug"}])).header("x-total-count", "1");
    assert_eq!(create(vec![Canned::text(503, "")]).await, (Kind::UpstreamFailed, true));
    assert_eq!(
        create(vec![labels(), Canned::text(503, "")]).await,
        (Kind::UpstreamFailed, false)
    );
}
