//! Rules and reaches: what a configuration says of who is asked.
//!
//! Invariant: a condition that is absent excludes nothing; whom a rule prefers, and to whom it turns instead, is always one
//! of those that it says are equivalent.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::super::balance::{Balance, Balancer};
use super::super::glob::glob;
use super::conditions::Conditions;
use super::nearest::Nearest;
use super::trace::Reason;
use crate::call::{Call, OperationRef, Resource};

/// A label: its name and its value, such as `hosting` and `self`.
pub type Label = (Arc<str>, Arc<str>);

/// A rule: calls that match all its conditions go to its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called, for people, records and counters; empty: it has no name.
    pub name: Arc<str>,
    /// It is as if it were not there, unless it is this.
    pub enabled: bool,
    /// It decides nothing: it is counted how often it would have decided otherwise.
    pub shadow: bool,
    /// Rules of a higher one are tried first; of several with the same, those that stand first. Tenants' own rules are
    /// tried before global ones all the same.
    pub priority: i32,
    /// Only this tenant; rules with a tenant are tried before global ones.
    pub tenant: Option<Arc<str>>,
    /// Only operations of this service.
    pub service: Option<Arc<str>>,
    /// Only operations whose name is this or begins with it and a dot: `git`, `git.repo`, `git.repo.get`.
    pub operation: Option<Arc<str>>,
    /// Only resources that match, in whatever case; `*` stands for any run of characters.
    pub resource: Option<Arc<str>>,
    /// What else a call must be like.
    pub when: Conditions,
    /// Instances, all able to serve the same resources.
    pub instances: Vec<Arc<str>>,
    /// Beside them every instance that carries all these labels, in the order of their names; empty: none. They are
    /// equivalent to the others.
    pub select: Vec<Label>,
    /// Who of them is asked first: the first of these with somebody to ask, then the next; then whoever is in none.
    pub prefer: Vec<Preference>,
    /// How they take turns.
    pub balance: Balance,
    /// In place of turns, the one that is expected to answer soonest.
    pub nearest: bool,
    /// Shares of the calls that are led to some of them first, for trials.
    pub canaries: Vec<Canary>,
}

impl Default for Rule {
    /// Enabled, without a condition, for nobody.
    fn default() -> Self {
        Rule {
            name: Arc::from(""),
            enabled: true,
            shadow: false,
            priority: 0,
            tenant: None,
            service: None,
            operation: None,
            resource: None,
            when: Conditions::default(),
            instances: Vec::new(),
            select: Vec::new(),
            prefer: Vec::new(),
            balance: Balance::default(),
            nearest: false,
            canaries: Vec::new(),
        }
    }
}

/// Some of a rule's instances, that are asked before those further down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// These.
    pub instances: Vec<Arc<str>>,
    /// And those that carry all these labels. With neither names nor labels: all.
    pub labels: Vec<Label>,
    /// Only while their credits last.
    pub credits: bool,
}

/// A share of a rule's calls for one of its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The instance.
    pub instance: Arc<str>,
    /// Its share, in parts of a million.
    pub parts: u32,
}

/// What a tenant may reach. What is absent bounds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// These instances; absent: those that the tenant's own rules name, or all where it has no rule. Rules that are not
    /// enabled, or in shadow, do not count.
    pub instances: Option<BTreeSet<Arc<str>>>,
    /// Operations of these services.
    pub services: Option<BTreeSet<Arc<str>>>,
    /// Operations whose name is one of these or begins with one and a dot.
    pub operations: Option<BTreeSet<Arc<str>>>,
}

impl Rule {
    /// Its balancer, that has seen nothing.
    pub fn balancer(&self) -> Box<dyn Balancer> {
        match self.nearest {
            true => Box::new(Nearest),
            false => self.balance.balancer(),
        }
    }

    /// Whether it decides.
    pub(super) fn applies(&self) -> bool {
        self.enabled && !self.shadow
    }

    /// Why no call of an operation matches.
    pub(super) fn excludes(&self, operation: OperationRef) -> Option<Reason> {
        if !self.enabled {
            return Some(Reason::Disabled);
        }
        if self
            .service
            .as_ref()
            .is_some_and(|service| **service != *operation.service)
        {
            return Some(Reason::Service);
        }
        if self
            .operation
            .as_ref()
            .is_some_and(|prefix| !covers(prefix, operation.name))
        {
            return Some(Reason::Operation);
        }
        let costs = &self.when.costs;
        (!costs.is_empty() && !costs.contains(&operation.cost)).then_some(Reason::CostClass)
    }

    /// Why a call does not match, of an operation that the rule does not exclude, at `unix` seconds since the Unix epoch.
    pub(super) fn mismatch(&self, call: &Call, unix: u64, cost: impl FnOnce() -> u64) -> Option<Reason> {
        if self.tenant.as_ref().is_some_and(|tenant| *tenant != call.caller.tenant) {
            return Some(Reason::Tenant);
        }
        let resource = self.resource.as_ref();
        if resource.is_some_and(|pattern| !matches_resource(pattern, &call.resource)) {
            return Some(Reason::Resource);
        }
        self.when.mismatch(call, unix, cost)
    }
}

/// The places of rules in the order in which they are tried: those of tenants before global ones, higher priorities before
/// lower; of equals, those that stand first.
pub fn in_order(rules: &[Rule]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rules.len()).collect();
    // A stable sort.
    order.sort_by_key(|index| (rules[*index].tenant.is_none(), Reverse(rules[*index].priority)));
    order
}

/// What each tenant reaches, with its own rules counted in: `named` gives tenants with the instances of one of their rules
/// each. Tenants who reach all are left out.
pub(super) fn effective<'a>(
    named: impl Iterator<Item = (&'a Arc<str>, &'a [Arc<str>])>,
    reaches: &HashMap<Arc<str>, Reach>,
) -> HashMap<Arc<str>, Reach, RandomState> {
    let mut effective: HashMap<_, _, RandomState> = reaches.clone().into_iter().collect();
    let mut all: HashMap<&Arc<str>, BTreeSet<Arc<str>>> = HashMap::new();
    for (tenant, instances) in named {
        all.entry(tenant).or_default().extend(instances.iter().cloned());
    }
    for (tenant, instances) in all {
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
