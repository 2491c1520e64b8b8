//! Bodies on their way, in both directions.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::{Body, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::harness::SOON;
use crate::harness::http::send;
use crate::place::{KEY, Place};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_piece_by_piece() {
    let place = Place::open().await;
    let reply = place
        .ask(Method::GET, "mirror", "/slowly")
        .send()
        .await
        .expect("a head");
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let mut pieces = reply.bytes_stream();
    for at in 0..3 {
        // The next one is not made before this one is here.
        let piece = pieces.next().await.expect("a piece").expect("whole");
        assert_eq!(piece, format!("data: {at}\n\n"));
        place.mirror.go.notify_one();
    }
    assert!(pieces.next().await.is_none());
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_piece_by_piece() {
    let place = Place::open().await;
    let (sender, receiver) = mpsc::channel::<&'static [u8]>(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        Some((Ok::<_, std::io::Error>(receiver.recv().await?), receiver))
    });
    let request = place
        .ask(Method::POST, "mirror", "/pieces")
        .body(Body::wrap_stream(pieces));
    let sent = tokio::spawn(request.send());
    let mut came = place.mirror.came.lock().await;
    for piece in [&b"one"[..], b"three", b"seven77"] {
        sender.send(piece).await.expect("it is read");
        // The next one is not made before this one has arrived.
        assert_eq!(came.recv().await, Some(piece.len()));
    }
    drop(sender);
    let reply = sent.await.expect("no panic").expect("an answer");
    assert_eq!(reply.status(), 201);
    assert_eq!(place.mirror.last().body, "onethreeseven77");
    drop(came);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_arrives_whole_with_its_length_and_an_empty_one_is_none() {
    let place = Place::open().await;
    let long = vec![b'x'; 3 << 20];
    let request = place.ask(Method::PUT, "mirror", "/echo").body(long.clone());
    assert_eq!(send(request, &[]).await.status, 200);
    let seen = place.mirror.last();
    assert_eq!(
        (seen.headers["content-length"].to_str().unwrap(), seen.body.len()),
        ("3145728", long.len())
    );
    let empty = stream::iter(Vec::<Result<Vec<u8>, std::io::Error>>::new());
    let request = place
        .ask(Method::POST, "mirror", "/echo")
        .body(Body::wrap_stream(empty));
    assert_eq!(send(request, &[]).await.status, 200);
    assert!(place.mirror.last().body.is_empty());
    let large = place.ask(Method::PUT, "mirror", "/echo").body(vec![b'x'; 65 << 20]);
    assert_eq!(send(large, &[]).await.refused(413), "payload_too_large");
    // Of one that does not say how large it is, the beginning was sent, and never its end.
    let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 1 << 20])).take(65);
    let large = place
        .ask(Method::PUT, "mirror", "/echo")
        .body(Body::wrap_stream(pieces));
    assert_eq!(send(large, &[]).await.refused(413), "payload_too_large");
    assert!(place.mirror.seen().iter().all(|seen| seen.body.len() <= long.len()));
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_never_whole() {
    let place = Place::open().await;
    let reply = place.ask(Method::GET, "mirror", "/cut").send().await.expect("a head");
    assert_eq!(reply.status(), 200);
    let mut pieces = reply.bytes_stream();
    assert!(pieces.next().await.expect("a piece").is_ok());
    place.mirror.go.notify_one();
    let rest: Vec<_> = pieces.collect().await;
    assert!(rest.last().expect("an end").is_err(), "it was cut");
    // Of what is short nothing was told yet: the gateway says what came of it.
    let short = place.ask(Method::POST, "mirror", "/cut-short");
    assert_eq!(send(short, &[]).await.refused(502), "upstream_failed");
    // And what the client cuts is not passed on as if it were whole.
    let pieces = stream::iter([Ok(vec![b'x'; 100_000]), Err(std::io::Error::other("cut"))]);
    let sent = place
        .ask(Method::POST, "mirror", "/pieces")
        .body(Body::wrap_stream(pieces))
        .send()
        .await;
    assert!(sent.is_err());
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_client_that_leaves_the_provider_hears() {
    let place = Place::open().await;
    // While it thinks.
    let asked = place.ask(Method::GET, "mirror", "/never").send();
    let asked = tokio::spawn(asked);
    crate::harness::soon("it was asked", async || (!place.mirror.seen().is_empty()).then_some(())).await;
    asked.abort();
    let left = timeout(SOON, place.mirror.left.notified()).await;
    left.expect("nothing is waited for that nobody wants");
    // While it speaks, faster than anybody listens.
    let reply = place
        .ask(Method::GET, "mirror", "/endless")
        .send()
        .await
        .expect("a head");
    let mut pieces = reply.bytes_stream();
    assert!(pieces.next().await.expect("a piece").is_ok());
    drop(pieces);
    let left = timeout(SOON, place.mirror.left.notified()).await;
    left.expect("nothing is said that nobody hears");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_take_longer_than_any_answer_and_a_prompt_may_not() {
    let bounds = "request_timeout = \"2s\"\nmax_request_timeout = \"2s\"";
    let place = Place::set(bounds, "").await;
    // Longer than the longest deadline of a call, and than what its end is given; but it begins at once, for its beginning is
    // waited for no longer than an answer.
    let pieces = stream::iter(0..9).then(async |at| {
        if at > 0 {
            sleep(Duration::from_secs(1)).await;
        }
        Ok::<_, std::io::Error>(vec![b'x'; 16 << 10])
    });
    let request = place
        .ask(Method::POST, "mirror", "/pieces")
        .body(Body::wrap_stream(pieces));
    let reply = request.send().await.expect("an answer");
    assert_eq!(reply.status(), 201);
    assert_eq!(place.mirror.last().body.len(), 9 * (16 << 10));
    // What is billed by tokens keeps its time, however long what is asked.
    let request = place
        .ask(Method::POST, "mirror-openai", "/images/variations")
        .body(vec![b'x'; 100_000]);
    let reply = timeout(SOON, request.send())
        .await
        .expect("it is not waited for")
        .expect("an answer");
    assert_eq!(reply.status(), 504);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for_without_end() {
    let place = Place::set("request_timeout = \"1s\"", "").await;
    // Nothing of it, a part of a short one, and a part of a long one.
    for (framing, begun, sent) in [
        ("content-length: 10", "", false),
        ("content-length: 10", "01234", false),
        ("transfer-encoding: chunked", "", false),
        ("content-length: 1000000", "01234", true),
        ("transfer-encoding: chunked", "5\r\n01234\r\n", true),
    ] {
        let before = place.mirror.seen().len();
        let mut socket = TcpStream::connect(place.gateway.public).await.expect("it listens");
        let head = format!(
            "POST /proxy/mirror/x HTTP/1.1\r\nhost: gw\r\nauthorization: Bearer {KEY}\r\n{framing}\r\n\r\n{begun}"
        );
        socket.write_all(head.as_bytes()).await.expect("it reads");
        let mut text = String::new();
        timeout(SOON, socket.read_to_string(&mut text))
            .await
            .expect("it answers and closes")
            .expect("text");
        assert!(text.starts_with("HTTP/1.1 504"), "{framing} {begun}: {text}");
        assert!(text.contains("\"code\":\"timeout\""), "{text}");
        if !sent {
            assert_eq!(place.mirror.seen().len(), before, "nothing was sent");
        }
    }
    place.close().await;
}
