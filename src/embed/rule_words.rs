//! Rules in words: what a rule is called, or what it asks of a call.
//!
//! Invariant: a rule's number is its place in the configuration, as in decision records; whom a rule leads to is no part of
//! its words.

use mosaic_actors::decision::{Explained, RoutedBy};
use serde_json::{Map, Value, json};

use crate::config::RouteConfig;

/// What a rule is called by.
const NAME: &str = "name";
/// Keys of a rule that are no conditions on calls.
const ACTIONS: [&str; 11] = [
    NAME,
    "providers",
    "select",
    "prefer",
    "balance",
    "nearest",
    "canaries",
    "priority",
    "enabled",
    "shadow",
    "weights",
];

/// The words of every rule, by its number.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleWords(Vec<String>);

impl RuleWords {
    pub(super) fn of(routes: &[RouteConfig]) -> Self {
        RuleWords(routes.iter().map(words).collect())
    }

    /// A record as a program reads it, with its times in RFC 3339 and the words of the rule that decided; with those of all
    /// that were tried for who may read the whole configuration. A condition of a rule that did not match may name another
    /// tenant's customers.
    pub(super) fn told(&self, decision: &Explained, of_all: bool) -> Value {
        let mut told = json!(decision);
        let at = i64::try_from(decision.at_unix_ms).ok();
        if let Some(at) = at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()) {
            told["at"] = at.to_string().into();
        }
        let words = |number: u64| usize::try_from(number).ok().and_then(|number| self.0.get(number));
        if decision.route.by == RoutedBy::Rule
            && let Some(words) = decision.route.rule.and_then(|rule| words(rule.into()))
        {
            told["route"]["words"] = words.as_str().into();
        }
        let rules = told["route"]["rules"].as_array_mut().filter(|_| of_all);
        for rule in rules.into_iter().flatten() {
            if let Some(words) = rule["rule"].as_u64().and_then(words) {
                rule["words"] = words.as_str().into();
            }
        }
        told
    }
}

/// Its name; where it has none, its conditions.
fn words(route: &RouteConfig) -> String {
    let Ok(Value::Object(mut keys)) = serde_json::to_value(route) else {
        return String::new();
    };
    if let Some(name) = keys.get(NAME).and_then(Value::as_str).filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    keys.retain(|key, _| !ACTIONS.contains(&key.as_str()));
    let mut conditions = Vec::new();
    add(&keys, &mut conditions);
    match conditions.is_empty() {
        true => "every call".to_owned(),
        false => conditions.join(", "),
    }
}

/// Those that are made: what is absent, empty or at nothing asks for nothing.
fn add(keys: &Map<String, Value>, conditions: &mut Vec<String>) {
    for (key, value) in keys {
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::Object(below) => add(below, conditions),
            Value::Array(several) if several.is_empty() => {}
            Value::Array(several) => {
                let several: Vec<String> = several.iter().map(text).collect();
                conditions.push(format!("{key} {}", several.join(" or ")));
            }
            value => conditions.push(format!("{key} {}", text(value))),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_told_by_what_it_asks_of_calls() {
        let route = RouteConfig {
            service: Some("git".to_owned()),
            resource: Some("client-*".to_owned()),
            providers: vec!["forge-a".to_owned()],
            ..RouteConfig::default()
        };
        assert_eq!(words(&route), "service git, resource client-*");
        let all = RouteConfig {
            providers: vec!["forge-a".to_owned()],
            ..RouteConfig::default()
        };
        assert_eq!(words(&all), "every call");
    }
}
