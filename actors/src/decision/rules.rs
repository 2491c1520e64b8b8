//! What routing tells while it decides, as the rows of a record.
//!
//! Invariant: who may read a record reads of no rule of another tenant.

use super::explained::RuleExplained;
use super::rows::{Every, RuleTried, Rules};
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

/// Where rules that were tried are kept.
trait Sheet {
    fn add(&mut self, tried: RuleTried);
    fn last(&mut self) -> Option<&mut RuleTried>;
}

impl Sheet for Rules {
    fn add(&mut self, tried: RuleTried) {
        self.tried(tried);
    }

    fn last(&mut self) -> Option<&mut RuleTried> {
        self.0.items_mut().last_mut()
    }
}

impl Sheet for Every {
    fn add(&mut self, tried: RuleTried) {
        self.0.push(tried);
    }

    fn last(&mut self) -> Option<&mut RuleTried> {
        self.0.last_mut()
    }
}

impl Rules {
    /// A rule was tried. The one that decides is kept in any case.
    pub(super) fn tried(&mut self, tried: RuleTried) {
        match tried.decides() {
            true => self.0.push_over(tried),
            false => self.0.push(tried),
        }
    }
}

impl Every {
    /// As many as a record has room for.
    pub(crate) fn few(&self) -> Rules {
        let mut rules = Rules::default();
        self.0.iter().for_each(|tried| rules.tried(*tried));
        rules
    }

    /// As they are read.
    pub(crate) fn explained(&self) -> Vec<RuleExplained> {
        self.0.iter().map(RuleExplained::from).collect()
    }
}

impl From<&RuleTried> for RuleExplained {
    fn from(tried: &RuleTried) -> Self {
        RuleExplained {
            rule: tried.number,
            result: tried.result,
            shadow: tried.shadow,
            expected_cost_nano_usd: tried.cost,
        }
    }
}

impl<S: Sheet> RouteTrace for S {
    fn passed_over(&mut self, number: usize, rule: &Rule, why: Reason) {
        // Of a rule out of its reach, a tenant knows as little as of another's.
        if !matches!(why, Reason::Tenant | Reason::OutOfReach) {
            self.add(RuleTried::new(number, why.into(), rule.shadow));
        }
    }

    fn matched(&mut self, number: usize, _rule: &Rule, set: Option<&CandidateSet>) {
        let result = match set {
            Some(_) => RuleResult::Matched,
            None => RuleResult::NobodyAble,
        };
        self.add(RuleTried::new(number, result, false));
    }

    fn shadowed(&mut self, number: usize, _rule: &Rule, _would: Option<&CandidateSet>, same: bool) {
        let result = match same {
            true => RuleResult::AsDecided,
            false => RuleResult::Otherwise,
        };
        self.add(RuleTried::new(number, result, true));
    }

    fn costs(&mut self, number: usize, nano_usd: u64) {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        // One of another tenant, or without room, is not there.
        if let Some(last) = self.last().filter(|last| last.number == number) {
            last.cost = Some(nano_usd);
        }
    }
}
