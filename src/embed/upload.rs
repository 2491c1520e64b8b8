//! What a program uploads: bytes, a reader, a stream, a file.
//!
//! Invariant: only what is in memory already is kept; all else is read as its provider takes it, and once.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{BodyStream, ByteStream, UPLOAD_FIELD, Upload};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use crate::wire::file::media_type;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Bytes in memory. What fails before the provider has taken one may be tried again.
pub fn bytes(media_type: &str, bytes: impl Into<Bytes>) -> Upload {
    Upload::replayable(Arc::from(media_type), None, bytes.into())
}

/// A stream, of `length` bytes where that is known; one of another length fails.
pub fn stream<S>(media_type: &str, length: Option<u64>, stream: S) -> Upload
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let bytes = stream.map(|piece| piece.map_err(|error| unread(&error)));
    Upload::once(ByteStream {
        media_type: Arc::from(media_type),
        length,
        name: None,
        bytes: BodyStream::from_items(bytes),
    })
}

/// What a reader gives, `length` bytes where that is known; another length fails.
pub fn reader(media_type: &str, length: Option<u64>, reader: impl AsyncRead + Send + 'static) -> Upload {
    stream(media_type, length, ReaderStream::with_capacity(reader, PIECE))
}

/// A file, under its name; what kind it is, its extension tells.
///
/// # Errors
/// `invalid_input` on `body`, where it cannot be opened or is no regular file.
pub async fn file(path: impl AsRef<Path>) -> Result<Upload, Failure> {
    let path = path.as_ref();
    let open = async {
        let file = tokio::fs::File::open(path).await?;
        let known = file.metadata().await?;
        match known.is_file() {
            true => Ok((file, known.len())),
            false => Err(io::Error::other("it is no regular file")),
        }
    };
    let (file, length) = open.await.map_err(|error| unread(&error))?;
    let upload = reader(&media_type(path), Some(length), file);
    Ok(match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => upload.named(name),
        None => upload,
    })
}

fn unread(error: &io::Error) -> Failure {
    Failure::invalid(UPLOAD_FIELD, format!("what is to be uploaded cannot be read: {error}"))
}
