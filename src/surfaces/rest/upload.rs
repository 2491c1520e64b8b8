//! A request's body as an upload.
//!
//! Invariant: a body is read no faster than its provider takes it, and one that broke off or is over the limit is never
//! passed on as if it were whole.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, EXPECT};
use http_body_util::Limited;
use hyper::body::Body as _;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{BodyStream, ByteStream, UPLOAD_FIELD, Upload};
use tokio::sync::oneshot;

use super::super::json_body::is_too_large;
use super::super::problem::{Fault, Problem};
use crate::wire::file::name_of;

/// How long a client that is still sending is listened to, once its upload is refused: one that is answered while it
/// sends may find its connection broken and never see why.
const LINGER: Duration = Duration::from_secs(1);

/// An upload, and what becomes of its body.
pub struct Incoming {
    /// For the call.
    pub upload: Arc<Upload>,
    limit: usize,
    /// The client waits to be told that it may send.
    hesitates: bool,
    too_large: Arc<OnceLock<()>>,
    /// The body, when nobody reads it any more.
    left: oneshot::Receiver<BodyDataStream>,
}

impl Incoming {
    /// The body of a request with these headers, of at most `limit` bytes.
    ///
    /// # Errors
    /// `invalid_input` on `body` where it is said to be empty, and on `content_type`; 413 where it is said to be too large.
    pub fn of(headers: &HeaderMap, body: Body, limit: usize) -> Result<Self, Problem> {
        // Of a body without a length, it is what is known so far.
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large(limit));
        }
        let length = body.size_hint().exact();
        let (back, left) = oneshot::channel();
        let over = Arc::new(OnceLock::new());
        let lent = Lent {
            body: Some(Body::new(Limited::new(body, limit)).into_data_stream()),
            back: Some(back),
            too_large: over.clone(),
        };
        let upload = Upload::once(ByteStream {
            media_type: media_type(headers)?,
            length,
            name: name_of(headers).map(Arc::from),
            bytes: BodyStream::from_items(lent.pieces()),
        });
        Ok(Incoming {
            upload: Arc::new(upload),
            limit,
            hesitates: headers.contains_key(EXPECT),
            too_large: over,
            left,
        })
    }

    /// What a failed call is told: that its body was too large, where that is why. Waits, a little, for what the client is
    /// still sending.
    pub async fn refused(self, failure: Failure) -> Problem {
        let Incoming { upload, limit, .. } = self;
        let sends = !(self.hesitates && upload.is_there());
        drop(upload);
        let rest = async {
            if sends && let Ok(mut body) = self.left.await {
                while let Some(Ok(_)) = body.next().await {}
            }
        };
        // Whether it was all read makes no difference to the answer.
        let _ = tokio::time::timeout(LINGER, rest).await;
        match self.too_large.get() {
            Some(()) => too_large(limit),
            None => failure.into(),
        }
    }
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

fn too_large(limit: usize) -> Problem {
    Problem::fault(
        Fault::PayloadTooLarge,
        format!("the body may have at most {limit} bytes"),
    )
}

/// A body that is read elsewhere. What is left of it comes back.
struct Lent {
    body: Option<BodyDataStream>,
    back: Option<oneshot::Sender<BodyDataStream>>,
    too_large: Arc<OnceLock<()>>,
}

impl Lent {
    fn pieces(self) -> impl Stream<Item = Result<bytes::Bytes, Failure>> + Send {
        futures_util::stream::unfold(self, |mut lent| async move {
            let next = lent.body.as_mut()?.next().await?;
            let next = next.map_err(|error| lent.broke(&error));
            Some((next, lent))
        })
    }

    fn broke(&mut self, error: &axum::Error) -> Failure {
        self.body = None;
        let sentence = match is_too_large(error) {
            true => {
                let _ = self.too_large.set(());
                "the body is too large"
            }
            false => "the body broke off before its end",
        };
        Failure::invalid(UPLOAD_FIELD, sentence)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody wants it of a call that went well, or whose caller went away.
            let _ = back.send(body);
        }
    }
}
