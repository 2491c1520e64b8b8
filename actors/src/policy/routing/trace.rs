//! What routing tells of its decision to whoever asks for reasons.
//!
//! Invariant: nobody is told unless a sink is given, and a sink changes no decision.

use super::{CandidateSet, Rule};

/// Why a rule does not hold for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is not enabled.
    Disabled,
    /// It is another tenant's.
    Tenant,
    /// The operation is of another service.
    Service,
    /// The operation is called otherwise.
    Operation,
    /// The operation is of another cost class.
    CostClass,
    /// The resource does not match.
    Resource,
    /// The model does not match, or none is named.
    Model,
    /// The input is too small or too large.
    Payload,
    /// A label is not there, or does not match.
    Labels,
    /// It holds at other hours.
    Hours,
    /// The call does not say that it needs this most.
    Performance,
    /// The call is more or less urgent.
    Priority,
    /// The call is expected to cost less or more.
    Cost,
    /// None of its instances is within the caller's reach.
    OutOfReach,
}

impl Reason {
    /// Every reason, for tables and documents.
    pub const ALL: [Reason; 14] = [
        Reason::Disabled,
        Reason::Tenant,
        Reason::Service,
        Reason::Operation,
        Reason::CostClass,
        Reason::Resource,
        Reason::Model,
        Reason::Payload,
        Reason::Labels,
        Reason::Hours,
        Reason::Performance,
        Reason::Priority,
        Reason::Cost,
        Reason::OutOfReach,
    ];

    /// The stable code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Disabled => "disabled",
            Reason::Tenant => "tenant",
            Reason::Service => "service",
            Reason::Operation => "operation",
            Reason::CostClass => "cost_class",
            Reason::Resource => "resource",
            Reason::Model => "model",
            Reason::Payload => "payload",
            Reason::Labels => "labels",
            Reason::Hours => "hours",
            Reason::Performance => "performance",
            Reason::Priority => "priority",
            Reason::Cost => "cost",
            Reason::OutOfReach => "out_of_reach",
        }
    }
}

/// Who is told of a decision while it is made. Every word has a default that does nothing.
pub trait RouteTrace {
    /// The caller names the instance itself: no rule is tried.
    fn pinned(&mut self, _instance: &str) {}

    /// A rule was tried and does not hold. `number` is its place in the list that the table was made of.
    fn passed_over(&mut self, _number: usize, _rule: &Rule, _why: Reason) {}

    /// The rule that was told of last looks at what the call is expected to cost: so much, in billionths of a US dollar, at the
    /// dearest of its instances.
    fn costs(&mut self, _number: usize, _nano_usd: u64) {}

    /// A rule holds, and decides: for these candidates, or, with none, for a refusal.
    fn matched(&mut self, _number: usize, _rule: &Rule, _set: Option<&CandidateSet>) {}

    /// A rule in shadow holds, and would have been reached: for whom it would have decided, and whether that is what was
    /// decided.
    fn shadowed(&mut self, _number: usize, _rule: &Rule, _would: Option<&CandidateSet>, _same: bool) {}

    /// No rule held: the one place where the resource can live decides, if there is one.
    fn unruled(&mut self) {}
}
