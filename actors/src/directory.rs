//! The directory: the instances and the routing table over them, as every call reads them.
//!
//! Invariant: a directory is immutable and whole; the router alone publishes the next one.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use foldhash::fast::RandomState;

use crate::call::Call;
use crate::clock::Wall;
use crate::decision::Rules;
use crate::error::Failure;
use crate::instance::Instance;
use crate::operation::Operations;
use crate::policy::routing::{CandidateSet, Reach, Routable, RouteTrace, RoutingTable, Rule, Shadows};

/// What does not change while a system runs: its catalogue, its rules, what its tenants reach.
pub(crate) struct Rulebook {
    pub(crate) operations: Arc<Operations>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) reaches: HashMap<Arc<str>, Reach>,
    /// What rules in shadow would have changed.
    pub(crate) shadows: Arc<Shadows>,
    /// What hours of rules go by.
    pub(crate) wall: Wall,
}

/// The instances and the table, as of one version of the registry.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) table: RoutingTable,
    wall: Wall,
    instances: HashMap<Arc<str>, Arc<Instance>, RandomState>,
}

impl Directory {
    /// Compiles the rulebook over what is registered: what routing knows of each plugin, those that serve now, and the
    /// names of those that were never loaded.
    pub(crate) fn new(
        rulebook: &Rulebook,
        routables: Vec<Routable>,
        serving: Vec<Arc<Instance>>,
        unloaded: Vec<Arc<str>>,
    ) -> Self {
        let (operations, rules) = (rulebook.operations.clone(), &rulebook.rules);
        Directory {
            table: RoutingTable::new(operations, rules, &rulebook.reaches, routables, unloaded)
                .counting(&rulebook.shadows),
            wall: rulebook.wall.clone(),
            instances: serving
                .into_iter()
                .map(|instance| (instance.spec.name.clone(), instance))
                .collect(),
        }
    }

    /// The candidates of a call that comes now.
    ///
    /// # Errors
    /// As [`RoutingTable::route`].
    pub(crate) fn route(&self, call: &Call) -> Result<Arc<CandidateSet>, Failure> {
        self.table.route(call, self.unix())
    }

    /// The same, for who asks why.
    ///
    /// # Errors
    /// As [`RoutingTable::route`].
    pub(crate) fn explain(&self, call: &Call, trace: &mut dyn RouteTrace) -> Result<Arc<CandidateSet>, Failure> {
        self.table.explain(call, self.unix(), trace)
    }

    /// The rules that are tried for a call.
    pub(crate) fn rules_tried(&self, call: &Call) -> Rules {
        let mut rules = Rules::default();
        // What it comes to, whoever asks for the rules knows already.
        let _decided = self.explain(call, &mut rules);
        rules
    }

    /// The time of day, where rules look at it.
    fn unix(&self) -> u64 {
        if self.table.looks_at_the_clock() {
            self.wall.unix()
        } else {
            0
        }
    }

    /// The instance of this name that serves now.
    pub(crate) fn serving(&self, name: &str) -> Option<&Arc<Instance>> {
        self.instances.get(name)
    }
}

/// The directory that is current.
#[derive(Default)]
pub(crate) struct Published(ArcSwap<Directory>);

impl Published {
    /// For a look. Not to be held over a wait.
    pub(crate) fn load(&self) -> Guard<Arc<Directory>> {
        self.0.load()
    }

    /// Called by the router alone.
    pub(crate) fn store(&self, directory: Directory) {
        self.0.store(Arc::new(directory));
    }
}
