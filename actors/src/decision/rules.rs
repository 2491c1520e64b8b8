//! What routing tells while it decides, as the rows of a record.
//!
//! Invariant: who may read a record reads of no rule of another tenant.

use super::rows::Rules;
use super::words::RuleResult;
use crate::policy::routing::{CandidateSet, Reason, RouteTrace, Rule};

impl From<Reason> for RuleResult {
    fn from(why: Reason) -> Self {
        match why {
            Reason::Disabled => RuleResult::Disabled,
            Reason::Tenant => RuleResult::Tenant,
            Reason::Service => RuleResult::Service,
            Reason::Operation => RuleResult::Operation,
            Reason::CostClass => RuleResult::CostClass,
            Reason::Resource => RuleResult::Resource,
            Reason::Model => RuleResult::Model,
            Reason::Payload => RuleResult::Payload,
            Reason::Labels => RuleResult::Labels,
            Reason::Hours => RuleResult::Hours,
            Reason::Performance => RuleResult::Performance,
            Reason::Priority => RuleResult::Priority,
            Reason::Cost => RuleResult::Cost,
            Reason::OutOfReach => RuleResult::OutOfReach,
        }
    }
}

impl RouteTrace for Rules {
    fn passed_over(&mut self, number: usize, rule: &Rule, why: Reason) {
        // Of a rule out of its reach, a tenant knows as little as of another's.
        if !matches!(why, Reason::Tenant | Reason::OutOfReach) {
            self.tried(number, why.into(), rule.shadow);
        }
    }

    fn matched(&mut self, number: usize, _rule: &Rule, set: Option<&CandidateSet>) {
        let result = match set {
            Some(_) => RuleResult::Matched,
            None => RuleResult::NobodyAble,
        };
        self.tried(number, result, false);
    }

    fn shadowed(&mut self, number: usize, _rule: &Rule, _would: Option<&CandidateSet>, same: bool) {
        let result = match same {
            true => RuleResult::AsDecided,
            false => RuleResult::Otherwise,
        };
        self.tried(number, result, true);
    }
}
