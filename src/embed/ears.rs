//! What a tenant may hear of what providers tell.
//!
//! Invariant: an event is told to those who could read what it tells of, and to nobody else.

use mosaic_actors::call::Caller;
use mosaic_actors::error::Failure;
use mosaic_actors::gateway::Attendance;

use super::mosaic::Mosaic;
use crate::catalogue::event::{Event, EventType};
use crate::surfaces::feed::Hearing;

/// The gateway's knowledge of it.
pub(super) struct Ears(pub(super) Mosaic);

impl Hearing for Ears {
    fn hears(&self, tenant: &str, event: &Event) -> bool {
        self.0.system().reaches(tenant, &event.provider) && self.hears_of(tenant, event.kind)
    }

    /// Some operation that it may use reads what such an event tells of. What no operation reads is told to whom all of its
    /// service may be told; and what is of no service, to whom everything may.
    fn hears_of(&self, tenant: &str, kind: EventType) -> bool {
        let system = self.0.system();
        if system.is_unbounded(tenant) {
            return true;
        }
        let catalogue = self.0.catalogue();
        let mut readers = catalogue
            .iter()
            .map(|entry| entry.declaration)
            .filter(|declaration| kind.is_read_by(declaration))
            .peekable();
        if readers.peek().is_none() {
            return system.allows(tenant, kind.service().unwrap_or(kind.name()), kind.name());
        }
        readers.any(|reader| system.allows(tenant, reader.facts.service, reader.facts.name))
    }

    fn admit(&self, caller: &Caller) -> Result<Attendance, Failure> {
        self.0.system().gateway().attend(&caller.tenant)
    }
}
