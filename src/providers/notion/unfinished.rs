//! What is begun where nobody waits any more: an operation ends where its time does, between two requests or within one.
//!
//! Invariant: what an operation that is dropped has begun is taken back by a task of its own, within a bound; an operation
//! that comes to its end does that itself, and tells.

use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::Notion;
use super::unanswered::Written;

/// How long the taking back may take.
const LONGEST: Duration = Duration::from_secs(60);

/// An operation that has begun, and what goes where it is dropped.
pub struct Unfinished {
    notion: Arc<Notion>,
    instance: Arc<str>,
    /// A page that was made.
    page: Option<String>,
    /// What was written, or is to go in any case.
    pub written: Written,
    /// What was there before and is, or may be, in the trash: put back before what was written goes.
    pub gone: Vec<String>,
}

impl Unfinished {
    /// Nothing is begun yet.
    pub fn new(notion: &Arc<Notion>, instance: &Arc<str>) -> Self {
        Unfinished {
            notion: notion.clone(),
            instance: instance.clone(),
            page: None,
            written: Written::default(),
            gone: vec![],
        }
    }

    /// A page was made, and is to be filled.
    pub fn with_page(mut self, id: &str) -> Self {
        self.page = Some(id.to_owned());
        self
    }

    /// It has come to an end, good or bad: nothing is left to be taken back.
    pub fn end(mut self) {
        self.page = None;
        self.written = Written::default();
        self.gone.clear();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let (page, written, gone) = (self.page.take(), take(&mut self.written), take(&mut self.gone));
        if page.is_none() && written.is_nothing() && gone.is_empty() {
            return;
        }
        // Without a runtime the process is at its end.
        let Ok(runtime) = Handle::try_current() else { return };
        let (notion, instance) = (self.notion.clone(), self.instance.clone());
        runtime.spawn(async move {
            let (provider, count) = (&*instance, written.ids.len());
            let (page, deadline) = (page.as_deref(), Instant::now() + LONGEST);
            let late = |_| Failure::new(Kind::Timeout, "it took too long");
            let back = async {
                let put = notion.put_back(&gone, deadline).await;
                put.map_err(|left| left.1)?;
                notion.take_back(page, &written, deadline).await
            };
            let taken = timeout_at(deadline, back).await;
            match taken.map_err(late).flatten() {
                Ok(()) => tracing::warn!(provider, page, count, "what was not written in time is taken back"),
                Err(failure) => {
                    tracing::error!(provider, page, count, %failure, "what was not written in time stands there half");
                }
            }
        });
    }
}

impl Notion {
    async fn take_back(&self, page: Option<&str>, written: &Written, deadline: Instant) -> Result<(), Failure> {
        if let Some(id) = page {
            let outgoing = || self.endpoint.patch(&["pages", id], &self.version.trash(true));
            return self.patient(deadline, outgoing).await.map(drop);
        }
        let (blocks, whole) = self.all_of(written, deadline).await;
        let unknown = || Failure::new(Kind::UpstreamFailed, "the part that was sent last had no answer");
        let mut failed = (!whole).then(unknown);
        for id in blocks.iter().rev() {
            match self.patient(deadline, || self.endpoint.delete(&["blocks", id])).await {
                // It went before the end came.
                Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::InvalidInput | Kind::Conflict) => {}
                Err(failure) => failed = failed.or(Some(failure)),
                Ok(_) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
