//! A file of requests whose batch nobody waits for any more: an operation ends where its time does, between two requests or
//! within one.
//!
//! Invariant: the file of an operation that is dropped goes by a task of its own, within a bound, unless a batch was made of
//! it; what is left of it all the same is logged by its id. An operation that comes to its end does that itself, and tells.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::OpenAi;
use super::batch_wire::{Batch, Rows};
use crate::providers::http::Row;

/// How long the taking back may take.
const LONGEST: Duration = Duration::from_secs(60);
/// How many of the newest batches are looked at.
const NEWEST: u32 = 100;

/// A batch that is being made, and what goes where that is dropped.
pub struct Unfinished {
    openai: Arc<OpenAi>,
    instance: Arc<str>,
    stands: Stands,
}

/// How far it is.
enum Stands {
    /// The file of its requests is being sent.
    Uploading,
    /// The provider has it.
    Kept(String),
    /// It was asked to make a batch of it.
    Asked(String),
    Over,
}

impl Unfinished {
    /// The file of requests is about to be sent.
    pub fn new(openai: &Arc<OpenAi>, instance: &Arc<str>) -> Self {
        Unfinished {
            openai: openai.clone(),
            instance: instance.clone(),
            stands: Stands::Uploading,
        }
    }

    /// The provider has the file, and no batch is made of it.
    pub fn kept(&mut self, file: &str) {
        self.stands = Stands::Kept(file.to_owned());
    }

    /// The provider is asked to make a batch of the file.
    pub fn asked(&mut self, file: &str) {
        self.stands = Stands::Asked(file.to_owned());
    }

    /// It has come to an end, good or bad: nothing is left to be taken back.
    pub fn end(mut self) {
        self.stands = Stands::Over;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let (file, asked) = match std::mem::replace(&mut self.stands, Stands::Over) {
            Stands::Over => return,
            Stands::Uploading => {
                let provider = &*self.instance;
                tracing::warn!(
                    provider,
                    "a file of requests may be left at the provider, of which no batch was made"
                );
                return;
            }
            Stands::Kept(file) => (file, false),
            Stands::Asked(file) => (file, true),
        };
        // Without a runtime the process is at its end.
        let Ok(runtime) = Handle::try_current() else { return };
        let (openai, instance) = (self.openai.clone(), self.instance.clone());
        runtime.spawn(async move {
            let (provider, file) = (&*instance, &*file);
            let late = |_| Failure::new(Kind::Timeout, "it took too long");
            match timeout(LONGEST, openai.take_back(file, asked))
                .await
                .map_err(late)
                .flatten()
            {
                Ok(None) => tracing::warn!(
                    provider,
                    file,
                    "the file of a batch that was not made in time is taken back"
                ),
                Ok(Some(batch)) => tracing::warn!(provider, file, batch, "a batch was made that nobody waits for"),
                Err(failure) => {
                    tracing::error!(provider, file, %failure, "the file of a batch that was not made in time is left");
                }
            }
        });
    }
}

impl OpenAi {
    /// Deletes the file of requests, unless a batch was made of it: then that one's id.
    async fn take_back(&self, file: &str, asked: bool) -> Result<Option<String>, Failure> {
        if asked && let Some(batch) = self.made_of(file).await? {
            return Ok(Some(batch));
        }
        let removal = self.endpoint.delete(&["files", file])?;
        self.endpoint.send(removal).await.map(|_| None)
    }

    /// The batch that was made of a file just now: the newest come first. One that is made later than that finds no file,
    /// and costs nothing.
    async fn made_of(&self, file: &str) -> Result<Option<String>, Failure> {
        let outgoing = self.endpoint.get(&["batches"])?.query_if("limit", Some(NEWEST));
        let received = self.endpoint.send(outgoing).await?;
        let list: Rows = received.json()?;
        let Some(data) = list.data else {
            return Err(received.unusable("the answer is not as expected at data"));
        };
        let rows: Vec<Row<Batch>> = received.rows_of(&data, false)?;
        let its = rows
            .into_iter()
            .find(|row| row.wire.input_file_id.as_deref() == Some(file));
        Ok(its.map(|row| row.wire.id))
    }
}
