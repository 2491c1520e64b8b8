//! Streamed answers, and clients that leave.

use futures_util::{StreamExt, stream};
use mosaic::catalogue::cicd::LogFollowInput;
use mosaic::catalogue::find;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, body_stream};
use serde_json::Value;

use crate::refused;
use crate::support::fake::{FakeCalls, Gate, frame, streamed};
use crate::support::operations::{request, sample};
use crate::support::{KEY, Server, eventually, raw};

#[tokio::test]
async fn a_stream_is_events_and_ends_in_done_or_error() {
    let entry = find("ai.chat.stream").expect("declared");
    let whole = Server::start(FakeCalls::new(|_| async {
        let frames = ["{\"type\":\"delta\",\n\"text\":\"a\"}", "{\"n\":2}"];
        let frames = stream::iter(frames.map(|text| Ok(frame(text))));
        Ok(streamed(BodyStream::from_items(frames)))
    }))
    .await;
    let response = request(&whole, entry, sample(entry)).send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "private, no-cache");
    assert_eq!(response.headers()["x-mosaic-provider"], "model-a");
    assert_eq!(
        response.text().await.expect("a body"),
        "id: 1\ndata: {\"type\":\"delta\",\ndata: \"text\":\"a\"}\n\nid: 2\ndata: {\"n\":2}\n\nevent: done\ndata: {}\n\n"
    );

    let broken = Server::start(FakeCalls::new(|_| async {
        let failure = Failure::new(Kind::UpstreamFailed, "the model fell silent");
        let frames = stream::iter([Ok(frame("{}")), Err(failure)]);
        Ok(streamed(BodyStream::from_items(frames)))
    }))
    .await;
    let response = request(&broken, entry, sample(entry)).send().await.expect("an answer");
    let text = response.text().await.expect("a body");
    let error = text
        .strip_prefix("id: 1\ndata: {}\n\nevent: error\ndata: ")
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
            let first = stream::iter([Ok(frame("{}"))]);
            let mut frames = BodyStream::from_items(first.chain(stream::pending()));
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
        "id: 1\ndata: {}\n\n"
    );
    assert_eq!(gate.alive(), 1);
    drop(response);
    eventually("the stream is dropped", || gate.alive() == 0).await;
    eventually("nothing is in flight", || server.listener.in_flight() == 0).await;
}

#[tokio::test]
async fn a_stream_that_can_be_gone_on_with_has_its_places_as_ids() {
    let server = Server::start(FakeCalls::new(|_| async {
        let frames = [
            "{\"type\":\"line\",\"seq\":41,\"text\":\"a\"}",
            "{\"type\":\"replaced\"}",
            "{\"type\":\"line\",\"seq\":0}",
        ];
        let frames = stream::iter(frames.map(|text| Ok(frame(text))));
        Ok(streamed(BodyStream::from_items(frames)))
    }))
    .await;
    let path = "/v1/cicd/runs/ci-a~1/log/follow";
    let text = server.get(path).await.text().await.expect("a body");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("id:")).collect();
    assert_eq!(lines, ["id: 41", "id: 0"]);
    let again = |last: &'static str, path: &str| {
        let request = server.http.get(server.url(path)).bearer_auth(KEY);
        request.header("last-event-id", last)
    };
    // Where it was is said by who comes again, whatever its URL said when it came first.
    let gone_on = again("41", &format!("{path}?after=7")).send().await.expect("an answer");
    assert_eq!(gone_on.status(), 200);
    let call = server.calls.seen().pop().expect("a call");
    let input = call.input.downcast_ref::<LogFollowInput>().expect("its input");
    assert_eq!(input.after, Some(41));
    assert_eq!(refused(again("x", path), 400, "no place").await["field"], "after");

    let entry = find("ai.chat.stream").expect("declared");
    let asked = request(&server, entry, sample(entry)).header("last-event-id", "2");
    assert_eq!(refused(asked, 400, "it begins anew").await["field"], "last-event-id");
    // It says nothing to what is no stream.
    let whole = again("2", "/v1/git/repos/a/b").send().await;
    drop(whole);
    assert_eq!(
        server.calls.seen().pop().expect("a call").operation.name,
        "git.repo.get"
    );
}
