//! Bodies on their way, in both directions.

use futures_util::{StreamExt, stream};
use reqwest::{Body, Method};
use tokio::sync::mpsc;

use crate::harness::http::send;
use crate::place::Place;

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
