//! Routing: which instances may serve a call, and are equivalent for it.
//!
//! Invariant: instances are equivalent only where a rule says so; a resource that may live at several is refused, naming
//! them. Every way to name an instance passes [`RoutingTable::route`], which knows what its caller may reach.

pub mod check;
mod choose;
mod conditions;
mod home;
mod nearest;
mod rule;
mod ruling;
mod set;
mod shadow;
mod trace;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::offers::{Offered, Offers};
use super::price::Prices;
use crate::call::{Call, Homes, OperationRef, Operations};
use crate::driver::Capabilities;
use crate::error::{Failure, Kind};

pub use choose::{Eligible, choose};
pub(crate) use conditions::model_of;
pub use conditions::{Conditions, Window};
pub use nearest::Nearest;
pub use rule::{Canary, Label, Preference, Reach, Rule, covers, in_order};
pub use set::{CandidateSet, Tier};
pub use shadow::{ShadowReport, Shadows};
pub use trace::{Reason, RouteTrace};

use rule::{effective, reaches};
use ruling::{Compiled, told};

/// How a refusal begins of an instance that is unknown, or out of the caller's reach.
pub const UNKNOWN: &str = "no provider is called";

/// What routing must know of an instance.
#[derive(Clone, Debug)]
pub struct Routable {
    /// Its name.
    pub name: Arc<str>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Distinguishes the credentials that answers were had with.
    pub credential_scope: u64,
    /// What it offers by name.
    pub offers: Arc<Offers>,
    /// What rules may select it by.
    pub labels: Vec<Label>,
    /// What calls cost there.
    pub prices: Arc<Prices>,
    /// What may be spent there is bounded.
    pub credited: bool,
}

impl Routable {
    /// Whether it carries all of these labels.
    fn carries(&self, labels: &[Label]) -> bool {
        labels.iter().all(|label| self.labels.contains(label))
    }
}

/// A tenant, the place of a rule, the number of an operation.
type CutKey = (Arc<str>, usize, usize);

/// The compiled rules over the instances that are known.
#[derive(Debug, Default)]
pub struct RoutingTable {
    operations: Arc<Operations>,
    rules: Vec<Compiled>,
    instances: Vec<Routable>,
    by_name: HashMap<Arc<str>, usize, RandomState>,
    /// Known by name only: never loaded so far.
    unloaded: HashSet<Arc<str>>,
    reaches: HashMap<Arc<str>, Reach, RandomState>,
    /// By operation: the one instance that can do it, where there is but one and its resources live anywhere.
    sole: Vec<OnceLock<Option<Arc<CandidateSet>>>>,
    /// Each instance alone.
    alone: Vec<OnceLock<Arc<CandidateSet>>>,
    /// By operation: the instances that can do it.
    able: Vec<OnceLock<Vec<usize>>>,
    /// What rules come to for tenants who do not reach all.
    cut: DashMap<CutKey, Option<Arc<CandidateSet>>, RandomState>,
    /// By operation: the places of the rules that some call of it can match.
    ruling: Vec<OnceLock<Box<[usize]>>>,
    /// Some rule looks at the time of day.
    timed: bool,
    /// Some rule is in shadow.
    shadowing: bool,
    shadows: Arc<Shadows>,
}

impl RoutingTable {
    /// Compiles rules over instances. Names in rules that are no instance are passed over: configuration refuses
    /// them, and an instance may be gone for a while. Takes time in the number of instances, not of operations.
    pub fn new(
        operations: Arc<Operations>,
        rules: &[Rule],
        reaches: &HashMap<Arc<str>, Reach>,
        instances: Vec<Routable>,
        unloaded: impl IntoIterator<Item = Arc<str>>,
    ) -> Self {
        let by_name: HashMap<_, _, RandomState> = instances
            .iter()
            .enumerate()
            .map(|(index, instance)| (instance.name.clone(), index))
            .collect();
        let compile = |number: usize| Compiled::new(number, &rules[number], &instances, &by_name, operations.len());
        let compiled: Vec<Compiled> = in_order(rules).into_iter().map(compile).collect();
        let own = compiled.iter().filter(|compiled| compiled.rule.applies());
        let own = own.filter_map(|compiled| Some((compiled.rule.tenant.as_ref()?, &compiled.named[..])));
        RoutingTable {
            alone: slots(instances.len()),
            able: slots(operations.len()),
            sole: slots(operations.len()),
            ruling: slots(operations.len()),
            unloaded: unloaded.into_iter().collect(),
            reaches: effective(own, reaches),
            cut: DashMap::default(),
            timed: rules.iter().any(|rule| rule.enabled && !rule.when.hours.is_empty()),
            shadowing: rules.iter().any(|rule| rule.enabled && rule.shadow),
            shadows: Arc::default(),
            rules: compiled,
            operations,
            instances,
            by_name,
        }
    }

    /// The same, which counts there what its rules in shadow would have changed.
    pub fn counting(self, shadows: &Arc<Shadows>) -> Self {
        RoutingTable {
            shadows: shadows.clone(),
            ..self
        }
    }

    /// Whether it depends on the time of day; where it does not, any time will do for [`RoutingTable::route`].
    pub fn looks_at_the_clock(&self) -> bool {
        self.timed
    }

    /// The candidates of a call that comes at `unix`, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// `unsupported` when no candidate can do the operation; `not_found` or `invalid_input` for an instance that is unknown
    /// or out of the caller's reach; `invalid_input` on `provider` where several instances could hold the resource and no
    /// rule says that they are equivalent; `no_provider` when none has come up so far.
    pub fn route(&self, call: &Call, unix: u64) -> Result<Arc<CandidateSet>, Failure> {
        self.decide(call, unix, &mut None)
    }

    /// The same, with every step told to `trace`. Rules in shadow are not counted: nobody made the call.
    ///
    /// # Errors
    /// As [`RoutingTable::route`].
    pub fn explain(&self, call: &Call, unix: u64, trace: &mut dyn RouteTrace) -> Result<Arc<CandidateSet>, Failure> {
        self.decide(call, unix, &mut Some(trace))
    }

    fn decide(
        &self,
        call: &Call,
        unix: u64,
        trace: &mut Option<&mut dyn RouteTrace>,
    ) -> Result<Arc<CandidateSet>, Failure> {
        let operation = call.operation;
        let reach = self.reach(&call.caller.tenant);
        if !self.operations.owns(operation) {
            let sentence = format!("there is no operation {}", operation.name);
            return Err(Failure::new(Kind::NotFound, sentence).never_sent());
        }
        if reach.is_some_and(|reach| !reach.allows(operation)) {
            return Err(out_of_reach(operation));
        }
        if let Some(name) = call.provider.as_ref() {
            told(trace, |trace| trace.pinned(name));
            let unknown = || Failure::invalid("provider", format!("{UNKNOWN} {name}"));
            return self.pin(name, call, reach, unknown);
        }
        if let Some(name) = call.resource.instance() {
            told(trace, |trace| trace.pinned(name));
            let unknown = || Failure::new(Kind::NotFound, format!("{UNKNOWN} {name}"));
            return self.pin(name, call, reach, unknown);
        }
        self.ruled(call, unix, reach, trace)
    }

    /// Why no provider can be asked that a rule names, which none can do the operation for.
    fn unable(&self, compiled: &Compiled, operation: OperationRef, reach: Option<&Reach>) -> Failure {
        // What was never loaded may carry the labels that are selected by.
        let selected = self.unloaded.iter().filter(|_| !compiled.rule.select.is_empty());
        // Nobody is told of an instance that it may not know.
        let meant = compiled.rule.instances.iter().chain(selected);
        self.none_able(operation, meant.filter(|name| reaches(reach, name)))
    }

    /// Every instance within `tenant`'s reach that can do `operation`: what `provider=all` asks.
    pub fn capable(&self, operation: OperationRef, tenant: &str) -> Vec<Arc<str>> {
        let reach = self.reach(tenant);
        if !self.operations.owns(operation) || reach.is_some_and(|reach| !reach.allows(operation)) {
            return Vec::new();
        }
        let able = self.able(operation).iter().map(|index| &self.instances[*index].name);
        able.filter(|name| reaches(reach, name)).cloned().collect()
    }

    /// Whether an instance can do `operation`, whoever asks.
    pub fn can(&self, operation: OperationRef, instance: &str) -> bool {
        let mut able = self.able(operation).iter();
        self.operations.owns(operation) && able.any(|index| *self.instances[*index].name == *instance)
    }

    /// Whether `tenant` may know of an instance.
    pub fn reaches(&self, tenant: &str, instance: &str) -> bool {
        reaches(self.reach(tenant), instance)
    }

    /// Whether `tenant` may know of what is called `name`, and is of `service`: an operation, or something else that names
    /// itself as operations do.
    pub fn allows(&self, tenant: &str, service: &str, name: &str) -> bool {
        self.reach(tenant).is_none_or(|reach| reach.covers(service, name))
    }

    /// Whether `tenant` may know of every operation and every instance.
    pub fn is_unbounded(&self, tenant: &str) -> bool {
        self.reach(tenant).is_none()
    }

    /// Whether `operation` is there for `tenant`: it may use it, and an instance within its reach can do it, or has not come
    /// up so far to say so. To a tenant without bounds every operation is there.
    pub fn is_there_for(&self, operation: OperationRef, tenant: &str) -> bool {
        let Some(reach) = self.reach(tenant) else { return true };
        let within = |name: &Arc<str>| reaches(Some(reach), name);
        reach.allows(operation) && (!self.capable(operation, tenant).is_empty() || self.unloaded.iter().any(within))
    }

    fn reach(&self, tenant: &str) -> Option<&Reach> {
        match self.reaches.is_empty() {
            true => None,
            false => self.reaches.get(tenant),
        }
    }

    fn pin(
        &self,
        name: &Arc<str>,
        call: &Call,
        reach: Option<&Reach>,
        unknown: impl Fn() -> Failure,
    ) -> Result<Arc<CandidateSet>, Failure> {
        let (operation, native) = (call.operation, call.resource.native());
        if !reaches(reach, name) {
            return Err(unknown().never_sent());
        }
        let excludes = |index: usize| {
            operation.homes == Homes::Offered && self.instances[index].offers.offers(native) == Offered::Excluded
        };
        match self.by_name.get(name) {
            Some(index) if excludes(*index) => {
                let sentence = format!("{name} does not offer {native}");
                Err(Failure::new(Kind::NotFound, sentence).by(name).never_sent())
            }
            Some(index) if self.instances[*index].capabilities.can(operation) => Ok(self.alone(*index)),
            Some(_) => Err(unsupported(operation, Some(name))),
            None if self.unloaded.contains(name) => {
                Err(Failure::new(Kind::NoProvider, format!("{name} has not come up so far"))
                    .by(name)
                    .never_sent())
            }
            None => Err(unknown().never_sent()),
        }
    }

    /// Nobody can; or some who could have not come up so far.
    fn none_able<'a>(&self, operation: OperationRef, meant: impl Iterator<Item = &'a Arc<str>>) -> Failure {
        let away: BTreeSet<&str> = meant
            .filter(|name| !self.by_name.contains_key(*name))
            .map(|name| &**name)
            .collect();
        if !away.is_empty() {
            let names: Vec<&str> = away.into_iter().take(8).collect();
            let sentence = format!("{} has not come up so far", names.join(", "));
            let failure = Failure::new(Kind::NoProvider, sentence).never_sent();
            // Others that a rule names may not be there at all.
            let mut there = names.iter().filter(|name| self.unloaded.contains(**name));
            return match (there.next(), there.next()) {
                (Some(one), None) => failure.by(&Arc::from(*one)),
                _ => failure,
            };
        }
        if self.instances.is_empty() {
            return Failure::new(Kind::NoProvider, "no provider is configured").never_sent();
        }
        unsupported(operation, None)
    }

    fn able(&self, operation: OperationRef) -> &[usize] {
        self.able[operation.index()].get_or_init(|| {
            let all = self.instances.iter().enumerate();
            let able = all.filter(|(_, instance)| instance.capabilities.can(operation));
            able.map(|(index, _)| index).collect()
        })
    }

    fn sole(&self, operation: OperationRef) -> Option<Arc<CandidateSet>> {
        let sole = || match self.able(operation) {
            [one] if operation.homes == Homes::Any => Some(self.alone(*one)),
            _ => None,
        };
        self.sole[operation.index()].get_or_init(sole).clone()
    }

    fn alone(&self, index: usize) -> Arc<CandidateSet> {
        let alone = || Arc::new(CandidateSet::alone(&self.instances[index]));
        self.alone[index].get_or_init(alone).clone()
    }
}

fn slots<T>(count: usize) -> Vec<OnceLock<T>> {
    std::iter::repeat_with(OnceLock::new).take(count).collect()
}

/// That there is such an operation everybody may read; what is hidden are instances, and what they can do.
fn out_of_reach(operation: OperationRef) -> Failure {
    let sentence = format!("{} is not within the reach of this key", operation.name);
    Failure::new(Kind::NotFound, sentence).never_sent()
}

fn unsupported(operation: OperationRef, instance: Option<&Arc<str>>) -> Failure {
    let failure = match instance {
        Some(name) => Failure::new(Kind::Unsupported, format!("{name} cannot do {}", operation.name)).by(name),
        None => Failure::new(Kind::Unsupported, format!("no provider here can do {}", operation.name)),
    };
    failure.never_sent()
}

#[cfg(test)]
mod tests;
