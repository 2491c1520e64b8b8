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

/// The receiving side: a `Stream` of frames. Dropping it cancels the work behind it.
pub struct BodyStream {
    frames: mpsc::Receiver<Item>,
    finished: bool,
    held: Vec<Box<dyn Any + Send>>,
}

/// The sending side.
pub struct FrameSender {
    frames: mpsc::Sender<Item>,
}

/// The receiver is gone: stop working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverGone;

/// A bounded stream and its sender.
pub fn body_stream() -> (FrameSender, BodyStream) {
    let (sender, receiver) = mpsc::channel(FRAMES_IN_FLIGHT);
    (
        FrameSender { frames: sender },
        BodyStream {
            frames: receiver,
            finished: false,
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

    /// Ends the stream well.
    ///
    /// # Errors
    /// [`ReceiverGone`] when nobody will read it.
    pub async fn end(self) -> Result<(), ReceiverGone> {
        self.frames.send(Item::End).await.map_err(|_| ReceiverGone)
    }

    /// Ends the stream with a failure.
    ///
    /// # Errors
    /// [`ReceiverGone`] when nobody will read it.
    pub async fn fail(self, failure: Failure) -> Result<(), ReceiverGone> {
        self.frames.send(Item::Failed(failure)).await.map_err(|_| ReceiverGone)
    }

    /// Resolves when the receiver is gone.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }
}

impl BodyStream {
    /// Keeps `permit` until the stream is dropped or finished: a stream holds its place in every bound it counts in.
    pub fn hold(&mut self, permit: impl Any + Send) {
        self.held.push(Box::new(permit));
    }

    fn finish(&mut self) {
        self.finished = true;
        self.held.clear();
        self.frames.close();
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.finished {
            return Poll::Ready(None);
        }
        match self.frames.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Item::Frame(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Some(Item::End)) => {
                self.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Item::Failed(failure))) => {
                self.finish();
                Poll::Ready(Some(Err(failure)))
            }
            Poll::Ready(None) => {
                self.finish();
                Poll::Ready(Some(Err(Failure::new(
                    Kind::Internal,
                    "the stream was cut before its end",
                ))))
            }
        }
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
        sender.end().await.unwrap();
        assert!(stream.next().await.is_none());
    }
}
