//! A request's body as an upload.
//!
//! Invariant: a body is read no faster than its provider takes it, and one that broke off or is over the limit is never
//! passed on as if it were whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::Limited;
use hyper::body::Body as _;
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::stream::{BodyStream, ByteStream, UPLOAD_FIELD, Upload};
use tokio::time::timeout;

use super::super::bodies::is_too_large;
use super::super::problem::{Fault, Problem};
use crate::wire::file::name_of;

/// What bounds a body that is passed on.
#[derive(Clone, Copy, Debug)]
pub struct UploadBounds {
    /// Bytes at most.
    pub bytes: usize,
    /// How long its sender may keep us waiting at a time.
    pub idle: Duration,
}

/// An upload, and what becomes of its body.
pub struct Incoming {
    /// For the call.
    pub upload: Arc<Upload>,
    limit: usize,
    too_large: Arc<AtomicBool>,
}

impl Incoming {
    /// The body of a request with these headers.
    ///
    /// # Errors
    /// 413 where it is said to be too large, 415 where it is a form, and `invalid_input` on `content_type`.
    pub fn of(headers: &HeaderMap, body: Body, bounds: UploadBounds) -> Result<Self, Problem> {
        // Of a body without a length, it is what is known so far.
        if body.size_hint().lower() > bounds.bytes as u64 {
            return Err(Problem::file_too_large(bounds.bytes));
        }
        let length = body.size_hint().exact();
        Ok(Self::passed(
            media_type(headers)?,
            name_of(headers).map(Arc::from),
            length,
            body,
            bounds,
        ))
    }

    /// A body, whatever it is.
    pub(in crate::surfaces) fn passed(
        media_type: Arc<str>,
        name: Option<Arc<str>>,
        length: Option<u64>,
        body: Body,
        bounds: UploadBounds,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let pieces = Body::new(Limited::new(body, bounds.bytes)).into_data_stream();
        let pieces = pieces.map(move |piece| piece.map_err(|error| broken(&error, &told)));
        let pieces = punctual(pieces, bounds.idle);
        let upload = Upload::once(ByteStream {
            media_type,
            length,
            name,
            bytes: BodyStream::from_items(pieces),
        });
        Incoming {
            upload: Arc::new(upload),
            limit: bounds.bytes,
            too_large: over,
        }
    }

    /// What a failed call is told: that its body was too large, where that is why.
    pub fn refused(&self, failure: Failure) -> Problem {
        match self.too_large.load(Ordering::Relaxed) {
            true => Problem::file_too_large(self.limit),
            false => failure.into(),
        }
    }
}

/// A body that ends with a failure where its sender keeps us waiting for longer than `idle`. The clock runs only while the
/// provider wants more.
fn punctual<T: Send + 'static>(
    pieces: impl Stream<Item = Result<T, Failure>> + Send + Unpin + 'static,
    idle: Duration,
) -> impl Stream<Item = Result<T, Failure>> + Send {
    stream::unfold(Some(pieces), move |open| async move {
        let mut pieces = open?;
        match timeout(idle, pieces.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(failure))) => Some((Err(failure), None)),
            Ok(None) => None,
            Err(_) => {
                let sentence = format!("nothing more of the body came within gateway.stream_idle_timeout, {idle:?}");
                let mut failure = Failure::new(Kind::Timeout, sentence);
                failure.source = Source::Caller;
                failure.field = Some(Arc::from(UPLOAD_FIELD));
                Some((Err(failure), None))
            }
        }
    })
}

fn broken(error: &axum::Error, too_large: &AtomicBool) -> Failure {
    let sentence = match is_too_large(error) {
        true => {
            too_large.store(true, Ordering::Relaxed);
            "the body is too large"
        }
        false => "the body broke off before its end",
    };
    Failure::invalid(UPLOAD_FIELD, sentence)
}

fn media_type(headers: &HeaderMap) -> Result<Arc<str>, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(Arc::from("application/octet-stream"));
    };
    let text = value.to_str().ok();
    let text = text.ok_or_else(|| Failure::invalid("content_type", "the Content-Type is not a media type"))?;
    if text.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        let sentence = "send the file itself as the body, and not a form with the file in it";
        return Err(Problem::fault(Fault::UnsupportedMediaType, sentence));
    }
    Ok(Arc::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tokio::time::{Instant, sleep};

    const IDLE: Duration = Duration::from_secs(30);

    /// Pieces that come after these pauses.
    fn after(pauses: &'static [u64]) -> Body {
        let pieces = stream::iter(pauses).then(async |pause| {
            sleep(Duration::from_secs(*pause)).await;
            Ok::<_, Infallible>("piece")
        });
        Body::from_stream(pieces)
    }

    fn incoming(body: Body) -> Incoming {
        let bounds = UploadBounds {
            bytes: 1 << 20,
            idle: IDLE,
        };
        Incoming::passed(Arc::from("text/plain"), None, None, body, bounds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_may_take_its_time_but_not_fall_silent() {
        let mut upload = incoming(after(&[29, 29, 29])).upload.take().expect("it is there");
        let mut pieces = 0;
        while let Some(piece) = upload.bytes.next().await {
            piece.expect("it came in time");
            pieces += 1;
            // The clock stands still while nobody wants more.
            sleep(IDLE * 2).await;
        }
        assert_eq!(pieces, 3);

        let mut upload = incoming(after(&[1, 3_600])).upload.take().expect("it is there");
        assert!(upload.bytes.next().await.is_some_and(|piece| piece.is_ok()));
        let before = Instant::now();
        let failure = upload.bytes.next().await.expect("an end is told").unwrap_err();
        assert_eq!(
            (failure.kind, failure.source, before.elapsed()),
            (Kind::Timeout, Source::Caller, IDLE)
        );
        assert!(upload.bytes.next().await.is_none());
    }
}
