//! Uploads: a file as a part of a form (RFC 7578), sent as it comes.
//!
//! Invariant: nothing is taken of an upload before the provider's connection stands; and one whose request is over, or
//! whose source broke off, is cut and never ended as if it were whole.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{Place, Upload};
use reqwest::{Body, multipart};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::wire::file;

/// A form with one file in it.
#[derive(Clone)]
pub struct Form {
    fields: Vec<(&'static str, String)>,
    file: &'static str,
    name: String,
    pub(super) upload: Streamed,
}

impl Form {
    /// A form whose field `file` is the upload, under the name `name`.
    ///
    /// # Errors
    /// `invalid_input` on `name`, where no file can be called that.
    pub fn new(file: &'static str, name: &str, upload: Arc<Upload>) -> Result<Self, Failure> {
        if !file::sound(name) {
            return Err(Failure::invalid("name", "name must be one that a file can have, without a path").never_sent());
        }
        Ok(Form {
            fields: vec![],
            file,
            name: name.to_owned(),
            upload: Streamed::new(upload),
        })
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The form as the HTTP client sends it.
    pub(super) fn body(&self) -> Result<multipart::Form, Failure> {
        let bytes = self.upload.body();
        let part = match self.upload.length() {
            Some(length) => multipart::Part::stream_with_length(bytes, length),
            None => multipart::Part::stream(bytes),
        };
        let part = part.mime_str(self.upload.media_type()).map_err(|_| {
            let sentence = "the media type of the body is not written as type/subtype";
            Failure::invalid("content_type", sentence).never_sent()
        })?;
        let fields = self.fields.iter().cloned();
        let form = fields.fold(multipart::Form::new(), |form, (name, value)| form.text(name, value));
        Ok(form.part(self.file, part.file_name(self.name.clone())))
    }
}

/// An upload as a request sends it: as its whole body, or within that.
#[derive(Clone)]
pub(super) struct Streamed {
    upload: Arc<Upload>,
    source: Source,
}

impl Streamed {
    pub(super) fn new(upload: Arc<Upload>) -> Self {
        Streamed {
            upload,
            source: Source::default(),
        }
    }

    /// Whether it can be sent (again).
    pub(super) fn is_there(&self) -> bool {
        self.upload.is_there()
    }

    /// Whether all of it was asked for.
    pub(super) fn is_through(&self) -> bool {
        self.upload.is_through()
    }

    /// Why its body broke off, where it did: what the HTTP client says of that would blame the provider.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.upload.failure().cloned()
    }

    /// Ends the sending when it is dropped: a provider that has answered, or that nobody waits for any more, gets nothing
    /// more of it.
    pub(super) fn sending(&self) -> Sending {
        self.source.sending()
    }

    /// Its bytes, where so many are known beforehand.
    pub(super) fn length(&self) -> Option<u64> {
        self.upload.length
    }

    fn media_type(&self) -> &str {
        &self.upload.media_type
    }

    /// Its bytes, taken when the first of them is asked for.
    pub(super) fn open(&self) -> Reading {
        self.source.open(self.upload.clone())
    }

    /// The same as the HTTP client sends them.
    pub(super) fn body(&self) -> Body {
        Body::wrap_stream(self.open())
    }
}

type Bytestream = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>;

/// The upload's bytes while they are sent. The HTTP client asks for them only while its connection has room, so whoever
/// ends the sending lets go of them itself: their maker must not wait for a provider that takes nothing.
#[derive(Clone, Default)]
struct Source {
    bytes: Arc<Mutex<Option<Bytestream>>>,
    over: CancellationToken,
}

impl Source {
    /// The bytes, taken when the first of them is asked for.
    fn open(&self, upload: Arc<Upload>) -> Reading {
        let place = upload.place();
        let bytes = stream::once(async move { upload.take().map(|taken| taken.bytes) }).try_flatten();
        *self.bytes() = Some(Box::pin(bytes));
        Reading {
            source: self.clone(),
            over: Box::pin(self.over.clone().cancelled_owned()),
            _place: place,
        }
    }

    /// Ends the sending when it is dropped.
    fn sending(&self) -> Sending {
        Sending(self.clone())
    }

    /// Held for one reading; a panic in it ends the call.
    fn bytes(&self) -> MutexGuard<'_, Option<Bytestream>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending of an upload, which ends with this.
pub(super) struct Sending(Source);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.over.cancel();
        let bytes = self.0.bytes().take();
        drop(bytes);
    }
}

/// The bytes as the HTTP client asks for them; when the sending is over, a failure, which has the request cut. Until the
/// client lets go of it, its connection stands, and the attempt's place is taken.
pub(super) struct Reading {
    source: Source,
    over: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: Option<Place>,
}

impl Stream for Reading {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Failure::new(Kind::Cancelled, "the request is over"))));
        }
        match &mut *self.source.bytes() {
            Some(bytes) => bytes.as_mut().poll_next(cx),
            None => Poll::Ready(Some(Err(Failure::new(Kind::Cancelled, "the request is over")))),
        }
    }
}
