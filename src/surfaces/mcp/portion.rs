//! Parts of files and answers, as long as a model can read.
//!
//! Invariant: a part of a text ends between two characters, and no more is read than the part takes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::BodyStream;
use rmcp::model::ResourceContents;

/// A part of some bytes.
pub(super) struct Portion {
    pub(super) bytes: Vec<u8>,
    /// There are more behind it.
    pub(super) more: bool,
    from: u64,
}

impl Portion {
    /// At most so many bytes from `from` on. No more is read than that takes.
    ///
    /// # Errors
    /// What the stream breaks off with.
    pub(super) async fn of(mut stream: BodyStream<Bytes>, from: u64, most: usize) -> Result<Self, Failure> {
        let mut portion = Portion::nothing(from);
        let mut skip = from;
        while let Some(mut piece) = stream.next().await.transpose()? {
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let over = skip.min(length);
            skip -= over;
            let piece = piece.split_off(usize::try_from(over).unwrap_or(usize::MAX));
            if portion.bytes.len() + piece.len() > most {
                portion.bytes.extend_from_slice(&piece[..most - portion.bytes.len()]);
                portion.more = true;
                break;
            }
            portion.bytes.extend_from_slice(&piece);
        }
        portion.end_with_a_character();
        Ok(portion)
    }

    /// The same of bytes that are all there.
    pub(super) fn of_whole(whole: &Bytes, from: u64, most: usize) -> Self {
        let start = usize::try_from(from).unwrap_or(usize::MAX).min(whole.len());
        let end = start.saturating_add(most).min(whole.len());
        let mut portion = Portion::nothing(from);
        portion.bytes = whole[start..end].to_vec();
        portion.more = end < whole.len();
        portion.end_with_a_character();
        portion
    }

    fn nothing(from: u64) -> Self {
        Portion {
            bytes: Vec::new(),
            more: false,
            from,
        }
    }

    /// Where more follows, and this is text, it ends between two characters, so that the next part begins with one.
    fn end_with_a_character(&mut self) {
        if let Err(error) = std::str::from_utf8(&self.bytes)
            && self.more
            && error.error_len().is_none()
        {
            self.bytes.truncate(error.valid_up_to());
        }
    }

    /// As text where it is that; its bytes where they are all there is, or a part was asked for.
    pub(super) fn shown(&self, uri: &str, media_type: &str) -> Option<ResourceContents> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Some(ResourceContents::text(text, uri).with_mime_type(media_type)),
            Err(_) if self.more && self.from == 0 => None,
            Err(_) => Some(ResourceContents::blob(BASE64_STANDARD.encode(&self.bytes), uri).with_mime_type(media_type)),
        }
    }

    /// As [`Portion::shown`], of who reads part by part: bytes as they are, however many there are.
    pub(super) fn read(&self, uri: &str, media_type: &str) -> ResourceContents {
        self.shown(uri, media_type).unwrap_or_else(|| {
            ResourceContents::blob(BASE64_STANDARD.encode(&self.bytes), uri).with_mime_type(media_type)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_text_end_between_characters() {
        let whole = Bytes::from("grün und blau");
        let first = Portion::of_whole(&whole, 0, 3);
        assert_eq!((&*first.bytes, first.more), (&b"gr"[..], true));
        let second = Portion::of_whole(&whole, 2, 3);
        assert_eq!(second.bytes, "ün".as_bytes());
        let rest = Portion::of_whole(&whole, 5, 100);
        assert!(!rest.more);
        assert!(Portion::of_whole(&whole, 99, 5).bytes.is_empty());
    }

    #[test]
    fn bytes_are_shown_whole_or_not_at_all() {
        let whole = Bytes::from_static(&[0xff, 0xfe, 0, 1]);
        assert!(
            Portion::of_whole(&whole, 0, 2)
                .shown("mosaic:///v1/x", "image/png")
                .is_none()
        );
        let all = Portion::of_whole(&whole, 0, 9).shown("mosaic:///v1/x", "image/png");
        assert!(matches!(all, Some(ResourceContents::BlobResourceContents { blob, .. }) if blob == "//4AAQ=="));
    }
}
