//! Rules and reaches: what a configuration says of who is asked.
//!
//! Invariant: a condition that is absent excludes nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::super::balance::Balance;
use super::super::glob::glob;
use crate::call::{Call, OperationRef, Resource};

/// A rule: calls that match all its conditions go to its instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Only this tenant; rules with a tenant are tried before global ones.
    pub tenant: Option<Arc<str>>,
    /// Only operations of this service.
    pub service: Option<Arc<str>>,
    /// Only operations whose name is this or begins with it and a dot: `git`, `git.repo`, `git.repo.get`.
    pub operation: Option<Arc<str>>,
    /// Only resources that match, in whatever case; `*` stands for any run of characters.
    pub resource: Option<Arc<str>>,
    /// The instances, all able to serve the same resources.
    pub instances: Vec<Arc<str>>,
    /// How they take turns.
    pub balance: Balance,
}

/// What a tenant may reach. What is absent bounds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// These instances; absent: those that the tenant's own rules name, or all where it has no rule.
    pub instances: Option<BTreeSet<Arc<str>>>,
    /// Operations of these services.
    pub services: Option<BTreeSet<Arc<str>>>,
    /// Operations whose name is one of these or begins with one and a dot.
    pub operations: Option<BTreeSet<Arc<str>>>,
}

impl Rule {
    /// Whether a call meets all its conditions.
    pub(super) fn matches(&self, call: &Call) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == call.caller.tenant)
            && self
                .service
                .as_ref()
                .is_none_or(|service| **service == *call.operation.service)
            && self
                .operation
                .as_ref()
                .is_none_or(|prefix| covers(prefix, call.operation.name))
            && self
                .resource
                .as_ref()
                .is_none_or(|pattern| matches_resource(pattern, &call.resource))
    }

    /// Whether none of its instances is within a reach.
    pub(super) fn is_out_of(&self, reach: Option<&Reach>) -> bool {
        !self.instances.iter().any(|name| reaches(reach, name))
    }
}

/// What each tenant reaches, with its own rules counted in. Tenants who reach all are left out.
pub(super) fn effective(rules: &[Rule], reaches: &HashMap<Arc<str>, Reach>) -> HashMap<Arc<str>, Reach, RandomState> {
    let mut effective: HashMap<_, _, RandomState> = reaches.clone().into_iter().collect();
    let mut named: HashMap<&Arc<str>, BTreeSet<Arc<str>>> = HashMap::new();
    for (tenant, rule) in rules.iter().filter_map(|rule| Some((rule.tenant.as_ref()?, rule))) {
        named.entry(tenant).or_default().extend(rule.instances.iter().cloned());
    }
    for (tenant, instances) in named {
        effective
            .entry(tenant.clone())
            .or_default()
            .instances
            .get_or_insert(instances);
    }
    effective.retain(|_, reach| *reach != Reach::default());
    effective
}

pub(super) fn reaches(reach: Option<&Reach>, instance: &str) -> bool {
    let bound = reach.and_then(|reach| reach.instances.as_ref());
    bound.is_none_or(|instances| instances.contains(instance))
}

impl Reach {
    pub(super) fn allows(&self, operation: OperationRef) -> bool {
        self.covers(operation.service, operation.name)
    }

    /// Whether what is called `name`, and is of `service`, is within it.
    pub(super) fn covers(&self, service: &str, name: &str) -> bool {
        let among = |services: &BTreeSet<Arc<str>>| services.contains(service);
        let covered = |names: &BTreeSet<Arc<str>>| names.iter().any(|prefix| covers(prefix, name));
        self.services.as_ref().is_none_or(among) && self.operations.as_ref().is_none_or(covered)
    }
}

/// Whether `prefix` is `name`, or some of its first words.
pub fn covers(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn matches_resource(pattern: &str, resource: &Resource) -> bool {
    glob(pattern.as_bytes(), resource.native().as_bytes())
}
