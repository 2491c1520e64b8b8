//! Routing against a reference model: rules of every kind, matched one by one in the plainest way.

use super::super::check::never_used;
use super::rules::Told;
use super::*;
use crate::call::{Attributes, Performance, Priority};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["a", "b", "c"];

fn maybe<T: Clone + std::fmt::Debug + 'static>(few: &'static [T]) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.3, proptest::sample::select(few))
}

fn rules() -> impl Strategy<Value = Rule> {
    let to = (proptest::sample::subsequence(&NAMES, 0..=3), maybe(&["x", "y"]));
    let matching = (
        maybe(&["t", "u"]),
        maybe(&["git", "ai"]),
        maybe(&["git.repo", "git.repo.get", "ai.chat"]),
        maybe(&["acme/*", "*", "other/*"]),
    );
    let when = (
        maybe(&["m*", "m1"]),
        maybe(&[0u64, 10]),
        maybe(&[5u64, 20]),
        maybe(&[Performance::LowLatency, Performance::BestEffort]),
        maybe(&[Priority::High, Priority::Normal]),
    );
    let kind = (-1i32..2, proptest::bool::weighted(0.9), proptest::bool::weighted(0.2));
    (to, matching, when, kind).prop_map(|((names, select), matching, when, kind)| {
        let (tenant, service, operation, resource) = matching;
        let (model, payload_min, payload_max, performance, urgency) = when;
        let (priority, enabled, shadow) = kind;
        Rule {
            tenant: tenant.map(Arc::from),
            service: service.map(Arc::from),
            operation: operation.map(Arc::from),
            resource: resource.map(Arc::from),
            when: Conditions {
                model: model.map(Arc::from),
                payload_min,
                payload_max,
                performance: performance.into_iter().collect(),
                urgency: urgency.into_iter().collect(),
                ..Conditions::default()
            },
            priority,
            enabled,
            shadow,
            select: select
                .into_iter()
                .map(|value| (Arc::from("zone"), Arc::from(value)))
                .collect(),
            ..rule(&names)
        }
    })
}

#[derive(Clone, Debug)]
struct Asked {
    operation: &'static str,
    resource: &'static str,
    tenant: &'static str,
    attributes: Attributes,
}

fn calls() -> impl Strategy<Value = Asked> {
    let what = (
        proptest::sample::select(&["git.repo.get", "git.repo.list", "ai.chat.complete"][..]),
        proptest::sample::select(&["acme/api", "other/api"][..]),
        proptest::sample::select(&["t", "u", "v"][..]),
    );
    let said = (
        maybe(&["m1", "m2", "n"]),
        0u64..25,
        maybe(&[Performance::LowLatency, Performance::BestEffort]),
        proptest::sample::select(&[Priority::Low, Priority::Normal, Priority::High][..]),
    );
    (what, said).prop_map(
        |((operation, resource, tenant), (model, payload_bytes, performance, priority))| Asked {
            operation,
            resource,
            tenant,
            attributes: Attributes {
                priority,
                performance,
                payload_bytes,
                model: model.map(Arc::from),
                ..Attributes::default()
            },
        },
    )
}

/// Whether a rule's conditions hold, read off its fields.
fn holds(rule: &Rule, asked: &Asked) -> bool {
    let starts = |text: &str, pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => text == pattern,
    };
    let said = &asked.attributes;
    let when = &rule.when;
    // The operation `ai.chat.complete` of these tests is about a model.
    let model = said
        .model
        .as_deref()
        .or((asked.operation == "ai.chat.complete").then_some(asked.resource));
    rule.tenant.as_deref().is_none_or(|tenant| tenant == asked.tenant)
        && rule
            .service
            .as_deref()
            .is_none_or(|service| asked.operation.split('.').next() == Some(service))
        && rule
            .operation
            .as_deref()
            .is_none_or(|prefix| asked.operation == prefix || asked.operation.starts_with(&format!("{prefix}.")))
        && rule
            .resource
            .as_deref()
            .is_none_or(|pattern| starts(asked.resource, pattern))
        && when
            .model
            .as_deref()
            .is_none_or(|pattern| model.is_some_and(|model| starts(model, pattern)))
        && when.payload_min.is_none_or(|least| said.payload_bytes >= least)
        && when.payload_max.is_none_or(|most| said.payload_bytes <= most)
        && (when.performance.is_empty() || said.performance.is_some_and(|need| when.performance.contains(&need)))
        && (when.urgency.is_empty() || when.urgency.contains(&said.priority))
}

/// The names a rule is for, of which `b` and `c` carry zone `x`.
fn members(rule: &Rule) -> Vec<String> {
    let mut names: Vec<String> = rule.instances.iter().map(ToString::to_string).collect();
    if rule.select.iter().any(|(_, value)| **value == *"x") {
        let more: Vec<_> = ["b", "c"]
            .into_iter()
            .filter(|name| !names.iter().any(|known| known == name))
            .collect();
        names.extend(more.into_iter().map(str::to_owned));
    }
    names
}

/// The place of the rule that decides.
fn decider(rules: &[Rule], asked: &Asked, reach: &dyn Fn(&str) -> bool) -> Option<usize> {
    let mut best: Option<usize> = None;
    let rank = |rule: &Rule| (rule.tenant.is_some(), rule.priority);
    for (index, rule) in rules.iter().enumerate() {
        let there = rule.enabled && !rule.shadow && members(rule).iter().any(|name| reach(name));
        if there && holds(rule, asked) && best.is_none_or(|best| rank(rule) > rank(&rules[best])) {
            best = Some(index);
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_rule_that_decides_is_the_models(
        rules in proptest::collection::vec(rules(), 0..8), asked in proptest::collection::vec(calls(), 1..12),
    ) {
        let can = ["git.repo.get", "git.repo.list", "ai.chat.complete"];
        let instance = |name: &&str| {
            let labels = if *name == "a" { vec![] } else { vec![(Arc::from("zone"), Arc::from("x"))] };
            Routable { labels, ..routable(name, &can, &[]) }
        };
        let table = table(&rules, NAMES.iter().map(instance).collect(), &[]);
        let never = never_used(&rules, true);
        for asked in asked {
            let own = |rule: &&Rule| rule.enabled && !rule.shadow && rule.tenant.as_deref() == Some(asked.tenant);
            let bounds: Vec<Vec<String>> = rules.iter().filter(own).map(members).collect();
            let reach = |name: &str| bounds.is_empty() || bounds.iter().flatten().any(|known| known == name);
            let mut call = Call::example(table.operations.get(asked.operation).unwrap(), asked.resource, asked.tenant);
            call.attributes = asked.attributes.clone();
            let routed = table.route(&call, 0);
            let mut told = Told::default();
            let explained = table.explain(&call, 0, &mut told);
            prop_assert_eq!(routed.as_ref().ok(), explained.as_ref().ok(), "a sink changes nothing");
            match decider(&rules, &asked, &reach) {
                Some(index) => {
                    prop_assert!(!never.iter().any(|never| never.rule == index), "{index} is used: {never:?}");
                    let set = routed.unwrap();
                    let expected: Vec<String> = members(&rules[index]).into_iter().filter(|name| reach(name)).collect();
                    prop_assert_eq!(set.instances.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
                    prop_assert_eq!(set.rule, Some(index));
                    let matched = format!("{index} matched");
                    prop_assert!(told.0.iter().any(|word| word.starts_with(&matched)));
                }
                None => {
                    prop_assert!(routed.as_ref().map_or(true, |set| set.rule.is_none()));
                    prop_assert!(told.0.iter().any(|word| word == "unruled"));
                }
            }
        }
    }
}
