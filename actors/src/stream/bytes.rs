//! Bytes as bodies: what is downloaded, and what comes with an input.
//!
//! Invariant: a body of bytes is never held whole by the engine. An upload that was taken is not there any more, unless
//! its maker can begin anew; so a call is sent at most as often as its input can be read. An upload that is empty, or of
//! another length than it said, ends in a failure and never cleanly.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;

use super::body::BodyStream;
use crate::error::{Failure, Kind};

/// A stream of bytes with its media type.
pub struct ByteStream {
    /// The media type, e.g. `application/zip`.
    pub media_type: Arc<str>,
    /// Bytes in all, where that is known.
    pub length: Option<u64>,
    /// The file's name, where it has one.
    pub name: Option<Arc<str>>,
    /// The bytes.
    pub bytes: BodyStream<Bytes>,
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream")
            .field("media_type", &self.media_type)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Begins an upload's bytes anew.
type Again = Arc<dyn Fn() -> BodyStream<Bytes> + Send + Sync>;

enum Source {
    Once(Option<BodyStream<Bytes>>),
    Again(Again),
}

/// The most bytes of an upload that are given to its reader at once.
const PIECE: usize = 64 << 10;

/// The field that an upload's failures name.
pub const UPLOAD_FIELD: &str = "body";

/// Bytes that come with a call's input.
pub struct Upload {
    /// The media type.
    pub media_type: Arc<str>,
    /// Bytes in all, where that is known.
    pub length: Option<u64>,
    /// The file's name, where it has one.
    pub name: Option<Arc<str>>,
    source: Mutex<Source>,
    progress: Arc<Progress>,
    place: Mutex<Option<Place>>,
}

/// What an attempt occupies while bytes of its upload are on their way, also when the attempt is over.
pub type Place = Arc<dyn Any + Send + Sync>;

/// How the reading of an upload goes.
#[derive(Default)]
struct Progress {
    /// Whoever reads it waits for its maker.
    waiting: AtomicBool,
    /// When it last went on, or was taken.
    moved: Mutex<Option<Instant>>,
    /// Whether it was read to its end; see [`Progress::end`].
    end: AtomicU8,
    failure: OnceLock<Failure>,
}

/// The end is yet to come.
const OPEN: u8 = 0;
/// It was given to whoever reads.
const WHOLE: u8 = 1;
/// It will be given to nobody.
const CUT: u8 = 2;

impl Progress {
    /// Decides once what becomes of the end: whoever sends it and whoever cuts it off may come at the same time.
    fn end(&self, now: u8) -> bool {
        self.end
            .compare_exchange(OPEN, now, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// A piece of it went on, or whoever reads it waits for its maker now.
    fn went_on(&self, waiting: bool) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// Held for one copy.
    fn moved(&self) -> Option<Instant> {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// An upload that can be read once: the call has one attempt that reads it.
    pub fn once(stream: ByteStream) -> Self {
        Upload {
            media_type: stream.media_type,
            length: stream.length,
            name: stream.name,
            source: Mutex::new(Source::Once(Some(stream.bytes))),
            progress: Arc::default(),
            place: Mutex::default(),
        }
    }

    /// An upload that is held in memory and can be read as often as need be.
    pub fn replayable(media_type: Arc<str>, name: Option<Arc<str>>, bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        let again: Again = Arc::new(move || {
            let bytes = bytes.clone();
            BodyStream::from_items(futures_util::stream::once(async move { Ok(bytes) }))
        });
        Upload {
            media_type,
            length: Some(length),
            name,
            source: Mutex::new(Source::Again(again)),
            progress: Arc::default(),
            place: Mutex::default(),
        }
    }

    /// The same under this name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether it can be read (again).
    pub fn is_there(&self) -> bool {
        !matches!(*self.source(), Source::Once(None))
    }

    /// Whether whoever reads it waits for its maker, and not the other way round.
    pub fn is_waiting(&self) -> bool {
        self.progress.waiting.load(Ordering::Relaxed)
    }

    /// Since when its provider is waited for, be it to take more or to answer; `None`: it waits itself, for the maker. An
    /// upload that was not taken yet is waited for since `asked`.
    pub fn provider_waited_for_since(&self, asked: Instant) -> Option<Instant> {
        (!self.is_waiting()).then(|| self.progress.moved().map_or(asked, |moved| moved.max(asked)))
    }

    /// Whether it was read to its end, the last time that it was taken.
    pub fn is_through(&self) -> bool {
        self.progress.end.load(Ordering::Acquire) == WHOLE
    }

    /// Cuts it off, unless its end was given to whoever reads it. If so, nobody has had all of it and nobody will.
    pub fn cut(&self) -> bool {
        self.progress.end(CUT) || self.progress.end.load(Ordering::Acquire) == CUT
    }

    /// Why it could not be read to its end. Whoever was sending it is told nothing but that its body broke off.
    pub fn failure(&self) -> Option<&Failure> {
        self.progress.failure.get()
    }

    /// The attempt that sends it has this place.
    pub(crate) fn occupies(&self, place: Option<Place>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// The place of the attempt that sends it. Whoever gives the bytes to a connection that may outlive the attempt keeps
    /// it for as long: a provider that takes nothing more is sent no more than it has places.
    pub fn place(&self) -> Option<Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the bytes, to send them.
    ///
    /// # Errors
    /// `internal` where they were taken before and cannot be read again.
    pub fn take(&self) -> Result<ByteStream, Failure> {
        let bytes = match &mut *self.source() {
            Source::Once(bytes) => bytes.take(),
            Source::Again(again) => Some(again()),
        };
        let bytes = bytes.ok_or_else(|| Failure::new(Kind::Internal, "this upload was read before").never_sent())?;
        // One that was cut stays so.
        let _was_whole = self
            .progress
            .end
            .compare_exchange(WHOLE, OPEN, Ordering::AcqRel, Ordering::Acquire);
        self.progress.went_on(false);
        let checked = Checked {
            bytes: Some(bytes),
            rest: Bytes::new(),
            length: self.length,
            passed: 0,
            progress: self.progress.clone(),
            _place: self.place(),
        };
        Ok(ByteStream {
            media_type: self.media_type.clone(),
            length: self.length,
            name: self.name.clone(),
            bytes: BodyStream::from_items(checked),
        })
    }

    /// Held for one exchange; no panic can leave half of it.
    fn source(&self) -> std::sync::MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upload's bytes on their way, held to what was said of them.
struct Checked {
    /// `None`: over.
    bytes: Option<BodyStream<Bytes>>,
    /// What is left of a piece that is too long to be given at once.
    rest: Bytes,
    length: Option<u64>,
    passed: u64,
    progress: Arc<Progress>,
    _place: Option<Place>,
}

impl Checked {
    /// As much as is given at once: that it is read on is how a provider shows that it takes.
    fn some(&mut self) -> Bytes {
        let at_once = self.rest.len().min(PIECE);
        self.rest.split_to(at_once)
    }

    fn check(&mut self, next: Option<Result<Bytes, Failure>>) -> Option<Result<Bytes, Failure>> {
        let wrong = |sentence| Some(Err(Failure::invalid(UPLOAD_FIELD, sentence)));
        match next {
            Some(Ok(piece)) => {
                self.passed += piece.len() as u64;
                match self.length.is_some_and(|length| self.passed > length) {
                    true => wrong("the body is longer than its length says"),
                    false => Some(Ok(piece)),
                }
            }
            None if self.passed == 0 => wrong("the body must not be empty"),
            None if self.length.is_some_and(|length| self.passed < length) => {
                wrong("the body is shorter than its length says")
            }
            None if !self.progress.end(WHOLE) => wrong("the body was cut off"),
            other => other,
        }
    }
}

impl Stream for Checked {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.rest.is_empty() {
            self.progress.went_on(false);
            return Poll::Ready(Some(Ok(self.some())));
        }
        let Some(bytes) = &mut self.bytes else {
            return Poll::Ready(None);
        };
        let next = Pin::new(bytes).poll_next(cx);
        self.progress.went_on(next.is_pending());
        let next = ready!(next);
        let next = self.check(next);
        if let Some(Err(failure)) = &next {
            // The first one stays: later readings begin anew.
            let _ = self.progress.failure.set(failure.clone());
        }
        if matches!(next, None | Some(Err(_))) {
            self.bytes = None;
        }
        Poll::Ready(next.map(|piece| {
            self.rest = piece?;
            Ok(self.some())
        }))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("media_type", &self.media_type)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, TryStreamExt};

    async fn read(upload: &Upload) -> Result<Vec<Bytes>, Failure> {
        upload.take()?.bytes.try_collect().await
    }

    #[tokio::test]
    async fn an_upload_is_read_once_or_as_often_as_its_maker_can() {
        let bytes = Bytes::from_static(b"abc");
        let kept = Upload::replayable(Arc::from("text/plain"), None, bytes.clone());
        assert_eq!(read(&kept).await.unwrap(), std::slice::from_ref(&bytes));
        assert!(kept.is_there());
        assert_eq!(read(&kept).await.unwrap(), std::slice::from_ref(&bytes));

        let once = Upload::once(kept.take().unwrap());
        assert!(once.is_there());
        assert_eq!(read(&once).await.unwrap(), [bytes]);
        assert!(!once.is_there());
        assert!(once.take().unwrap_err().unsent);
    }

    #[tokio::test]
    async fn an_upload_is_held_to_what_was_said_of_it() {
        let of = |pieces: &[&'static str], length| {
            let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
            Upload::once(ByteStream {
                media_type: Arc::from("text/plain"),
                length,
                name: None,
                bytes: BodyStream::from_items(futures_util::stream::iter(pieces.collect::<Vec<_>>())),
            })
        };
        for (pieces, length, wrong) in [
            (&["ab", "c"][..], None, ""),
            (&["ab", "c"], Some(3), ""),
            (&["ab", "c"], Some(2), "longer"),
            (&["ab", "c"], Some(4), "shorter"),
            (&[], None, "empty"),
            (&[""], Some(0), "empty"),
        ] {
            let upload = of(pieces, length);
            let read = read(&upload).await.err();
            assert_eq!(upload.is_through(), wrong.is_empty());
            let told = upload.failure().map_or("", Failure::message);
            assert_eq!(read.as_ref().map_or("", Failure::message), told);
            assert!(told.contains(wrong) && told.is_empty() == wrong.is_empty(), "{told}");
        }
    }

    #[tokio::test]
    async fn an_upload_that_is_cut_has_no_end_and_one_that_ended_is_not_cut() {
        let bytes = || Upload::replayable(Arc::from("text/plain"), None, Bytes::from_static(b"abc"));
        let early = bytes();
        let mut taken = early.take().unwrap().bytes;
        assert!(taken.next().await.unwrap().is_ok());
        assert!(early.cut() && early.cut());
        assert!(taken.next().await.unwrap().is_err(), "a clean end would make it whole");
        assert!(read(&early).await.is_err(), "later readings have no end either");
        assert!(!early.is_through());

        let late = bytes();
        read(&late).await.unwrap();
        assert!(!late.cut() && late.is_through());
    }

    #[tokio::test]
    async fn who_waits_for_whom_is_known() {
        let (sender, bytes) = crate::stream::body_stream();
        let upload = Upload::once(ByteStream {
            media_type: Arc::from("text/plain"),
            length: None,
            name: None,
            bytes,
        });
        let mut taken = upload.take().unwrap().bytes;
        assert!(!upload.is_waiting());
        assert!(futures_util::poll!(taken.next()).is_pending() && upload.is_waiting());
        sender.send(Bytes::from_static(b"a")).await.unwrap();
        assert!(futures_util::poll!(taken.next()).is_ready() && !upload.is_waiting());
    }
}
