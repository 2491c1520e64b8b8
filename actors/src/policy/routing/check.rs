//! What is wrong with rules by themselves: contradictions, and rules that never decide.
//!
//! Invariant: what is told to be never used is never the first match of any call; a rule that is used now and then is not
//! named.

use std::sync::Arc;

use super::super::glob::glob;
use super::choose::WHOLE;
use super::{Conditions, Preference, Rule, Window, covers, in_order};

/// A fault within a rule: the key that is at fault, below the rule's own, and what is wrong with it.
pub type RuleFault = (String, &'static str);

/// A rule that no call reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverUsed {
    /// Its place in the list.
    pub rule: usize,
    /// The place of one that takes every call that it matches.
    pub by: usize,
}

/// The faults of one rule that can be told without knowing who is there.
pub fn faults(rule: &Rule) -> Vec<RuleFault> {
    let mut faults: Vec<RuleFault> = Vec::new();
    let mut add = |key: String, sentence| faults.push((key, sentence));
    if rule.instances.is_empty() && rule.select.is_empty() {
        add(
            "providers".into(),
            "names nobody: name providers, or select them by labels",
        );
    }
    let when = &rule.when;
    if above(when.payload_min, when.payload_max) {
        add("payload_max".into(), "is below payload_min: no call matches both");
    }
    if above(when.cost_min, when.cost_max) {
        add("cost_max".into(), "is below cost_min: no call matches both");
    }
    for (index, window) in when.hours.iter().enumerate() {
        if window.days & Window::EVERY_DAY == 0 {
            add(format!("hours[{index}].days"), "names no day");
        }
        if window.from >= 1_440 || window.to > 1_440 {
            add(format!("hours[{index}]"), "a day ends at 24:00");
        }
    }
    // Where labels select, who is equivalent is known only when the instances are.
    let equivalent = |name: &Arc<str>| !rule.select.is_empty() || rule.instances.contains(name);
    for (index, preference) in rule.prefer.iter().enumerate() {
        for (at, name) in preference.instances.iter().enumerate() {
            if !equivalent(name) {
                let key = format!("prefer[{index}].providers[{at}]");
                add(key, "is preferred, but is none of the rule's providers");
            }
        }
        if rule.prefer[..index]
            .iter()
            .any(|earlier| takes_all(earlier, preference))
        {
            add(
                format!("prefer[{index}]"),
                "an earlier preference takes all that it is for",
            );
        }
    }
    for (index, canary) in rule.canaries.iter().enumerate() {
        let key = |word: &str| format!("canaries[{index}].{word}");
        if !equivalent(&canary.instance) {
            add(key("provider"), "is none of the rule's providers");
        }
        if rule.canaries[..index]
            .iter()
            .any(|earlier| earlier.instance == canary.instance)
        {
            add(key("provider"), "named twice");
        }
        if canary.parts == 0 {
            add(key("percent"), "must be more than 0; leave it out to have no trial");
        }
    }
    if rule.canaries.iter().map(|canary| u64::from(canary.parts)).sum::<u64>() > WHOLE {
        add("canaries".into(), "come to more than 100 percent together");
    }
    faults
}

fn above(least: Option<u64>, most: Option<u64>) -> bool {
    least.zip(most).is_some_and(|(least, most)| least > most)
}

/// Whether nobody is left for `later`.
fn takes_all(earlier: &Preference, later: &Preference) -> bool {
    let all = |preference: &Preference| preference.instances.is_empty() && preference.labels.is_empty();
    let by_labels = !earlier.labels.is_empty()
        && later.instances.is_empty()
        && !later.labels.is_empty()
        && earlier.labels.iter().all(|label| later.labels.contains(label));
    all(earlier) || by_labels
}

/// The rules that never decide, because an earlier one takes every call that they match. `bounded`: some tenant does not
/// reach all providers, and is led past rules none of whose providers it reaches.
pub fn never_used(rules: &[Rule], bounded: bool) -> Vec<NeverUsed> {
    let order = in_order(rules);
    let mut found = Vec::new();
    for (at, &rule) in order.iter().enumerate().filter(|(_, rule)| rules[**rule].enabled) {
        let taker = order[..at]
            .iter()
            .find(|earlier| takes(&rules[**earlier], &rules[rule], bounded));
        found.extend(taker.map(|by| NeverUsed { rule, by: *by }));
    }
    found.sort_unstable_by_key(|found| found.rule);
    found
}

/// Whether `earlier` takes every call that `later` matches.
pub fn takes(earlier: &Rule, later: &Rule, bounded: bool) -> bool {
    earlier.applies()
        && (earlier.tenant.is_none() || earlier.tenant == later.tenant)
        && takes_operations(earlier, later)
        && wider(earlier.resource.as_ref(), later.resource.as_ref())
        && takes_calls(&earlier.when, &later.when)
        && (!bounded || stands(earlier, later))
}

fn takes_operations(earlier: &Rule, later: &Rule) -> bool {
    let prefix = later.operation.as_deref().or(later.service.as_deref());
    let service = earlier.service.as_ref().is_none_or(|service| {
        later.service.as_ref() == Some(service) || prefix.is_some_and(|prefix| covers(service, prefix))
    });
    let operation = earlier.operation.as_ref();
    service && operation.is_none_or(|wide| prefix.is_some_and(|prefix| covers(wide, prefix)))
}

/// Whether a pattern matches whatever another does: it matches the other's text, stars included.
fn wider(wide: Option<&Arc<str>>, narrow: Option<&Arc<str>>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => glob(wide.as_bytes(), narrow.as_bytes()),
    }
}

fn takes_calls(earlier: &Conditions, later: &Conditions) -> bool {
    fn any_of<T: PartialEq>(earlier: &[T], later: &[T]) -> bool {
        earlier.is_empty() || !later.is_empty() && later.iter().all(|one| earlier.contains(one))
    }
    let least = |earlier: Option<u64>, later: Option<u64>| earlier.unwrap_or(0) <= later.unwrap_or(0);
    let most = |earlier: Option<u64>, later: Option<u64>| earlier.unwrap_or(u64::MAX) >= later.unwrap_or(u64::MAX);
    let labelled = |(name, wide): &(Arc<str>, Arc<str>)| {
        let mut patterns = later.labels.iter().filter(|(known, _)| known == name);
        patterns.any(|(_, narrow)| wider(Some(wide), Some(narrow)))
    };
    wider(earlier.model.as_ref(), later.model.as_ref())
        && least(earlier.payload_min, later.payload_min)
        && most(earlier.payload_max, later.payload_max)
        // What a call costs depends on the rule's providers: only who does not ask takes all.
        && earlier.cost_min.is_none()
        && earlier.cost_max.is_none()
        && earlier.labels.iter().all(labelled)
        && any_of(&earlier.hours, &later.hours)
        && any_of(&earlier.costs, &later.costs)
        && any_of(&earlier.performance, &later.performance)
        && any_of(&earlier.urgency, &later.urgency)
}

/// Whether `earlier` is there for every caller for whom `later` is.
fn stands(earlier: &Rule, later: &Rule) -> bool {
    let selected = later.select.is_empty()
        || !earlier.select.is_empty() && earlier.select.iter().all(|label| later.select.contains(label));
    selected && later.instances.iter().all(|name| earlier.instances.contains(name))
}
