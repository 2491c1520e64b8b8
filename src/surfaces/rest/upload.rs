//! A request's body as an upload.
//!
//! Invariant: a body is read no faster than its provider takes it, and one that broke off or is over the limit is never
//! passed on as if it were whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use futures_util::StreamExt;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::Limited;
use hyper::body::Body as _;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{BodyStream, ByteStream, UPLOAD_FIELD, Upload};

use super::super::json_body::is_too_large;
use super::super::problem::{Fault, Problem};
use crate::wire::file::name_of;

/// An upload, and what becomes of its body.
pub struct Incoming {
    /// For the call.
    pub upload: Arc<Upload>,
    limit: usize,
    too_large: Arc<AtomicBool>,
}

impl Incoming {
    /// The body of a request with these headers, of at most `limit` bytes.
    ///
    /// # Errors
    /// 413 where it is said to be too large, 415 where it is a form, and `invalid_input` on `content_type`.
    pub fn of(headers: &HeaderMap, body: Body, limit: usize) -> Result<Self, Problem> {
        // Of a body without a length, it is what is known so far.
        if body.size_hint().lower() > limit as u64 {
            return Err(Problem::file_too_large(limit));
        }
        let length = body.size_hint().exact();
        Ok(Self::passed(
            media_type(headers)?,
            name_of(headers).map(Arc::from),
            length,
            body,
            limit,
        ))
    }

    /// A body of at most `limit` bytes, whatever it is.
    pub(in crate::surfaces) fn passed(
        media_type: Arc<str>,
        name: Option<Arc<str>>,
        length: Option<u64>,
        body: Body,
        limit: usize,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let pieces = Body::new(Limited::new(body, limit)).into_data_stream();
        let pieces = pieces.map(move |piece| piece.map_err(|error| broken(&error, &told)));
        let upload = Upload::once(ByteStream {
            media_type,
            length,
            name,
            bytes: BodyStream::from_items(pieces),
        });
        Incoming {
            upload: Arc::new(upload),
            limit,
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
