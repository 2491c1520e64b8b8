//! Streamed bodies: bounded channels of frames with an explicit end.
//!
//! Invariant: a stream ends either with its summary or with a typed failure. A sender that vanishes is a failure,
//! never a clean end.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use crate::error::{Failure, Kind};

/// Frames that may wait between a driver and its caller. Small, so that a slow caller slows the provider
/// instead of filling memory.
pub const FRAMES_IN_FLIGHT: usize = 16;

enum Item {
    Frame(Bytes),
    End,
    Failed(Failure),
}

enum Frames {
    /// Fed by another task.
    Channel(mpsc::Receiver<Item>),
    /// Polled where it is read: what a driver returns, before the engine pumps it from a supervised task.
    Source(Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>),
    /// Over.
    Finished,
}

/// The receiving side: a `Stream` of frames. Dropping it cancels the work behind it.
pub struct BodyStream {
    frames: Frames,
    held: Vec<Box<dyn Any + Send>>,
}

/// The sending side. It holds the place of the stream's end from the beginning, so that an end never waits for a slow
/// reader.
pub struct FrameSender {
    frames: mpsc::Sender<Item>,
    end: mpsc::OwnedPermit<Item>,
}

/// The receiver is gone: stop working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverGone;

/// A bounded stream and its sender.
pub fn body_stream() -> (FrameSender, BodyStream) {
    let (frames, receiver) = mpsc::channel(FRAMES_IN_FLIGHT + 1);
    let end = frames
        .clone()
        .try_reserve_owned()
        .expect("a new channel has room and a receiver");
    (
        FrameSender { frames, end },
        BodyStream {
            frames: Frames::Channel(receiver),
            held: Vec::new(),
        },
    )
}

impl FrameSender {
    /// Sends one frame, waiting while the receiver is behind.
    ///
    /// # Errors
    /// [`ReceiverGone`] when nobody will read it.
    pub async fn send(&self, frame: Bytes) -> Result<(), ReceiverGone> {
        self.frames.send(Item::Frame(frame)).await.map_err(|_| ReceiverGone)
    }

    /// Ends the stream well. Never waits; whether anybody still reads makes no difference.
    pub fn end(self) {
        self.end.send(Item::End);
    }

    /// Ends the stream with a failure. Never waits; whether anybody still reads makes no difference.
    pub fn fail(self, failure: Failure) {
        self.end.send(Item::Failed(failure));
    }

    /// Resolves when the receiver is gone.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }
}

impl BodyStream {
    /// A driver's stream; its end is a clean end, its first error ends it.
    pub fn from_stream(stream: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> Self {
        BodyStream {
            frames: Frames::Source(Box::pin(stream)),
            held: Vec::new(),
        }
    }

    /// Keeps `permit` until the stream is dropped or finished: a stream holds its place in every bound it counts in.
    pub fn hold(&mut self, permit: impl Any + Send) {
        self.held.push(Box::new(permit));
    }

    fn finish(&mut self) {
        self.frames = Frames::Finished;
        self.held.clear();
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match &mut self.frames {
            Frames::Finished => return Poll::Ready(None),
            Frames::Source(stream) => stream.as_mut().poll_next(cx),
            Frames::Channel(frames) => frames.poll_recv(cx).map(|item| match item {
                Some(Item::Frame(frame)) => Some(Ok(frame)),
                Some(Item::End) => None,
                Some(Item::Failed(failure)) => Some(Err(failure)),
                None => Some(Err(Failure::new(Kind::Internal, "the stream was cut before its end"))),
            }),
        };
        if let Poll::Ready(None | Some(Err(_))) = &next {
            self.finish();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    #[tokio::test]
    async fn a_vanished_sender_is_a_failure_and_an_end_is_an_end() {
        let (sender, mut stream) = body_stream();
        sender.send(Bytes::from_static(b"1")).await.unwrap();
        drop(sender);
        assert_eq!(stream.next().await.unwrap().unwrap(), "1");
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind, Kind::Internal);
        assert!(stream.next().await.is_none());

        let (sender, mut stream) = body_stream();
        sender.end();
        assert!(stream.next().await.is_none());
    }
    #[tokio::test]
    async fn an_end_finds_its_place_behind_frames_that_nobody_reads() {
        let (sender, mut stream) = body_stream();
        for _ in 0..FRAMES_IN_FLIGHT {
            sender.send(Bytes::from_static(b"1")).await.unwrap();
        }
        sender.fail(Failure::new(Kind::Timeout, "too long"));
        for _ in 0..FRAMES_IN_FLIGHT {
            assert!(stream.next().await.unwrap().is_ok());
        }
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind, Kind::Timeout);
        assert!(stream.next().await.is_none());
    }
}
