//! Answers that were accepted: as files, as streams of events, and whole.
//!
//! Invariant: of a whole answer no more is kept than is allowed, and a file is passed on piece by piece.

use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{StatusCode, header};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, ByteStream, Piece};
use reqwest::Response;

use super::collected::Part;
use super::passed::Masks;
use super::pieces::Pieces;
use super::transport::transport;
use super::{Elements, Lines, Received, sse};
use crate::providers::handlers::Reply;
use crate::wire::file::name_of;

/// The bytes of an answer, as they come.
type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>;

/// An accepted request whose answer is a stream.
pub struct Opened {
    pub(super) response: Response,
    pub(super) request_id: Option<Arc<str>>,
    pub(super) instance: Arc<str>,
    pub(super) max_response: usize,
    /// What of the room for whole answers is kept for it.
    pub(super) part: Part,
    pub(super) masks: Arc<Masks>,
}

impl Opened {
    /// The answer as a file of this media type, and the provider's request id. Its name is the one that the provider gave.
    ///
    /// # Errors
    /// `upstream_failed` where the answer is a part of a file, or none: nobody asked for that.
    pub fn file(self, media_type: &'static str) -> Result<Reply<ByteStream>, Failure> {
        if self.response.status() != StatusCode::OK {
            let sentence = format!(
                "the answer is no whole file (status {})",
                self.response.status().as_u16()
            );
            return Err(self.unusable(&sentence));
        }
        if media_type != "text/html" {
            self.no_page()?;
        }
        let length = self.response.content_length();
        let name = name_of(self.response.headers()).map(Arc::from);
        // Whatever we take it for: what its provider calls text is one to whoever reads it.
        let theirs = self.response.headers().get(header::CONTENT_TYPE);
        let theirs = theirs.and_then(|told| told.to_str().ok()?.split(';').next());
        let is_text = |told: &str| Masks::may_stand_in(&told.trim().to_ascii_lowercase());
        let masked = Masks::may_stand_in(media_type) || theirs.is_some_and(is_text);
        Ok(self.piecewise(masked, |bytes| ByteStream {
            media_type: Arc::from(media_type),
            length,
            name,
            bytes: BodyStream::from_items(bytes),
        }))
    }

    /// The answer piece by piece, however large it is, and the provider's request id.
    ///
    /// # Errors
    /// `upstream_failed` where it is a web page, or a part that nobody asked for.
    pub fn pieces(self) -> Result<Reply<Pieces>, Failure> {
        self.no_page()?;
        if self.response.status() == StatusCode::PARTIAL_CONTENT {
            return Err(self.unusable("only a part of the answer came"));
        }
        Ok(self.piecewise(true, Pieces::of))
    }

    /// The lines of the answer, however many.
    ///
    /// # Errors
    /// As [`Opened::pieces`].
    pub fn lines(self) -> Result<Lines, Failure> {
        Ok(Lines::of(self.pieces()?.value))
    }

    /// The rows of the list that the answer is, however many, and the provider's request id. No content is no rows.
    ///
    /// # Errors
    /// As [`Opened::pieces`].
    pub fn elements(self) -> Result<Reply<Elements>, Failure> {
        let of: fn(Pieces) -> Elements = match self.response.status() {
            StatusCode::NO_CONTENT => |_| Elements::none(),
            _ => Elements::of,
        };
        let pieces = self.pieces()?;
        Ok(Reply {
            value: of(pieces.value),
            upstream_request_id: pieces.upstream_request_id,
            skipped: pieces.skipped,
        })
    }

    /// Who is not let in is led to a page that says so.
    pub(super) fn no_page(&self) -> Result<(), Failure> {
        match self.essence() == "text/html" {
            true => Err(self.unusable("a web page came in the place of the file")),
            false => Ok(()),
        }
    }

    /// What is made of the answer's bytes, as they come.
    pub(super) fn piecewise<T>(self, masked: bool, make: impl FnOnce(Chunks) -> T) -> Reply<T> {
        let instance = self.instance;
        let bytes = self.response.bytes_stream();
        let named = bytes.map(move |piece| piece.map_err(|error| transport(error).by(&instance)));
        let chunks: Chunks = match masked {
            true => self.masks.over(named),
            false => Box::pin(named),
        };
        Reply {
            upstream_request_id: self.request_id,
            value: make(chunks),
            skipped: 0,
        }
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The failure of an answer that cannot be used.
    pub fn unusable(&self, sentence: &str) -> Failure {
        Failure::new(Kind::UpstreamFailed, sentence)
            .not_usable()
            .by(&self.instance)
    }

    /// The answer as server-sent events, and the provider's request id.
    pub fn events(self) -> Reply<impl Stream<Item = Result<Piece<sse::Event>, Failure>> + Send + 'static> {
        Reply {
            upstream_request_id: self.request_id,
            value: sse::events(self.response, self.instance, self.masks.through()),
            skipped: 0,
        }
    }

    /// Whether the answer says that it is JSON, and so no stream.
    pub fn is_json(&self) -> bool {
        let essence = self.essence();
        essence == "application/json" || essence.ends_with("+json")
    }

    /// Whether the answer tells of a file, in JSON, rather than being one.
    pub fn is_described(&self) -> bool {
        self.essence() == "application/json"
    }

    /// The media type without its parameters.
    fn essence(&self) -> String {
        let media_type = self.response.headers().get(header::CONTENT_TYPE);
        let text = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Receives the whole answer.
    ///
    /// # Errors
    /// As [`Endpoint::send`].
    pub async fn whole(mut self) -> Result<Received, Failure> {
        let headers = std::mem::take(self.response.headers_mut());
        let body = read(self.response, self.max_response, &mut self.part).await;
        let body = body.map_err(|failure| failure.by(&self.instance))?;
        let body = self.masks.whole(body);
        let mut received = Received::new(headers, body, self.request_id, self.instance);
        received.part = Some(self.part);
        Ok(received)
    }
}

/// Receives a whole answer, as far as its part of the room for such grows with it.
pub(super) async fn read(mut response: Response, limit: usize, part: &mut Part) -> Result<Bytes, Failure> {
    let too_large = || {
        let sentence = format!("the answer is larger than the {limit} bytes allowed");
        Failure::new(Kind::UpstreamFailed, sentence).not_usable().but_sound()
    };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        part.cover(body.len() + chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
