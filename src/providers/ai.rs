//! What dialects of models share: how a streamed answer is told, and how a file comes to be kept.
//!
//! Invariant: no provider's name and no wire type appears here, and a stream that ends before its answer is whole ends in a
//! failure.

pub mod results;
mod said;

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::stream::{Piece, UPLOAD_FIELD, Upload};

pub use self::said::saying;
use super::http::{Fault, Refusal, by_status, sse};
use crate::catalogue::ai::{Chat, ChatEvent, ChatInput, fold};

/// A streamed answer as a dialect understands it.
pub trait Hearing: Send + 'static {
    /// The instance that it comes from.
    fn instance(&self) -> &Arc<str>;

    /// Hears an event of the provider's.
    ///
    /// # Errors
    /// What it tells, or `upstream_failed` where it cannot be understood.
    fn accept(&mut self, event: &sse::Event) -> Result<(), Failure>;

    /// The provider says no more.
    ///
    /// # Errors
    /// `upstream_failed` where the answer is not whole.
    fn cease(&mut self) -> Result<(), Failure> {
        Err(unfinished())
    }

    /// Neutral events that are ready to be told: those of what was heard last.
    fn ready(&mut self) -> &mut VecDeque<ChatEvent>;

    /// Whether the answer is whole, and nothing more is heard.
    fn is_over(&self) -> bool;
}

/// The neutral events of a streamed answer.
pub fn told(
    answer: impl Hearing,
    upstream: impl Stream<Item = Result<Piece<sse::Event>, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
    stream::try_unfold((Box::pin(upstream), answer), |(mut upstream, mut answer)| async move {
        loop {
            if let Some(event) = answer.ready().pop_front() {
                return Ok(Some((Piece::Item(event), (upstream, answer))));
            }
            if answer.is_over() {
                return Ok(None);
            }
            let accepted = match upstream.next().await {
                Some(Ok(Piece::Item(event))) => answer.accept(&event),
                Some(Ok(Piece::Alive)) => Ok(()),
                Some(Err(failure)) => Err(failure),
                None => answer.cease(),
            };
            accepted.map_err(|failure| failure.by(answer.instance()))?;
            // Also where nothing is said to the caller: a model at work is not silent.
            if answer.ready().is_empty() && !answer.is_over() {
                return Ok(Some((Piece::Alive, (upstream, answer))));
            }
        }
    })
}

/// A whole answer as events, of a server that was asked for a stream and does not stream.
pub fn whole(chat: Chat) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
    stream::iter(fold::events(chat).into_iter().map(|event| Ok(Piece::Item(event))))
}

/// What servers say of a batch that is to be cancelled and is over.
const OVER: &[&str] = &["cannot be cancel", "cannot cancel", "already ended"];

/// The failure of an order to cancel a batch, by its path, which has ended: one thing, with whichever status it is told.
pub fn over(refusal: &Refusal<'_>, fault: &Fault) -> Option<Failure> {
    let cancels = refusal.path.ends_with("/cancel") && refusal.path.contains("/batches/");
    let is_over = cancels && matches!(refusal.status.as_u16(), 400 | 409 | 422) && fault.tells(OVER);
    is_over.then(|| {
        let mut failure = by_status(refusal).saying("the batch has ended, and cannot be cancelled any more");
        (failure.kind, failure.source, failure.retryable) = (Kind::Conflict, Source::Caller, false);
        failure
    })
}

/// The failure of an answer that may have more tokens than its model can make, with what it can, where that is told.
pub fn bounded(failure: Failure, most: Option<u64>) -> Failure {
    match (failure.field.as_deref(), most) {
        (Some("max_tokens"), Some(most)) => failure.saying(format!("max_tokens must be {most} at most for this model")),
        _ => failure,
    }
}

/// The refusal of a conversation, with the place of a result that answers no call where one is in it: providers tell of such
/// by the number of a message of theirs, or by none.
pub fn placed(failure: Failure, input: &ChatInput) -> Failure {
    let of_messages = matches!(failure.field.as_deref(), None | Some("messages"));
    if failure.kind != Kind::InvalidInput || !of_messages {
        return failure;
    }
    match input.stray_result() {
        Some(place) => {
            let mut failure = failure.also(&format!("{place} answers no call that stands before it"));
            failure.field = Some(Arc::from(place));
            failure
        }
        None => failure,
    }
}

/// The failure of a stream that ended too soon.
pub fn unfinished() -> Failure {
    Failure::new(Kind::UpstreamFailed, "the stream ended before the answer was whole")
}

/// Holds an upload to what its provider takes, in bytes, where its length is known beforehand.
///
/// # Errors
/// `invalid_input` on the upload.
pub fn fits(upload: &Upload, largest: u64) -> Result<(), Failure> {
    match upload.length.is_some_and(|length| length > largest) {
        true => {
            let sentence = format!("the file is larger than the {largest} bytes that this provider takes");
            Err(Failure::invalid(UPLOAD_FIELD, sentence).never_sent())
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use mosaic_actors::stream::{BodyStream, ByteStream};

    use super::*;

    #[test]
    fn the_refusal_of_a_result_without_a_call_names_its_place() {
        let stray = serde_json::json!({"model": "m", "messages": [{"role": "tool", "content": [
            {"type": "tool_result", "tool_call_id": "c", "content": "42"}]}]});
        let stray: ChatInput = serde_json::from_value(stray).expect("an input");
        let sound: ChatInput =
            serde_json::from_value(serde_json::json!({"model": "m", "prompt": "p"})).expect("an input");
        let refused = |field: Option<&str>, kind| {
            let mut failure = Failure::new(kind, "the provider refused it");
            failure.field = field.map(Arc::from);
            failure
        };
        let place = "messages[0].content[0].tool_call_id";
        for field in [None, Some("messages")] {
            let told = placed(refused(field, Kind::InvalidInput), &stray);
            assert_eq!(told.field.as_deref(), Some(place));
            assert!(told.message().contains(place), "{told}");
            assert_eq!(
                placed(refused(field, Kind::InvalidInput), &sound).field.as_deref(),
                field
            );
        }
        let other = placed(refused(Some("max_tokens"), Kind::InvalidInput), &stray);
        assert_eq!(other.field.as_deref(), Some("max_tokens"));
        assert_eq!(placed(refused(None, Kind::NotFound), &stray).field, None);
    }

    #[test]
    fn a30_a_file_that_is_too_large_is_refused_before_any_of_it_is_sent() {
        let upload = |length| {
            Upload::once(ByteStream {
                media_type: Arc::from("text/plain"),
                length,
                name: None,
                bytes: BodyStream::from_items(stream::empty()),
            })
        };
        for (length, taken) in [(None, true), (Some(9), true), (Some(10), false)] {
            let fits = fits(&upload(length), 9);
            assert_eq!(fits.is_ok(), taken, "{length:?}");
            if let Err(refused) = fits {
                assert_eq!((refused.field.as_deref(), refused.unsent), (Some(UPLOAD_FIELD), true));
            }
        }
    }
}
