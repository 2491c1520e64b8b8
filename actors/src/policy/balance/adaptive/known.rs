//! What is known of one candidate: how long it takes, how often it fails, what it costs, by the kind of call.
//!
//! Invariant: learned from attempts that ended there alone, beginning with what all have in common.

use super::context::{self, Asked, Features, There};
use super::linear::Linear;
use super::rate::{FAST, Mean, Rate, SLOW};
use crate::policy::balance::candidates::CandidateView;
use crate::policy::balance::observed::Observed;
use crate::policy::estimate::Class;

/// Shorter is not told apart: a microsecond.
const SHORTEST: f64 = 1e-6;

/// Samples that a mean of costs goes by.
const COSTS: f64 = 50.0;

const SECOND: f64 = 1e9;

/// What is expected of an attempt at a candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Expected {
    /// Seconds.
    pub(super) latency: f64,
    /// The probability of a failure.
    pub(super) failure: f64,
    /// Dollars.
    pub(super) money: f64,
}

/// What is known of one candidate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) identity: u64,
    pub(super) latency: Linear,
    /// Of all calls, lately.
    pub(super) lately: Rate,
    /// By class, in the long run.
    pub(super) failures: [Rate; Class::COUNT],
    /// Dollars of an attempt, and kibibytes of its input, by class.
    pub(super) money: [(Mean, Mean); Class::COUNT],
    /// When an attempt of it ended last.
    pub(super) seen: u64,
    /// When it was chosen last.
    pub(super) chosen: u64,
}

fn kibibytes(asked: &Asked) -> f64 {
    1.0 + asked.payload_bytes as f64 / 1024.0
}

impl Known {
    /// Nothing but what all have in common.
    pub(super) fn new(identity: u64, common: &Linear, now: u64) -> Self {
        Known {
            identity,
            latency: Linear::like(common),
            lately: Rate::default(),
            failures: [Rate::default(); Class::COUNT],
            money: [(Mean::default(), Mean::default()); Class::COUNT],
            seen: now,
            chosen: 0,
        }
    }

    /// What it contributes to the context of a call.
    pub(super) fn there(&self, in_flight: usize, remaining: Option<f32>, now: u64) -> There {
        There {
            in_flight,
            remaining,
            errors: self.lately.rate(&FAST, now),
        }
    }

    /// What is expected of a call there, of whose cost `cost` tells what its price comes to, in billionths of a dollar.
    pub(super) fn expected(
        &self,
        asked: &Asked,
        common: Features,
        view: &CandidateView,
        cost: impl FnOnce() -> Option<u64>,
        now: u64,
    ) -> Expected {
        let there = self.there(view.in_flight, view.remaining, now);
        let long = self.failures[asked.class.index()].rate(&SLOW, now);
        Expected {
            latency: self.latency.expected(&context::at(common, &there)),
            failure: there.errors.max(long),
            money: self
                .money(asked)
                .unwrap_or_else(|| cost().map_or(0.0, |nano_usd| nano_usd as f64 / 1e9)),
        }
    }

    /// What a call costs, where that was told of others of its class: in proportion to its input, as tokens are.
    fn money(&self, asked: &Asked) -> Option<f64> {
        let (dollars, size) = &self.money[asked.class.index()];
        let sized = match asked.class.cost {
            crate::call::CostClass::Tokens => kibibytes(asked) / size.value.max(1.0),
            _ => 1.0,
        };
        (dollars.samples > 0.0).then_some(dollars.value * sized)
    }

    /// Learns from an attempt that ended. Tells its context, the logarithm of its time, and how far off the prediction of that
    /// was, where it learned of time.
    pub(super) fn learn(&mut self, observed: &Observed, now: u64) -> Option<(Features, f64, f64)> {
        let asked = Asked::from(observed);
        if let Some(cost) = observed.cost {
            let (dollars, size) = &mut self.money[asked.class.index()];
            dollars.note(cost as f64 / 1e9, COSTS);
            size.note(kibibytes(&asked), COSTS);
        }
        if observed.outcome.is_none() && !observed.at_least {
            return None;
        }
        let there = self.there(observed.in_flight, observed.remaining, now);
        let features = context::at(context::of_call(&asked), &there);
        if let Some(served) = observed.outcome {
            self.lately.note(!served, &FAST, now);
            self.failures[asked.class.index()].note(!served, &SLOW, now);
        }
        let took = observed.took.as_secs_f64().max(SHORTEST).ln();
        self.latency.wander(now.saturating_sub(self.seen) as f64 / SECOND);
        self.seen = self.seen.max(now);
        // What failed or was given up soon says nothing of the time that an answer takes.
        let tells = observed.outcome == Some(true) || took > self.latency.mean(&features);
        tells.then(|| (features, took, self.latency.learn(&features, took)))
    }

    /// Whether its numbers can be gone by.
    pub(super) fn is_sound(&self) -> bool {
        let money = |(dollars, size): &(Mean, Mean)| dollars.is_sound() && size.is_sound() && dollars.value >= 0.0;
        self.latency.is_sound()
            && self.lately.is_sound()
            && self.failures.iter().all(Rate::is_sound)
            && self.money.iter().all(money)
    }
}
