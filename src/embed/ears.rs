//! What a caller may hear of what providers tell.
//!
//! Invariant: an event is told to those who could read what it tells of, and to nobody else.

use mosaic_actors::call::Caller;
use mosaic_actors::error::Failure;
use mosaic_actors::gateway::Attendance;
use mosaic_actors::policy::scopes::Action;

use super::mosaic::Mosaic;
use crate::catalogue::event::{Event, EventType};
use crate::surfaces::feed::Hearing;

/// The gateway's knowledge of it.
pub(super) struct Ears(pub(super) Mosaic);

impl Hearing for Ears {
    fn hears(&self, caller: &Caller, event: &Event) -> bool {
        self.0.system().reaches(&caller.tenant, &event.provider) && self.hears_of(caller, event.kind)
    }

    /// Some operation that it may use reads what such an event tells of. What no operation reads is told to whom all of its
    /// service may be told; and what is of no service, to whom everything may.
    fn hears_of(&self, caller: &Caller, kind: EventType) -> bool {
        let (system, tenant) = (self.0.system(), &*caller.tenant);
        if system.is_unbounded(tenant) && caller.scopes.is_none() {
            return true;
        }
        let catalogue = self.0.catalogue();
        let mut readers = catalogue
            .iter()
            .map(|entry| entry.declaration)
            .filter(|declaration| kind.is_read_by(declaration))
            .peekable();
        if readers.peek().is_none() {
            let within = system.allows(tenant, kind.service().unwrap_or(kind.name()), kind.name());
            return within && caller.may(kind.name(), Action::Read);
        }
        readers.any(|reader| {
            let facts = &reader.facts;
            system.allows(tenant, facts.service, facts.name) && caller.may_do(facts)
        })
    }

    fn admit(&self, caller: &Caller) -> Result<Attendance, Failure> {
        self.0.system().gateway().attend(&caller.tenant)
    }
}
