//! Bytes as bodies: what is downloaded, and what comes with an input.
//!
//! Invariant: a body of bytes is never held whole by the engine. An upload that was taken is not there any more, unless
//! its maker can begin anew; so a call is sent at most as often as its input can be read.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

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

/// Bytes that come with a call's input.
pub struct Upload {
    /// The media type.
    pub media_type: Arc<str>,
    /// Bytes in all, where that is known.
    pub length: Option<u64>,
    /// The file's name, where it has one.
    pub name: Option<Arc<str>>,
    source: Mutex<Source>,
}

impl Upload {
    /// An upload that can be read once: the call has one attempt that reads it.
    pub fn once(stream: ByteStream) -> Self {
        Upload {
            media_type: stream.media_type,
            length: stream.length,
            name: stream.name,
            source: Mutex::new(Source::Once(Some(stream.bytes))),
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
        }
    }

    /// Whether it can be read (again).
    pub fn is_there(&self) -> bool {
        !matches!(*self.source(), Source::Once(None))
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
        Ok(ByteStream {
            media_type: self.media_type.clone(),
            length: self.length,
            name: self.name.clone(),
            bytes,
        })
    }

    /// Held for one exchange; no panic can leave half of it.
    fn source(&self) -> std::sync::MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
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
    use futures_util::TryStreamExt;

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
}
