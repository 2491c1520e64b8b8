//! Uploads: for whom a slow one waits.
//!
//! Invariant: an instance's attempt time bounds how long it keeps an upload waiting, and never how long the upload's maker
//! takes.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use mosaic_actors::call::{Answer, Body, Call, Head};
use mosaic_actors::driver::{BoxFuture, Credential, Driver};
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::stream::{BodyStream, ByteStream, Upload};
use mosaic_actors::system::System;
use support::{Counts, Do, REPLACE, call, within};
use tokio::time::sleep;

const PIECES: usize = 5;
/// What the instance may take, as the support's instances have it.
const LIMIT: Duration = Duration::from_secs(10);

/// Takes an upload, with a pause before each piece, and one before it answers.
struct Taking {
    each: Duration,
    answer: Duration,
}

impl Driver for Taking {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            sleep(self.each).await;
            let upload = call.upload.as_ref().expect("it comes with one");
            let mut bytes = upload.take()?.bytes;
            while let Some(piece) = bytes.next().await {
                piece?;
                sleep(self.each).await;
            }
            sleep(self.answer).await;
            Ok(Answer {
                head: Head::json(Arc::from("a")),
                body: Body::Bytes(Bytes::from_static(b"1")),
                value: None,
            })
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

fn taking(each: Duration, answer: Duration) -> InstanceSpec {
    InstanceSpec {
        factory: mosaic_actors::driver::ready(move || Ok(Arc::new(Taking { each, answer }))),
        ..support::instance("a", &Arc::new(Counts::default()))
    }
}

/// An upload whose maker pauses before each piece.
fn made(pause: Duration) -> Upload {
    let pieces = futures_util::stream::iter(0..PIECES).then(move |_| async move {
        sleep(pause).await;
        Ok(Bytes::from_static(b"abc"))
    });
    Upload::once(ByteStream {
        media_type: Arc::from("text/plain"),
        length: None,
        name: None,
        bytes: BodyStream::from_items(pieces),
    })
}

/// What comes of an upload whose maker, whose taker at each piece, and whose answer take so long.
async fn upload(maker: Duration, each: Duration, answer: Duration) -> Result<Answer, Failure> {
    send(made(maker), each, answer).await
}

async fn send(upload: Upload, each: Duration, answer: Duration) -> Result<Answer, Failure> {
    let system = System::start(support::spec(vec![taking(each, answer)])).await;
    let system = system.expect("it starts");
    let mut replace = within(Duration::from_secs(600), call(&REPLACE, Do::Answer));
    replace.upload = Some(Arc::new(upload));
    system.gateway().call(replace).await
}

#[tokio::test(start_paused = true)]
async fn its_maker_may_take_as_long_as_the_call() {
    let (none, slow) = (Duration::ZERO, LIMIT * 9 / 10);
    for (maker, each, answer) in [
        (none, none, none),
        (LIMIT * 3, none, none),
        (none, slow, none),
        (LIMIT * 3, slow, none),
        (LIMIT * 3, none, slow),
    ] {
        let came = upload(maker, each, answer).await;
        assert!(came.is_ok(), "{maker:?} {each:?} {answer:?}: {came:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_reads_on_keeps_no_large_piece_waiting() {
    let bytes = Bytes::from(vec![b'a'; 1 << 20]);
    let upload = Upload::replayable(Arc::from("text/plain"), None, bytes);
    // Sixteen times in all, and never long without reading.
    let came = send(upload, LIMIT / 2, Duration::ZERO).await;
    assert!(came.is_ok(), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn its_provider_may_keep_it_waiting_for_the_time_of_an_attempt() {
    let (none, late) = (Duration::ZERO, LIMIT * 11 / 10);
    for (maker, each, answer) in [
        (none, none, late),
        (none, late, none),
        (LIMIT * 3, none, late),
        (LIMIT / 2, late, none),
    ] {
        let failure = upload(maker, each, answer).await.expect_err("it is late");
        assert_eq!(
            (failure.kind, failure.source),
            (Kind::Timeout, Source::Provider),
            "{failure}"
        );
        assert!(failure.message().contains("attempt_timeout"), "{failure}");
    }
}

/// Reads a part of an upload, or all of it, and loses its connection.
struct Breaking {
    part: bool,
}

impl Driver for Breaking {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            let upload = call.upload.as_ref().expect("it comes with one");
            let mut bytes = upload.take()?.bytes;
            while let Some(piece) = bytes.next().await {
                piece?;
                if self.part {
                    break;
                }
            }
            Err(Failure::new(Kind::Network, "the connection broke"))
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

/// What is too large for its provider ends so, and any caller can send such: it keeps nobody else from being served.
#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_while_a_file_is_sent_opens_no_circuit() {
    for (part, state) in [(true, "closed"), (false, "open")] {
        let breaking = InstanceSpec {
            factory: mosaic_actors::driver::ready(move || Ok(Arc::new(Breaking { part }))),
            ..support::instance("a", &Arc::new(Counts::default()))
        };
        let system = System::start(support::spec(vec![breaking])).await.expect("it starts");
        for _ in 0..20 {
            let mut replace = call(&REPLACE, Do::Answer);
            replace.upload = Some(Arc::new(made(Duration::ZERO)));
            system.gateway().call(replace).await.expect_err("it breaks");
        }
        assert_eq!(system.snapshot().instances[0].breaker.state, state, "{part}");
    }
}
