//! An upload as a text within JSON: base64 that is made while it is sent.
//!
//! Invariant: no more is held of the upload than one piece of it; and a body of which the upload broke off is never ended as
//! if it were whole.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Upload;
use reqwest::Body;

use super::upload::Streamed;

/// What ends the text, and the object that it is in.
const END: &str = "\"}";

/// A JSON object whose last field is an upload.
#[derive(Clone)]
pub(super) struct Embedded {
    /// The object without the upload.
    object: Bytes,
    field: &'static str,
    pub(super) upload: Streamed,
}

impl Embedded {
    /// The object `object`, which holds a field at least, and the upload as its field `field`.
    pub(super) fn new(object: Bytes, field: &'static str, upload: Arc<Upload>) -> Self {
        Embedded {
            object,
            field,
            upload: Streamed::new(upload),
        }
    }

    /// The object without the upload.
    pub(super) fn object(&self) -> &[u8] {
        &self.object
    }

    /// The object up to where the upload's text begins.
    fn before(&self) -> Bytes {
        let open = self.object.strip_suffix(b"}").unwrap_or(&self.object);
        [open, format!(",\"{}\":\"", self.field).as_bytes()].concat().into()
    }

    /// Bytes in all, where the upload's are known.
    pub(super) fn length(&self) -> Option<u64> {
        let text = self.upload.length()?.div_ceil(3).checked_mul(4)?;
        text.checked_add((self.before().len() + END.len()) as u64)
    }

    /// The body as the HTTP client sends it.
    pub(super) fn body(&self) -> Body {
        Body::wrap_stream(self.pieces())
    }

    fn pieces(&self) -> impl Stream<Item = Result<Bytes, Failure>> + Send + 'static {
        let text = encoded(self.upload.open());
        let piece = |bytes: Bytes| stream::iter([Ok(bytes)]);
        let end = piece(Bytes::from_static(END.as_bytes()));
        piece(self.before()).chain(text).chain(end)
    }
}

/// The bytes as base64: of each piece as many as end a group of letters, and the rest with the next.
fn encoded(
    bytes: impl Stream<Item = Result<Bytes, Failure>> + Send + Unpin + 'static,
) -> impl Stream<Item = Result<Bytes, Failure>> + Send + 'static {
    stream::try_unfold((bytes, Vec::new(), false), |(mut bytes, mut rest, over)| async move {
        if over {
            return Ok(None);
        }
        while let Some(piece) = bytes.next().await.transpose()? {
            rest.extend_from_slice(&piece);
            let whole = rest.len() / 3 * 3;
            if whole > 0 {
                let text = STANDARD.encode(&rest[..whole]);
                rest.drain(..whole);
                return Ok(Some((text.into(), (bytes, rest, false))));
            }
        }
        let text = STANDARD.encode(&rest);
        Ok(Some((text.into(), (bytes, Vec::new(), true))))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;
    use mosaic_actors::error::Kind;
    use proptest::prelude::*;

    use super::*;

    async fn text(pieces: Vec<Result<Bytes, Failure>>) -> Result<String, Failure> {
        let encoded: Vec<Bytes> = Box::pin(encoded(stream::iter(pieces))).try_collect().await?;
        Ok(String::from_utf8(encoded.concat()).expect("letters"))
    }

    proptest! {
        #[test]
        fn any_pieces_are_one_text(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let whole = STANDARD.encode(pieces.concat());
            let pieces = pieces.into_iter().map(|piece| Ok(Bytes::from(piece))).collect();
            let told = futures_util::FutureExt::now_or_never(text(pieces)).expect("at once");
            prop_assert_eq!(told.expect("whole"), whole);
        }
    }

    #[tokio::test]
    async fn what_breaks_off_is_not_ended() {
        let broken = Err(Failure::new(Kind::Cancelled, "it broke off"));
        let told = text(vec![Ok(Bytes::from_static(b"abcd")), broken]).await;
        assert_eq!(told.expect_err("broken").kind, Kind::Cancelled);
    }

    #[tokio::test]
    async fn the_object_is_whole_and_as_long_as_it_says() {
        let bytes = Bytes::from_static("Grüße\n".as_bytes());
        for length in 1..=bytes.len() {
            let upload = Upload::replayable(Arc::from("text/plain"), None, bytes.slice(..length));
            let embedded = Embedded::new(Bytes::from_static(br#"{"message":"a}"}"#), "content", Arc::new(upload));
            let body: Vec<Bytes> = Box::pin(embedded.pieces()).try_collect().await.expect("whole");
            let body = body.concat();
            assert_eq!(embedded.length(), Some(body.len() as u64));
            let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(json["message"], "a}");
            assert_eq!(json["content"], STANDARD.encode(&bytes[..length]));
        }
    }
}
