//! Replay: recorded calls, routed again under another configuration.
//!
//! Invariant: pure. What a record does not hold whole is told as such, and never guessed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::explained::Explained;
use super::rows::Rules;
use super::words::RoutedBy;
use crate::attributes::{Attributes, Performance, Priority};
use crate::call::{Call, Caller, Estimate, Resource};
use crate::error::Kind;
use crate::operation::Operations;
use crate::policy::routing::RoutingTable;

/// What a call is routed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Who pays.
    pub tenant: Arc<str>,
    /// The operation's full name.
    pub operation: Arc<str>,
    /// What it is about: a path, or the provider's own id; its first 96 bytes.
    pub resource: Arc<str>,
    /// The resource is longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resource_cut: bool,
    /// The instance that the resource names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Arc<str>>,
    /// The instance that the caller insists on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Arc<str>>,
    /// How urgent it is.
    #[serde(default)]
    pub priority: Priority,
    /// What it needs most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance: Option<Performance>,
    /// The size of its input, in bytes.
    #[serde(default)]
    pub payload_bytes: u64,
    /// The model that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// It names one that is too long to be kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub model_left_out: bool,
    /// Its labels, by name; at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// Labels that there was no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub labels_left_out: u32,
    /// Equal for calls that are best served by one provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<u64>,
    /// Its tokens, as guessed before: what it is expected to cost goes by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a call is, or was, routed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// The rule's place in its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u32>,
    /// Who could be asked, in order; of what was recorded, at most 16.
    pub candidates: Vec<Arc<str>>,
    /// The code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Kind>,
}

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Others would be asked.
    Candidates,
    /// Another rule decides; the candidates are the same.
    Rule,
    /// It would be refused.
    NowRefused,
    /// It would not be refused any more.
    NowRouted,
    /// It would be refused with another code.
    Refusal,
    /// The other configuration has no such operation.
    UnknownOperation,
    /// The record does not hold all that routing may look at, or the lists of models decide that providers have now.
    CannotTell,
}

/// A recorded call for which another configuration decides otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The call's request id.
    pub id: Arc<str>,
    /// When it came, in milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// What it is routed by.
    pub call: Recorded,
    /// What is different.
    pub change: Change,
    /// As it was routed.
    pub was: Routing,
    /// As it would be; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Routing>,
}

impl Recorded {
    /// The call, as far as it is routed, due `at`; `None` where the catalogue has no such operation. It must not be made: it
    /// has no input.
    pub fn call(&self, operations: &Operations, at: Instant) -> Option<Call> {
        let operation = operations.get(&self.operation)?;
        let caller = Caller::new(self.tenant.clone(), "");
        let resource = match &self.instance {
            Some(instance) => Resource::parse(&Resource::neutral_id(instance, &self.resource)),
            None => Resource::parse(&self.resource),
        };
        let mut call = Call::new(operation, resource, caller, Arc::new(()), at);
        call.provider = self.provider.clone();
        call.estimate = self.estimate;
        call.attributes = Attributes {
            priority: self.priority,
            performance: self.performance,
            payload_bytes: self.payload_bytes,
            model: self.model.clone(),
            labels: self.labels.clone(),
            affinity: self.affinity,
        };
        Some(call)
    }

    /// Whether all is here that routing may look at.
    pub fn is_whole(&self) -> bool {
        !self.resource_cut && !self.model_left_out && self.labels_left_out == 0
    }
}

/// The recorded calls for which `table`, over `operations`, decides otherwise, in the order of the records. Calls that never
/// came to be routed are passed over. `at` is the deadline that the calls are given, which no rule looks at.
pub fn compare(recorded: &[Explained], table: &RoutingTable, operations: &Operations, at: Instant) -> Vec<Difference> {
    let routed = recorded.iter().filter(|one| one.route.by != RoutedBy::NotRouted);
    routed
        .filter_map(|one| difference(one, table, operations, at))
        .collect()
}

fn difference(one: &Explained, table: &RoutingTable, operations: &Operations, at: Instant) -> Option<Difference> {
    let was = Routing {
        rule: one.route.rule,
        candidates: one
            .candidates
            .iter()
            .map(|candidate| candidate.instance.clone())
            .collect(),
        refused: match one.route.by {
            RoutedBy::Refused => one.outcome.and_then(|outcome| outcome.code),
            _ => None,
        },
    };
    let (change, now) = match one.call.call(operations, at) {
        None => (Change::UnknownOperation, None),
        Some(_) if !one.call.is_whole() => (Change::CannotTell, None),
        Some(call) => {
            let now = routing(table, &call, one.at_unix_ms / 1_000);
            let change = changed(one, &was, &now)?;
            match now.rule.is_none() && table.lists_decide(&call) {
                true => (Change::CannotTell, None),
                false => (change, Some(now)),
            }
        }
    };
    Some(Difference {
        id: one.id.clone(),
        at_unix_ms: one.at_unix_ms,
        call: one.call.clone(),
        change,
        was,
        now,
    })
}

/// Tried without being counted by rules in shadow: nobody makes the call.
fn routing(table: &RoutingTable, call: &Call, unix: u64) -> Routing {
    match table.explain(call, unix, &mut Rules::default()) {
        Ok(set) => Routing {
            rule: set.rule.and_then(|rule| u32::try_from(rule).ok()),
            candidates: set.instances.clone(),
            refused: None,
        },
        Err(failure) => Routing {
            refused: Some(failure.kind),
            ..Routing::default()
        },
    }
}

fn changed(one: &Explained, was: &Routing, now: &Routing) -> Option<Change> {
    match (one.route.by == RoutedBy::Refused, now.refused) {
        (true, None) => return Some(Change::NowRouted),
        (false, Some(_)) => return Some(Change::NowRefused),
        (true, refused) => return (was.refused != refused).then_some(Change::Refusal),
        (false, None) => {}
    }
    // Of a large set not all are recorded, and who was asked stands where another was left out.
    let count = was.candidates.len() + one.candidates_left_out as usize;
    let same = match one.candidates_left_out {
        0 => was.candidates == now.candidates,
        _ => count == now.candidates.len() && was.candidates.iter().all(|name| now.candidates.contains(name)),
    };
    match same {
        false => Some(Change::Candidates),
        true => (was.rule != now.rule).then_some(Change::Rule),
    }
}

#[cfg(test)]
mod tests;
