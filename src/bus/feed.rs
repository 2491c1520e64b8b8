//! Feeds: the events behind a place, and those that come.
//!
//! Invariant: events come in the order of their numbers, each once; where some were forgotten before they could be told,
//! that is told in their place.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::seats::Seat;
use crate::catalogue::event::Event;
use crate::stores::{EventRow, Span, StateStore};

/// Events that are read at a time.
const AT_ONCE: u32 = 100;

/// Which events are told.
#[derive(Clone, Default)]
pub struct Filter {
    /// Those of this service.
    pub service: Option<String>,
    /// Those of this type, or whose type begins so: `git.pr`.
    pub kind: Option<String>,
    /// Those of this instance.
    pub provider: Option<String>,
    /// Those of this resource, or of what is within it: a neutral id, or an id without its instance.
    pub resource: Option<String>,
    /// Those that the caller may know of.
    pub reach: Option<Reach>,
}

/// Whether the caller may know of an event.
pub type Reach = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("service", &self.service)
            .field("kind", &self.kind)
            .field("provider", &self.provider)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

impl Filter {
    /// Whether an event is told.
    pub fn takes(&self, event: &Event) -> bool {
        let is =
            |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
        is(&self.service, event.kind.service())
            && is(&self.provider, Some(&event.provider))
            && self.kind.as_deref().is_none_or(|prefix| event.kind.is(prefix))
            && self
                .resource
                .as_deref()
                .is_none_or(|wanted| concerns(wanted, event.resource.as_deref()))
            && self.reach.as_ref().is_none_or(|reach| reach(event))
    }
}

/// Whether a resource is the one that is wanted, or within it: `acme/api#7` is within `acme/api`, which is within `acme`.
fn concerns(wanted: &str, resource: Option<&str>) -> bool {
    let Some(resource) = resource else { return false };
    let native = resource.split_once('~').map_or(resource, |(_, native)| native);
    let found = match wanted.contains('~') {
        true => resource,
        false => native,
    };
    // Forges compare paths without case.
    let (found, wanted) = (found.to_lowercase(), wanted.to_lowercase());
    let rest = found.strip_prefix(&wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#']))
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// An event.
    Event(Box<Event>),
    /// Events behind this place were forgotten before they could be told; those from `oldest` on follow.
    Missed {
        /// Where the listener was.
        after: i64,
        /// The oldest that is kept.
        oldest: i64,
    },
}

/// What a feed has its events of.
pub(super) struct Source {
    pub(super) store: Arc<dyn StateStore>,
    /// The gateway is going.
    pub(super) ended: CancellationToken,
    pub(super) woken: watch::Receiver<i64>,
    pub(super) _seat: Seat,
}

/// Listens.
pub struct Feed {
    source: Source,
    after: i64,
    filter: Filter,
    ready: VecDeque<Heard>,
}

impl Feed {
    pub(super) fn new(source: Source, span: Span, after: Option<i64>, filter: Filter) -> Self {
        let asked = after.unwrap_or(span.latest);
        // A place that is not there yet was another store's: what this one keeps is new to the listener.
        let is_strange = asked > span.latest;
        let oldest = span.oldest.unwrap_or(span.latest + 1);
        let ready = is_strange.then_some(Heard::Missed { after: asked, oldest });
        Feed {
            source,
            after: if is_strange { 0 } else { asked },
            filter,
            ready: ready.into_iter().collect(),
        }
    }

    /// Behind which event it goes on, once all that it has ready is heard: whatever was before that and was not told was not
    /// for it. None while something is ready.
    pub fn place(&self) -> Option<i64> {
        self.ready.is_empty().then_some(self.after)
    }

    /// The next that is heard; waits for it. None once the gateway has stopped. It may be given up at any time, and misses
    /// nothing.
    ///
    /// # Errors
    /// What the store fails with.
    pub async fn next(&mut self) -> Option<Result<Heard, Failure>> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Some(Ok(heard));
            }
            // Before it is read: what comes while it is read wakes it again.
            self.source.woken.mark_unchanged();
            let rows = match self.source.store.list_events(self.after, AT_ONCE).await {
                Ok(rows) => rows,
                Err(error) => return Some(Err(error.into())),
            };
            if rows.is_empty() {
                let Source { ended, woken, .. } = &mut self.source;
                ended.run_until_cancelled(woken.changed()).await?.ok()?;
                continue;
            }
            self.take(rows);
        }
    }

    fn take(&mut self, rows: Vec<EventRow>) {
        for row in rows {
            // Numbers have no gaps but where the oldest were forgotten.
            if self.after > 0 && self.after + 1 < row.seq {
                self.missed(row.seq);
            }
            match read(&row) {
                Ok(event) if self.filter.takes(&event) => self.ready.push_back(Heard::Event(Box::new(event))),
                Ok(_) => {}
                // Of a later version, say: the others can be told all the same.
                Err(failure) => {
                    tracing::error!(event = row.seq, %failure, "an event is left out");
                    self.missed(row.seq + 1);
                }
            }
            self.after = row.seq;
        }
    }

    fn missed(&mut self, oldest: i64) {
        let after = self.after;
        self.ready.push_back(Heard::Missed { after, oldest });
    }
}

fn read(row: &EventRow) -> Result<Event, Failure> {
    let damaged = |error| Failure::new(Kind::Internal, "a kept event is damaged").because(error);
    let mut event: Event = serde_json::from_str(&row.body).map_err(damaged)?;
    event.id = row.seq;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::event::{EventType, Told};

    fn event(kind: EventType, native: Option<&str>) -> Event {
        let told = Told {
            kind,
            native: native.map(str::to_owned),
            ..Told::default()
        };
        told.placed(1, &Arc::from("forge"), "2026-03-01T00:00:00Z".to_owned())
    }

    #[test]
    fn a_filter_takes_what_is_within_what_it_names() {
        let of = |resource: &str| Filter {
            resource: Some(resource.to_owned()),
            ..Filter::default()
        };
        let pull = event(EventType::PullMerged, Some("Acme/api#7"));
        for wanted in ["acme", "acme/api", "acme/api#7", "forge~acme/api", "forge~ACME"] {
            assert!(of(wanted).takes(&pull), "{wanted}");
        }
        for wanted in ["acme/ap", "other~acme", "acme/api#70", "api"] {
            assert!(!of(wanted).takes(&pull), "{wanted}");
        }
        assert!(!of("acme").takes(&event(EventType::Other, None)));
        let kind = |kind: &str| Filter {
            kind: Some(kind.to_owned()),
            ..Filter::default()
        };
        assert!(kind("git.pr").takes(&pull) && !kind("git.push").takes(&pull));
        let nobody = Filter {
            reach: Some(Arc::new(|event| &*event.provider != "forge")),
            ..Filter::default()
        };
        assert!(!nobody.takes(&pull));
    }
}
