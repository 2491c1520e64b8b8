//! Pages that are made and filled, and what is taken back where that fails.
//!
//! Invariant: a page that was made and could not be filled is put into the trash again, and the failure says so.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use tokio::time::Instant;

use super::parts::{self, At};
use super::reverted::half_done;
use super::unanswered::{Written, in_doubt};
use super::unfinished::Unfinished;
use super::{Notion, block, wire};
use crate::providers::http::{Received, Row, behind};

/// What the answer to a write, or behind one, tells of the page; none where it cannot be read: what was written stands all the
/// same.
pub(super) fn readable(received: &Received, instance: &str, with_raw: bool) -> Option<Row<wire::Page>> {
    match received.row(with_raw) {
        Ok(row) => Some(row),
        Err(failure) => {
            tracing::debug!(provider = instance, %failure, "a page behind a write cannot be read");
            None
        }
    }
}

/// What is said of a part that was not seen to arrive.
const LAST: &str = "the part that was sent last had no answer, and may stand in the page, or come to stand there";

impl Notion {
    /// Makes a page and fills it; answers what Notion says of it. `body`: the request without children.
    pub(super) async fn make(
        self: &Arc<Self>,
        instance: &Arc<str>,
        body: serde_json::Value,
        blocks: &[block::Block],
        deadline: Instant,
    ) -> Result<Received, Failure> {
        let mut body = body;
        let mut prepared = parts::prepare(blocks)?;
        let rest = prepared.split_off(parts::first_batch(&prepared));
        if !prepared.is_empty() {
            body["children"] = prepared.into_iter().map(|one| one.json).collect();
        }
        let received = self.endpoint.send(self.endpoint.post(&["pages"], &body)?).await?;
        let made: wire::Page = received.json()?;
        let begun = Unfinished::new(self, instance).with_page(&made.id);
        let mut written = Written::default();
        let filled = self
            .put_in(made.id.clone(), At::End, rest, &mut written, deadline)
            .await;
        if let Err(failure) = filled {
            let failure = self.unmade(instance, &made.id, failure, deadline).await;
            begun.end();
            return Err(failure);
        }
        begun.end();
        Ok(received)
    }

    /// Puts a page that is half made into the trash, and tells what became of it.
    async fn unmade(&self, instance: &str, id: &str, failure: Failure, deadline: Instant) -> Failure {
        let outgoing = || self.endpoint.patch(&["pages", id], &self.version.trash(true));
        let page = Resource::neutral_id(instance, id);
        let (stays, became) = match self.patient(deadline, outgoing).await {
            Ok(_) => (false, "it has been put into the trash again".to_owned()),
            Err(why) => {
                let why = why.message();
                let stands = format!("it stands there so, since it could not be put into the trash ({why})");
                (true, stands)
            }
        };
        let sentence = format!(
            "the page {page} was made, but not all of its text could be written ({}); {became}",
            failure.message()
        );
        let mut failure = failure.saying(sentence);
        if stays {
            return half_done(failure);
        }
        (failure.retryable, failure.unsent, failure.retry_after) = (false, false, None);
        failure
    }

    /// The page as it is now, behind a write; none where it is not told soon.
    pub(super) async fn page_behind(&self, instance: &str, id: &str) -> Option<Received> {
        let read = async { self.endpoint.send(self.endpoint.get(&["pages", id])?).await };
        behind(instance, read).await
    }
}

impl Notion {
    /// Takes away what was added before something failed, and tells what became of it.
    pub(super) async fn undone(&self, failure: Failure, written: &Written, deadline: Instant) -> Failure {
        if written.is_nothing() {
            return failure;
        }
        let (all, whole) = self.all_of(written, deadline).await;
        let became = match (self.take_away(&all, deadline).await, whole) {
            (Ok(()), true) => {
                let mut failure = failure.also("what had been written was taken away again: the page is as it was");
                (failure.retryable, failure.unsent, failure.retry_after) = (false, false, None);
                return failure;
            }
            (Ok(()), false) if all.is_empty() => LAST.to_owned(),
            (Ok(()), false) => format!("what was known to be written was taken away again; {LAST}"),
            (Err((left, why)), _) => {
                let last = if whole { String::new() } else { format!("; {LAST}") };
                let stand = if in_doubt(&why) { "may stand" } else { "stand" };
                format!(
                    "{left} of the blocks that had been written {stand} there still, the first of them {} ({}){last}",
                    all[0],
                    why.message()
                )
            }
        };
        half_done(failure.also(&became))
    }
}
