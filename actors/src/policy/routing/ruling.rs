//! The walk over the rules: which one holds for a call, and what it comes to.
//!
//! Invariant: a rule in shadow, or cut to nothing by its caller's reach, decides nothing; each rule's set is made once for
//! each operation, however many calls look at it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;

use super::rule::{Reach, Rule, reaches};
use super::set::Candidate;
use super::trace::{Reason, RouteTrace};
use super::{CandidateSet, Routable, RoutingTable, slots};
use crate::call::{Call, OperationRef};
use crate::error::Failure;

/// A rule over the instances that are known.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) rule: Rule,
    number: usize,
    /// All that it is for, there or not: those that it names, and those that it selects.
    pub(super) named: Vec<Arc<str>>,
    /// In the order in which they are preferred.
    members: Vec<Member>,
    /// By operation, made at first use.
    sets: Vec<OnceLock<Option<Arc<CandidateSet>>>>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    /// Its place in the rule's list, or where somebody is preferred, among the members.
    place: usize,
    /// The number of its tier.
    tier: usize,
    /// The index of the instance.
    index: usize,
}

/// Tells a sink, where there is one.
pub(super) fn told(trace: &mut Option<&mut dyn RouteTrace>, word: impl FnOnce(&mut dyn RouteTrace)) {
    if let Some(trace) = trace {
        word(*trace);
    }
}

fn tell_costs(trace: &mut Option<&mut dyn RouteTrace>, number: usize, costs: Option<u64>) {
    if let Some(costs) = costs {
        told(trace, |trace| trace.costs(number, costs));
    }
}

impl Compiled {
    pub(super) fn new(
        number: usize,
        rule: &Rule,
        instances: &[Routable],
        by_name: &HashMap<Arc<str>, usize, RandomState>,
        operations: usize,
    ) -> Self {
        let mut named = rule.instances.clone();
        if !rule.select.is_empty() {
            let selects = |instance: &&Routable| instance.carries(&rule.select) && !named.contains(&instance.name);
            let mut selected: Vec<_> = instances.iter().filter(selects).map(|one| one.name.clone()).collect();
            selected.sort_unstable();
            named.extend(selected);
        }
        let member = |(place, name): (usize, &Arc<str>)| {
            let index = *by_name.get(name)?;
            let tier = rule.tier_of(&instances[index]);
            Some(Member { place, tier, index })
        };
        let mut members: Vec<Member> = named.iter().enumerate().filter_map(member).collect();
        if !rule.prefer.is_empty() {
            members.sort_by_key(|member| member.tier);
            for (place, member) in members.iter_mut().enumerate() {
                member.place = place;
            }
        }
        Compiled {
            number,
            named,
            members,
            sets: slots(operations),
            rule: rule.clone(),
        }
    }

    /// Whether none of its instances is within a reach.
    fn is_out_of(&self, reach: Option<&Reach>) -> bool {
        !self.named.iter().any(|name| reaches(reach, name))
    }
}

impl Rule {
    /// The number of the first preference that an instance meets; those that meet none come last.
    fn tier_of(&self, instance: &Routable) -> usize {
        let meets = self.prefer.iter().position(|preference| {
            let named = preference.instances.contains(&instance.name);
            let all = preference.instances.is_empty() && preference.labels.is_empty();
            named || all || !preference.labels.is_empty() && instance.carries(&preference.labels)
        });
        meets.unwrap_or(self.prefer.len())
    }
}

impl RoutingTable {
    /// The candidates that the first rule gives which holds; without one, where the resource lives.
    pub(super) fn ruled(
        &self,
        call: &Call,
        unix: u64,
        reach: Option<&Reach>,
        trace: &mut Option<&mut dyn RouteTrace>,
    ) -> Result<Arc<CandidateSet>, Failure> {
        let mut end = self.rules.len();
        let mut decided = None;
        for place in self.tried(call.operation, trace.is_some()) {
            let compiled = &self.rules[place];
            let rule = &compiled.rule;
            let skips = || rule.excludes(call.operation).filter(|_| trace.is_some());
            let mut costs = None;
            if let Some(why) = skips().or_else(|| self.mismatch(compiled, call, unix, &mut costs)) {
                told(trace, |trace| trace.passed_over(compiled.number, rule, why));
                tell_costs(trace, compiled.number, costs);
                continue;
            }
            if rule.shadow {
                continue;
            }
            let set = self.members(place, compiled, call, reach);
            // Cut to nothing, a rule does not exist for its caller.
            if set.is_none() && compiled.is_out_of(reach) {
                told(trace, |trace| {
                    trace.passed_over(compiled.number, rule, Reason::OutOfReach)
                });
                continue;
            }
            told(trace, |trace| trace.matched(compiled.number, rule, set.as_deref()));
            tell_costs(trace, compiled.number, costs);
            end = place;
            decided = Some(set.ok_or_else(|| self.unable(compiled, call.operation, reach)));
            break;
        }
        let decided = decided.unwrap_or_else(|| {
            told(trace, |trace| trace.unruled());
            self.home(call, reach)
        });
        if self.shadowing {
            self.compare(call, unix, reach, end, decided.as_deref().ok(), trace);
        }
        decided
    }

    /// What the rules in shadow before `end` would have decided.
    fn compare(
        &self,
        call: &Call,
        unix: u64,
        reach: Option<&Reach>,
        end: usize,
        decided: Option<&CandidateSet>,
        trace: &mut Option<&mut dyn RouteTrace>,
    ) {
        for place in self.tried(call.operation, false).filter(|place| *place < end) {
            let compiled = &self.rules[place];
            let mut costs = None;
            if !compiled.rule.shadow || self.mismatch(compiled, call, unix, &mut costs).is_some() {
                continue;
            }
            let would = self.members(place, compiled, call, reach);
            if would.is_none() && compiled.is_out_of(reach) {
                continue;
            }
            let same = match (would.as_deref(), decided) {
                (Some(would), Some(decided)) => self.choose_alike(would, decided),
                (would, decided) => would.is_none() && decided.is_none(),
            };
            match trace {
                Some(told) => {
                    told.shadowed(compiled.number, &compiled.rule, would.as_deref(), same);
                    tell_costs(trace, compiled.number, costs);
                }
                None => self.shadows.count(compiled.number, same),
            }
        }
    }

    /// Whether two rules ask the same candidates in the same order, and choose among them alike.
    fn choose_alike(&self, one: &CandidateSet, other: &CandidateSet) -> bool {
        let way = |set: &CandidateSet| {
            let rule = self.rules.iter().find(|compiled| Some(compiled.number) == set.rule);
            rule.map(|compiled| (&compiled.rule.balance, compiled.rule.nearest, &compiled.rule.canaries))
        };
        // Where there is one, there is nothing to choose.
        one.order == other.order && (one.instances.len() < 2 || way(one) == way(other))
    }

    /// The places of the rules that are looked at: all, or those that calls of the operation can match.
    fn tried(&self, operation: OperationRef, all: bool) -> impl Iterator<Item = usize> {
        let ruling = match all {
            true => &[][..],
            false => self.ruling[operation.index()].get_or_init(|| {
                let rules = self.rules.iter().enumerate();
                let can = rules.filter(|(_, compiled)| compiled.rule.excludes(operation).is_none());
                can.map(|(place, _)| place).collect()
            }),
        };
        let every = if all { self.rules.len() } else { 0 };
        ruling.iter().copied().chain(0..every)
    }

    /// Why a rule does not hold; what the call is expected to cost, where that was looked at, is left in `costs`.
    fn mismatch(&self, compiled: &Compiled, call: &Call, unix: u64, costs: &mut Option<u64>) -> Option<Reason> {
        let dearest = || {
            let able = self.able_of(compiled, call.operation);
            let all = able.filter_map(|member| self.instances[member.index].prices.expected(call));
            *costs.insert(all.max().unwrap_or(0))
        };
        compiled.rule.mismatch(call, unix, dearest)
    }

    fn able_of<'a>(&'a self, compiled: &'a Compiled, operation: OperationRef) -> impl Iterator<Item = &'a Member> {
        let members = compiled.members.iter();
        members.filter(move |member| self.instances[member.index].capabilities.can(operation))
    }

    /// The members of a rule that can do the call's operation, as far as its caller reaches them.
    fn members(
        &self,
        place: usize,
        compiled: &Compiled,
        call: &Call,
        reach: Option<&Reach>,
    ) -> Option<Arc<CandidateSet>> {
        let operation = call.operation;
        if reach.is_none_or(|reach| reach.instances.is_none()) {
            return compiled.sets[operation.index()]
                .get_or_init(|| self.set(compiled, self.able_of(compiled, operation)))
                .clone();
        }
        let within = || {
            let able = self.able_of(compiled, operation);
            able.filter(|member| reaches(reach, &self.instances[member.index].name))
        };
        let key = (call.caller.tenant.clone(), place, operation.index());
        self.cut
            .entry(key)
            .or_insert_with(|| self.set(compiled, within()))
            .clone()
    }

    fn set<'a>(&'a self, compiled: &Compiled, members: impl Iterator<Item = &'a Member>) -> Option<Arc<CandidateSet>> {
        let rule = &compiled.rule;
        let members = members.map(|member| Candidate {
            place: member.place,
            tier: member.tier,
            instance: &self.instances[member.index],
        });
        let credits = |tier: usize| rule.prefer.get(tier).is_some_and(|preference| preference.credits);
        let mut set = CandidateSet::of(Some(compiled.number), members, credits);
        let mut end = 0u32;
        for canary in &rule.canaries {
            let from = end;
            end = end.saturating_add(canary.parts);
            if let Some(index) = set.instances.iter().position(|name| *name == canary.instance) {
                set.canaries.push((index, from..end));
            }
        }
        (!set.instances.is_empty()).then(|| Arc::new(set))
    }
}
