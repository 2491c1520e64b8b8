//! Pages that are made and filled, and what is taken back where that fails.
//!
//! Invariant: a page that was made and could not be filled is put into the trash again, and the failure says so.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use tokio::time::Instant;

use super::parts::{self, At};
use super::unfinished::Unfinished;
use super::{Notion, block, wire};
use crate::providers::http::{Received, behind};

/// A page that was made.
pub(super) struct MadePage {
    pub received: Received,
    /// By one request.
    pub at_once: bool,
}

impl Notion {
    /// Makes a page and fills it. `body`: the request without children.
    pub(super) async fn make(
        self: &Arc<Self>,
        instance: &Arc<str>,
        body: serde_json::Value,
        blocks: &[block::Block],
        deadline: Instant,
    ) -> Result<MadePage, Failure> {
        let mut body = body;
        let mut prepared = parts::prepare(blocks)?;
        let rest = prepared.split_off(parts::first_batch(&prepared));
        if !prepared.is_empty() {
            body["children"] = prepared.into_iter().map(|one| one.json).collect();
        }
        let received = self.endpoint.send(self.endpoint.post(&["pages"], &body)?).await?;
        let made: wire::Page = received.json()?;
        let at_once = rest.is_empty();
        let begun = Unfinished::new(self, instance).with_page(&made.id);
        let filled = self.put_in(made.id.clone(), At::End, rest, &mut vec![], deadline).await;
        if let Err(failure) = filled {
            let failure = self.unmade(instance, &made.id, failure, deadline).await;
            begun.end();
            return Err(failure);
        }
        begun.end();
        Ok(MadePage { received, at_once })
    }

    /// Puts a page that is half made into the trash, and tells what became of it.
    async fn unmade(&self, instance: &str, id: &str, failure: Failure, deadline: Instant) -> Failure {
        let outgoing = || self.endpoint.patch(&["pages", id], &self.version.trash(true));
        let page = Resource::neutral_id(instance, id);
        let became = match self.patient(deadline, outgoing).await {
            Ok(_) => "it has been put into the trash again".to_owned(),
            Err(why) => format!(
                "it stands there so, since it could not be put into the trash ({})",
                why.message()
            ),
        };
        let sentence = format!(
            "the page {page} was made, but not all of its text could be written ({}); {became}",
            failure.message()
        );
        let mut failure = failure.saying(sentence);
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
    pub(super) async fn undone(&self, failure: Failure, made: &[String], deadline: Instant) -> Failure {
        if made.is_empty() {
            return failure;
        }
        let became = match self.take_away(made, deadline).await {
            Ok(()) => "what had been written was taken away again: the page is as it was".to_owned(),
            Err((left, why)) => format!(
                "{left} of the blocks that had been written stand there still, the first of them {} ({})",
                made[0],
                why.message()
            ),
        };
        let mut failure = failure.also(&became);
        (failure.retryable, failure.unsent, failure.retry_after) = (false, false, None);
        failure
    }
}
