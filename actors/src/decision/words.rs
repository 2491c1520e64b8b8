//! The words of decision records: stable, in snake case, the same in JSON and in documents.
//!
//! Invariant: a word says why; it holds no name and nothing that a caller sent.

use serde::{Deserialize, Serialize};

/// How a call's candidates were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutedBy {
    /// Routing was not reached: the call was refused, or answered, before.
    #[default]
    NotRouted,
    /// Its resource names the instance: `instance~native-id`.
    Resource,
    /// Its caller insists on a provider.
    Provider,
    /// A rule matched.
    Rule,
    /// No rule matched, and it can live at one instance only.
    Home,
    /// Routing refused it.
    Refused,
}

/// What trying one rule came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleResult {
    /// The call meets all its conditions.
    #[default]
    Matched,
    /// It is about another tenant.
    Tenant,
    /// It is about another service.
    Service,
    /// It is about other operations.
    Operation,
    /// Its pattern does not fit the resource.
    Resource,
    /// Its conditions on the model are not met.
    Model,
    /// Its conditions on the payload's size are not met.
    Payload,
    /// Its conditions on labels are not met.
    Labels,
    /// It holds at other hours.
    Hours,
    /// The operation is of another cost class.
    CostClass,
    /// The call is expected to cost less or more.
    Cost,
    /// The call does not say that it needs this most.
    Performance,
    /// The call is more or less urgent.
    Priority,
    /// It is not enabled.
    Disabled,
    /// None of its instances is within the tenant's reach.
    OutOfReach,
    /// None of its instances can do the operation.
    NobodyAble,
    /// Of a rule in shadow: it would have decided as it was decided.
    AsDecided,
    /// Of a rule in shadow: it would have decided otherwise.
    Otherwise,
}

/// How a candidate stood when it was looked at last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nobody had to be asked, or it was not looked at.
    #[default]
    NotLookedAt,
    /// It could be asked; another one was chosen.
    Available,
    /// It was asked.
    Asked,
    /// It was chosen and could not take the attempt: its actor was being restarted.
    Declined,
    /// It failed this call before.
    ExcludedAfterFailure,
    /// It takes no calls, by order or on its way out.
    Drained,
    /// It is not there now.
    NotRunning,
    /// Its circuit breaker is open.
    CircuitOpen,
    /// An operator forced its circuit open.
    ForcedOpen,
    /// Its failures stand out: it is left alone for a while.
    Ejected,
    /// It has as many attempts in flight as it may.
    Full,
    /// It asked not to be asked for a while, or refuses our credential.
    Limited,
    /// Little is left of what its provider grants us.
    Scarce,
    /// It was its turn, but for its provider's quota: what is left of that is spared, or it is used up.
    Paced,
    /// It is asked on credits alone, and has too few left for this call, or none of its own.
    NoCredits,
    /// It could be asked; the rule prefers others, of whom one could be asked, too.
    LowerTier,
}

/// What a call that is not made would wait for before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// A place among the attempts in flight at whoever would be asked first.
    Place,
    /// Its turn there, so that what is left of its provider's quota lasts.
    Turn,
}

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is the first.
    #[default]
    First,
    /// The same instance again, after a failure.
    Retry,
    /// Another instance, after a failure.
    Failover,
    /// The kept answer that was asked about was purged meanwhile, so all of it is asked for.
    Anew,
    /// The one before it is slow.
    Hedge,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// It had not ended when the record was closed or read: its caller left, or its deadline came.
    #[default]
    Unfinished,
    /// With an answer, or the head of one.
    Answered,
    /// With the provider's word that the kept answer is still good.
    Unchanged,
    /// With a failure.
    Failed,
    /// It was given up: the other of two that were asked at once was answered sooner, or met what ends the call.
    Outrun,
}

/// A part of the call path that every call passes, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Admit,
    Route,
    Lookup,
}
