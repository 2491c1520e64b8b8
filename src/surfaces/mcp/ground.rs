//! What every visit to the surface stands on: the offer, and what is made of it once.
//!
//! Invariant: nothing here belongs to one caller; what one may see is asked for each.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalogue::{Catalogue, Entry};
use crate::dispatch::Dispatcher;

use super::super::decisions::Decisions;
use super::super::rest::routes::Routes;
use super::super::rest::{CapabilitySource, Offered};
use super::administration::Administration;
use super::tools::{Shaped, shaped};
use super::toolsets::Toolsets;
use super::visit::Visitor;

/// What agents are offered, and who does it.
#[derive(Clone)]
pub(crate) struct Offer {
    /// Where calls go.
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// Which operations there are for a caller.
    pub(crate) offered: Offered,
    /// Which instances there are for a caller.
    pub(crate) capabilities: CapabilitySource,
    /// What was decided for calls, and what would be.
    pub(crate) decisions: Arc<dyn Decisions>,
    /// The administration, as far as it is among a caller's tools.
    pub(crate) administration: Arc<dyn Administration>,
    /// The toolsets of those who ask for none.
    pub(crate) toolsets: Vec<String>,
    /// Whether tools that remove something are offered.
    pub(crate) destructive: bool,
    /// The most bytes of an answer that a model is shown at once.
    pub(crate) max_answer: usize,
}

/// An offer, and what is made of it once.
pub(super) struct Ground {
    pub(super) offer: Offer,
    tools: Vec<Shaped>,
    by_name: HashMap<String, usize>,
    pub(super) routes: Routes,
}

impl Ground {
    pub(super) fn of(offer: Offer) -> Self {
        let tools: Vec<Shaped> = offer.dispatcher.catalogue().iter().map(shaped).collect();
        let named = |(at, shaped): (usize, &Shaped)| (shaped.tool.name.to_string(), at);
        Ground {
            by_name: tools.iter().enumerate().map(named).collect(),
            routes: Routes::of(offer.dispatcher.catalogue().iter()),
            tools,
            offer,
        }
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        self.offer.dispatcher.catalogue()
    }

    /// The toolsets of those who ask for none. A configuration names only those that there are.
    pub(super) fn usual(&self) -> Toolsets {
        Toolsets::named(self.offer.toolsets.clone())
    }

    /// Whether an operation is there for a visitor.
    pub(super) fn is_there(&self, entry: &Entry, visitor: &Visitor) -> bool {
        let number = self.catalogue().number(entry.name());
        let offered = number.is_some_and(|operation| (self.offer.offered)(&visitor.caller, operation));
        offered && (self.offer.destructive || !entry.declaration.facts.destructive)
    }

    /// The operations' tools that a visitor is shown, in the catalogue's order.
    pub(super) fn shown(&self, visitor: &Visitor) -> impl Iterator<Item = &Shaped> {
        let wanted = |shaped: &&Shaped| visitor.toolsets.have(shaped.entry) && self.is_there(shaped.entry, visitor);
        self.tools.iter().filter(wanted)
    }

    /// One of this name, whoever is shown it.
    pub(super) fn named(&self, name: &str) -> Option<&Shaped> {
        self.tools.get(*self.by_name.get(name)?)
    }

    /// One that a visitor is shown.
    pub(super) fn tool(&self, name: &str, visitor: &Visitor) -> Option<&Shaped> {
        let shaped = self.named(name)?;
        let wanted = visitor.toolsets.have(shaped.entry) && self.is_there(shaped.entry, visitor);
        wanted.then_some(shaped)
    }
}
