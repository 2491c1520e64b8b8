//! What is remembered of data sources, so that not every request reads one first.
//!
//! Invariant: what is remembered of a data source is forgotten as soon as something that is made of it is refused, a page of
//! it says a word that is not known, or [`FRESH`] is over: nobody is told of options that are added or grouped anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use super::super::ids::{Place, uuid};
use super::super::{Notion, wire};
use super::schema::{Tracker, word};
use crate::providers::http::{Received, behind};

/// The most data sources that are remembered.
const MOST: usize = 200;
/// How long a data source is taken to be as it was read.
pub const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// What is remembered of data sources, by their ids.
#[derive(Default)]
pub struct Trackers {
    known: Mutex<HashMap<String, Known>>,
    changing: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

struct Known {
    tracker: Arc<Tracker>,
    read: Timestamp,
}

impl Trackers {
    /// Held for one look.
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn forget(&self, id: &str) {
        self.known().remove(id);
    }

    /// A data source that was read a short while ago. A clock that was put back knows nothing of that.
    fn fresh(&self, id: &str, now: Timestamp) -> Option<Arc<Tracker>> {
        let known = self.known();
        let known = known.get(id)?;
        let age = now.duration_since(known.read);
        (!age.is_negative() && age < FRESH).then(|| known.tracker.clone())
    }

    /// Held by whoever changes a data source.
    pub fn changing(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        changing.retain(|_, lock| Arc::strong_count(lock) > 1);
        changing.entry(id.to_owned()).or_default().clone()
    }
}

/// Whether a page's status is a word that its data source did not have.
fn is_strange(page: &wire::Page, tracker: &Tracker) -> bool {
    let status = tracker.status.as_ref();
    status
        .zip(word(page, tracker))
        .is_some_and(|(status, word)| !status.has(&word))
}

impl Notion {
    /// The tracker of a project: of a data source, or of the only one of a database.
    pub(in super::super) async fn tracker(&self, native: &str, field: &str) -> Result<Arc<Tracker>, Failure> {
        let id = match native.contains('/') {
            true => match Place::read(native, field)? {
                Place::Database(database) => self.only_source(&database, field).await?,
                Place::DataSource(id) | Place::Page(id) | Place::Block(id) => {
                    let sentence = format!("{field} must be written as {id}");
                    return Err(Failure::invalid(field, sentence).never_sent());
                }
            },
            false => uuid(native, field)?,
        };
        if let Some(known) = self.trackers.fresh(&id, self.clock.now()) {
            return Ok(known);
        }
        let received = match self.read_source(&id).await {
            // People see the ids of databases.
            Err(failure) if failure.kind == Kind::NotFound && !native.contains('/') => {
                match self.only_source(&id, field).await {
                    Ok(source) => self.read_source(&source).await?,
                    Err(other) if other.kind == Kind::NotFound => return Err(failure),
                    Err(other) => return Err(other),
                }
            }
            received => received?,
        };
        self.remember(&received)
    }

    pub(in super::super) async fn read_source(&self, id: &str) -> Result<Received, Failure> {
        self.endpoint.send(self.endpoint.get(&["data_sources", id])?).await
    }

    /// Reads a data source anew.
    pub(in super::super) async fn tracker_anew(&self, source: &str) -> Result<Arc<Tracker>, Failure> {
        self.trackers.forget(source);
        let received = self.read_source(source).await?;
        self.remember(&received)
    }

    fn remember(&self, received: &Received) -> Result<Arc<Tracker>, Failure> {
        let json: Value = received.json()?;
        let id = json["id"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() {
            return Err(received.unusable("the answer is not as expected at id"));
        }
        let (mapping, place) = self.mappings.of(&id);
        let tracker = Tracker::read(&json, mapping, &place).map_err(|failure| received.blame(failure))?;
        let tracker = Arc::new(tracker);
        let read = self.clock.now();
        let mut known = self.trackers.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(
            id,
            Known {
                tracker: tracker.clone(),
                read,
            },
        );
        Ok(tracker)
    }

    /// The tracker of pages: read anew where one of them says a word that it does not know.
    pub(in super::super) async fn knowing(
        &self,
        tracker: Arc<Tracker>,
        pages: &[&wire::Page],
    ) -> Result<Arc<Tracker>, Failure> {
        match pages.iter().any(|page| is_strange(page, &tracker)) {
            true => self.tracker_anew(&tracker.source).await,
            false => Ok(tracker),
        }
    }

    /// The same of a page that was written; where it cannot be read anew, the one that is known.
    pub(in super::super) async fn knowing_behind(
        &self,
        instance: &str,
        tracker: &Arc<Tracker>,
        page: &wire::Page,
    ) -> Arc<Tracker> {
        let anew = behind(instance, self.knowing(tracker.clone(), &[page])).await;
        anew.unwrap_or_else(|| tracker.clone())
    }

    /// A failure of what was made of a tracker: where that has changed, the change is the failure.
    pub(in super::super) async fn drift(&self, tracker: &Tracker, failure: Failure) -> Failure {
        if failure.kind != Kind::InvalidInput {
            return failure;
        }
        match self.tracker_anew(&tracker.source).await {
            Err(drifted) if drifted.kind == Kind::PreconditionFailed => drifted,
            _ => failure,
        }
    }
}
