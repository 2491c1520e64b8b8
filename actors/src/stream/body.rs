//! The two sides of a stream: a bounded channel, or a source that is polled where it is read.
//!
//! Invariant: the end has its place in the channel from the beginning, so an end never waits for a slow reader.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::account::{Account, Measured, StreamEnd, StreamTotals};
use crate::error::{Failure, Kind};

/// What a driver's source gives.
#[derive(Debug)]
pub enum Piece<T> {
    /// An item for the caller.
    Item(T),
    /// Nothing for the caller, but the provider is alive: bytes came, such as a comment. It feeds the idle clock.
    Alive,
}

enum Message<T> {
    Item(T),
    End,
    Failed(Failure),
}

type Source<T> = Pin<Box<dyn Stream<Item = Result<Piece<T>, Failure>> + Send>>;

enum Items<T> {
    /// Fed by another task.
    Channel(mpsc::Receiver<Message<T>>),
    /// Polled where it is read: what a driver returns, before the engine pumps it from a supervised task.
    Source(Source<T>),
    /// Over.
    Finished,
}

/// The receiving side: a `Stream` of items. Dropping it cancels the work behind it.
pub struct BodyStream<T: Measured> {
    items: Items<T>,
    account: Account,
}

/// The sending side.
pub struct Sender<T: Measured> {
    items: mpsc::Sender<Message<T>>,
    /// The place of the end.
    end: Option<mpsc::OwnedPermit<Message<T>>>,
    account: Account,
}

/// The receiver is gone: stop working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverGone;

/// A bounded stream and its sender.
pub fn body_stream<T: Measured>() -> (Sender<T>, BodyStream<T>) {
    let (items, receiver) = mpsc::channel(T::IN_FLIGHT + 1);
    let end = items
        .clone()
        .try_reserve_owned()
        .expect("a new channel has room and a receiver");
    let account = Account::default();
    let sender = Sender {
        items,
        end: Some(end),
        account: account.clone(),
    };
    let stream = BodyStream {
        items: Items::Channel(receiver),
        account,
    };
    (sender, stream)
}

impl<T: Measured> Sender<T> {
    /// Sends one item, waiting while the receiver is behind.
    ///
    /// # Errors
    /// [`ReceiverGone`] when nobody will read it.
    pub async fn send(&self, item: T) -> Result<(), ReceiverGone> {
        let place = self.items.reserve().await.map_err(|_| ReceiverGone)?;
        self.account.pass(&item);
        place.send(Message::Item(item));
        Ok(())
    }

    /// Ends the stream well. Never waits; whether anybody still reads makes no difference.
    pub fn end(mut self) {
        self.finish(Message::End, StreamEnd::Ended);
    }

    /// Ends the stream with a failure. Never waits; whether anybody still reads makes no difference.
    pub fn fail(mut self, failure: Failure) {
        self.finish(Message::Failed(failure.clone()), StreamEnd::Failed(failure));
    }

    /// Resolves when the receiver is gone.
    pub async fn closed(&self) {
        self.items.closed().await;
    }

    /// Whether it has ended well, before its end was sent: its reader left with all that it wanted.
    pub fn is_left(&self) -> bool {
        self.end.is_some() && self.account.is_ended()
    }

    fn finish(&mut self, message: Message<T>, end: StreamEnd) {
        if let Some(place) = self.end.take() {
            // The account first: whoever reads the end finds the stream settled.
            self.account.close(|| end);
            place.send(message);
        }
    }
}

impl<T: Measured> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.end.is_some() {
            self.account.close(|| match self.items.is_closed() {
                true => StreamEnd::Abandoned,
                false => StreamEnd::Failed(cut()),
            });
        }
    }
}

fn cut() -> Failure {
    Failure::new(Kind::Internal, "the stream was cut before its end")
}

impl<T: Measured> BodyStream<T> {
    /// A driver's stream; its end is a clean end, its first error ends it.
    pub fn from_stream(source: impl Stream<Item = Result<Piece<T>, Failure>> + Send + 'static) -> Self {
        BodyStream {
            items: Items::Source(Box::pin(source)),
            account: Account::default(),
        }
    }

    /// As [`BodyStream::from_stream`], for a source that tells nothing beside its items.
    pub fn from_items(items: impl Stream<Item = Result<T, Failure>> + Send + 'static) -> Self {
        Self::from_stream(items.map(|item| item.map(Piece::Item)))
    }

    /// Keeps `permit` until the stream has ended or is dropped: a stream holds its permit in every bound it counts in.
    pub fn hold(&mut self, permit: impl Any + Send) {
        self.account.hold(Box::new(permit));
    }

    /// Has `told` called once, with what passed and how it ended; by whichever side comes to the end first.
    pub fn on_end(&mut self, told: impl FnOnce(&StreamTotals, &StreamEnd) + Send + 'static) {
        self.account.watch(Box::new(told));
    }

    /// Ends it here, and well: its reader has all that it wants, and the work behind it is cut as for one that leaves.
    pub fn leave(self) {
        self.account.close(|| StreamEnd::Ended);
    }

    /// The next item, or a sign of life; for whoever keeps the idle clock.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece<T>, Failure>>> {
        let next = match &mut self.items {
            Items::Finished => return Poll::Ready(None),
            Items::Source(source) => {
                let next = std::task::ready!(source.as_mut().poll_next(cx));
                match &next {
                    Some(Ok(Piece::Item(item))) => self.account.pass(item),
                    Some(Ok(Piece::Alive)) => {}
                    Some(Err(failure)) => self.account.close(|| StreamEnd::Failed(failure.clone())),
                    None => self.account.close(|| StreamEnd::Ended),
                }
                next
            }
            Items::Channel(items) => match std::task::ready!(items.poll_recv(cx)) {
                Some(Message::Item(item)) => Some(Ok(Piece::Item(item))),
                Some(Message::End) => None,
                Some(Message::Failed(failure)) => Some(Err(failure)),
                None => Some(Err(cut())),
            },
        };
        if matches!(next, None | Some(Err(_))) {
            self.items = Items::Finished;
        }
        Poll::Ready(next)
    }

    /// As [`BodyStream::poll_piece`], to be awaited.
    pub async fn next_piece(&mut self) -> Option<Result<Piece<T>, Failure>> {
        std::future::poll_fn(|cx| self.poll_piece(cx)).await
    }
}

impl<T: Measured> Stream for BodyStream<T> {
    type Item = Result<T, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::task::ready!(self.poll_piece(cx)) {
                Some(Ok(Piece::Item(item))) => return Poll::Ready(Some(Ok(item))),
                Some(Ok(Piece::Alive)) => {}
                Some(Err(failure)) => return Poll::Ready(Some(Err(failure))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T: Measured> Unpin for BodyStream<T> {}

impl<T: Measured> Drop for BodyStream<T> {
    fn drop(&mut self) {
        self.account.close(|| StreamEnd::Abandoned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::sync::{Arc, Mutex};

    fn one() -> Bytes {
        Bytes::from_static(b"1")
    }

    /// Where the end of `stream` is told.
    fn watched(stream: &mut BodyStream<Bytes>) -> Arc<Mutex<Vec<(u64, String)>>> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        stream.on_end(move |totals, end| {
            let end = match end {
                StreamEnd::Failed(failure) => failure.kind.code().to_owned(),
                other => format!("{other:?}"),
            };
            tell.lock().unwrap().push((totals.events, end));
        });
        told
    }

    #[tokio::test]
    async fn a_vanished_sender_is_a_failure_and_an_end_is_an_end() {
        let (sender, mut stream) = body_stream();
        let told = watched(&mut stream);
        sender.send(one()).await.unwrap();
        drop(sender);
        assert_eq!(stream.next().await.unwrap().unwrap(), "1");
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind, Kind::Internal);
        assert!(stream.next().await.is_none());
        drop(stream);
        assert_eq!(*told.lock().unwrap(), [(1, "internal".to_owned())]);

        let (sender, mut stream) = body_stream::<Bytes>();
        let told = watched(&mut stream);
        sender.end();
        assert!(stream.next().await.is_none());
        assert_eq!(*told.lock().unwrap(), [(0, "Ended".to_owned())]);
    }

    #[tokio::test]
    async fn an_end_finds_its_place_behind_items_that_nobody_reads_and_gives_back_what_was_held() {
        let (sender, mut stream) = body_stream();
        let held = Arc::new(());
        stream.hold(held.clone());
        for _ in 0..Bytes::IN_FLIGHT {
            sender.send(one()).await.unwrap();
        }
        sender.fail(Failure::new(Kind::Timeout, "too long"));
        assert_eq!(Arc::strong_count(&held), 1);
        let told = watched(&mut stream);
        assert_eq!(*told.lock().unwrap(), [(Bytes::IN_FLIGHT as u64, "timeout".to_owned())]);
        for _ in 0..Bytes::IN_FLIGHT {
            assert!(stream.next().await.unwrap().is_ok());
        }
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind, Kind::Timeout);
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_reader_that_leaves_is_told_at_once() {
        let (sender, mut stream) = body_stream::<Bytes>();
        let told = watched(&mut stream);
        drop(stream);
        assert_eq!(*told.lock().unwrap(), [(0, "Abandoned".to_owned())]);
        assert_eq!(sender.send(one()).await, Err(ReceiverGone));
        sender.end();
        assert_eq!(told.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_reader_that_has_enough_ends_it_well() {
        let (sender, mut stream) = body_stream::<Bytes>();
        let told = watched(&mut stream);
        assert!(!sender.is_left());
        stream.leave();
        assert!(sender.is_left());
        assert_eq!(*told.lock().unwrap(), [(0, "Ended".to_owned())]);
        assert_eq!(sender.send(one()).await, Err(ReceiverGone));
    }

    #[tokio::test]
    async fn a_source_is_counted_where_it_is_read_and_signs_of_life_are_not_items() {
        let pieces = [Ok(Piece::Alive), Ok(Piece::Item(one())), Ok(Piece::Alive)];
        let mut stream = BodyStream::from_stream(futures_util::stream::iter(pieces));
        let told = watched(&mut stream);
        assert_eq!(stream.next().await.unwrap().unwrap(), "1");
        assert!(stream.next().await.is_none());
        assert_eq!(*told.lock().unwrap(), [(1, "Ended".to_owned())]);
    }
}
