//! Answers that break off, never come, or are no answers.
//!
//! Invariant: a failure says `unsent` only where no connection stood.

use std::sync::Arc;

use mosaic_actors::error::Kind;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

use crate::upstream::raw::{RawUpstream, Then};
use crate::upstream::{self, Canned, INSTANCE, Upstream, ask, connection, driver};
use crate::{any, hello, repo};

#[tokio::test]
async fn a_cursor_that_would_be_refused_is_not_handed_out() {
    for (length, passes) in [(100, true), (4000, false)] {
        let link = format!("link: </user/repos?page=2&x={}>; rel=\"next\"\r\n", "x".repeat(length));
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        let provider = RawUpstream::new(format!("{head}{link}content-length: 2\r\n\r\n[]"), Then::Close).await;
        let asked = ask("github", &connection(&provider.url), "git.repo.list", json!({})).await;
        match asked {
            Ok(page) => assert!(passes && page["next_cursor"].is_string(), "{page}"),
            Err(failure) => assert_eq!(
                (passes, failure.kind, failure.retryable, failure.provider.as_deref()),
                (false, Kind::UpstreamFailed, false, Some(INSTANCE))
            ),
        }
    }
}

#[tokio::test]
async fn a_web_page_is_no_answer_to_an_order_and_no_file() {
    let page = |status: u16| Canned::text(status, "<html>Sign in</html>").header("content-type", "text/html");
    let branch = json!({"repo": "acme/api", "branch": "x"});
    for (kind, operation, input) in [
        ("github", "git.branch.delete", branch.clone()),
        ("gitea", "git.branch.delete", branch.clone()),
        ("gitlab", "git.branch.delete", branch),
        ("github", "cicd.run.cancel", json!({"run": "acme/api#1"})),
    ] {
        let provider = Upstream::answering(vec![page(200); 4]).await;
        let failure = ask(kind, &connection(&provider.url), operation, input).await;
        let failure = failure.expect_err("nobody knows whether it was done");
        let told = (failure.kind, failure.retryable, failure.unsent);
        assert_eq!(
            told,
            (Kind::UpstreamFailed, false, false),
            "{kind} {operation}: {failure:?}"
        );
    }
    for kind in ["github", "gitea", "gitlab"] {
        let provider = Upstream::answering(vec![page(200); 4]).await;
        let file = json!({"repo": "acme/api", "path": "README.md"});
        let failure = ask(kind, &connection(&provider.url), "git.file.download", file).await;
        assert_eq!(failure.expect_err("it is no file").kind, Kind::UpstreamFailed, "{kind}");
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
            false,
        ),
        (
            format!("{head}content-length: 2\r\n\r\n[]"),
            Then::Close,
            Kind::UpstreamFailed,
            false,
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
    ];
    for (bytes, then, kind, retryable) in rows {
        let name = format!("{then:?} after {:?}", &bytes[..bytes.len().min(90)]);
        let provider = RawUpstream::new(bytes, then).await;
        let connection = connection(&provider.url);
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
    // It is held, so that nobody else begins to listen there.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let refused = format!("http://{}", closed.local_addr().expect("an address"));
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
    ];
    for (bytes, then, kind) in rows {
        let provider = RawUpstream::new(bytes, then).await;
        let connection = connection(&provider.url);
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
