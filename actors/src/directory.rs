//! The directory: the instances and the routing table over them, as every call reads them.
//!
//! Invariant: a directory is immutable and whole; the router alone publishes the next one.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use foldhash::fast::RandomState;

use crate::instance::Instance;
use crate::operation::Operations;
use crate::policy::routing::{Reach, Routable, RoutingTable, Rule};

/// What does not change while a system runs: its catalogue, its rules, what its tenants reach.
pub(crate) struct Rulebook {
    pub(crate) operations: Arc<Operations>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) reaches: HashMap<Arc<str>, Reach>,
}

/// The instances and the table, as of one version of the registry.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) table: RoutingTable,
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
            table: RoutingTable::new(operations, rules, &rulebook.reaches, routables, unloaded),
            instances: serving
                .into_iter()
                .map(|instance| (instance.spec.name.clone(), instance))
                .collect(),
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
