//! Uploads: a file as a part of a form (RFC 7578), sent as it comes.
//!
//! Invariant: nothing is taken of an upload before the provider's connection stands; and one whose request is over, or
//! whose source broke off, is cut and never ended as if it were whole.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use reqwest::{Body, multipart};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::wire::file;

/// A form with one file in it.
#[derive(Clone)]
pub struct Form {
    fields: Vec<(&'static str, String)>,
    file: &'static str,
    name: String,
    upload: Arc<Upload>,
    over: CancellationToken,
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
            upload,
            over: CancellationToken::new(),
        })
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
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
    pub(super) fn sending(&self) -> DropGuard {
        self.over.clone().drop_guard()
    }

    /// The form as the HTTP client sends it.
    pub(super) fn body(&self) -> Result<multipart::Form, Failure> {
        let bytes = Body::wrap_stream(until(self.over.clone(), lazily(self.upload.clone())));
        let part = match self.upload.length {
            Some(length) => multipart::Part::stream_with_length(bytes, length),
            None => multipart::Part::stream(bytes),
        };
        let part = part.mime_str(&self.upload.media_type).map_err(|_| {
            let sentence = "the media type of the body is not written as type/subtype";
            Failure::invalid("content_type", sentence).never_sent()
        })?;
        let fields = self.fields.iter().cloned();
        let form = fields.fold(multipart::Form::new(), |form, (name, value)| form.text(name, value));
        Ok(form.part(self.file, part.file_name(self.name.clone())))
    }
}

/// The upload's bytes, taken when the first of them is asked for.
fn lazily(upload: Arc<Upload>) -> impl Stream<Item = Result<Bytes, Failure>> + Send {
    stream::once(async move { upload.take().map(|taken| taken.bytes) }).try_flatten()
}

/// The bytes until `over`; then a failure, which has the request cut.
fn until(
    over: CancellationToken,
    bytes: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, Failure>> + Send {
    stream::unfold(Some(Box::pin(bytes)), move |open| {
        let over = over.clone();
        async move {
            let mut bytes = open?;
            tokio::select! {
                biased;
                () = over.cancelled() => Some((Err(Failure::new(Kind::Cancelled, "the request is over")), None)),
                next = bytes.next() => next.map(|piece| (piece, Some(bytes))),
            }
        }
    })
}
