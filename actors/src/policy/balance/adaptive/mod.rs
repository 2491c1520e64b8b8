//! Adaptive: learns online what an attempt at each candidate takes, how often it fails and what it costs, for this kind of
//! call, and asks the one whose expected cost is least.
//!
//! Invariant: what it chooses comes into question; what it does not know it does not go by: while its predictions are no
//! better than a mean, peak EWMA decides. What exploration costs is bounded.

mod context;
mod explore;
mod known;
mod learned;
mod linear;
mod rate;
mod trust;
mod weights;

#[cfg(test)]
mod tests;

pub(crate) use context::model_of;
pub use learned::{Learned, Unlearned};
pub use weights::Weights;

use context::Asked as Context;
use explore::Purse;
use known::{Expected, Known};
use linear::Linear;
use trust::Trust;

use super::Balancer;
use super::candidates::{Asked, Candidates, Chance};
use super::field::{Field, SAMPLE};
use super::observed::Observed;
use super::response_time::of_two;
use super::scores::{Basis, Score, Scores};

/// Learns, and asks the one that is expected to cost least.
#[derive(Debug)]
pub struct Adaptive {
    weights: Weights,
    /// By place in the rule's list.
    known: Vec<Option<Box<Known>>>,
    /// Restored, and not met so far.
    restored: Vec<Known>,
    /// What all candidates have in common: what one begins with.
    common: Linear,
    common_seen: u64,
    trust: Trust,
    purse: Purse,
}

/// A candidate that was weighed.
#[derive(Clone, Copy, Default)]
struct Weighed {
    index: usize,
    expected: Expected,
    cost: f64,
    age: u64,
}

impl Adaptive {
    /// One that knows nothing.
    pub fn new(weights: Weights) -> Self {
        Adaptive {
            weights,
            known: Vec::new(),
            restored: Vec::new(),
            common: Linear::new(),
            common_seen: 0,
            trust: Trust::default(),
            purse: Purse::default(),
        }
    }

    /// What is known of the candidate at a place; begun where nothing is.
    fn known(&mut self, place: usize, identity: u64, now: u64) -> &mut Known {
        if self.known.len() <= place {
            self.known.resize_with(place + 1, || None);
        }
        let slot = &mut self.known[place];
        if slot.as_ref().is_some_and(|known| known.identity != identity) {
            *slot = None;
        }
        slot.get_or_insert_with(|| {
            let before = self.restored.iter().position(|known| known.identity == identity);
            Box::new(match before {
                Some(at) => self.restored.swap_remove(at),
                None => Known::new(identity, &self.common, now),
            })
        })
    }

    /// Weighs all who come into question.
    fn weigh(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, field: &Field) -> ([Weighed; SAMPLE], usize) {
        let context = Context::of(asked.call);
        let common = context::of_call(&context);
        let (mut all, mut count) = ([Weighed::default(); SAMPLE], 0);
        let mut chance = Chance::of(asked);
        for (_, index, view) in field.eligible() {
            // In slow start it takes part in that share of the choices.
            if view.share() < 1.0 && chance.unit() >= view.share() && field.count() > 1 {
                continue;
            }
            let known = self.known(candidates.place(index), candidates.identity(index), asked.now);
            all[count] = Weighed {
                index,
                expected: known.expected(&context, common, view, || candidates.cost(index), asked.now),
                cost: 0.0,
                age: asked.now.saturating_sub(known.chosen.max(known.seen)),
            };
            count += 1;
        }
        let soonest = all[..count].iter().map(|weighed| weighed.expected.latency);
        let soonest = soonest.fold(f64::INFINITY, f64::min);
        for weighed in &mut all[..count] {
            weighed.cost = self.cost(&weighed.expected, soonest);
        }
        (all, count)
    }

    /// Who fails costs the time of asking another, too.
    fn cost(&self, expected: &Expected, soonest: f64) -> f64 {
        let failed = self.weights.failure() + self.weights.latency() * soonest;
        self.weights.latency() * expected.latency + expected.failure * failed + self.weights.money() * expected.money
    }

    /// The candidate that is most worth looking at, if any is now.
    fn explored(&self, all: &[Weighed], best: &Weighed) -> Option<Weighed> {
        let others = all.iter().filter(|weighed| weighed.index != best.index);
        let worth = |weighed: &Weighed| self.purse.worth(best.cost, weighed.cost - best.cost, weighed.age);
        let worthy = others.filter_map(|weighed| Some((worth(weighed)?, *weighed)));
        let most = worthy.max_by(|one, other| one.0.total_cmp(&other.0));
        most.map(|(_, weighed)| weighed)
    }
}

fn explain(all: &[Weighed], scores: &mut Scores) {
    for weighed in all {
        scores.note(Score {
            index: weighed.index,
            latency: Some(weighed.expected.latency as f32),
            failure: Some(weighed.expected.failure as f32),
            money: Some(weighed.expected.money as f32),
            cost: weighed.cost,
        });
    }
}

impl Balancer for Adaptive {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize> {
        let field = Field::of(asked, candidates);
        if !self.trust.is_earned() {
            scores.by(Basis::Fallback);
            return of_two(&field, asked, scores);
        }
        let (all, count) = self.weigh(asked, candidates, &field);
        let all = &all[..count];
        let Some(best) = all.iter().min_by(|one, other| one.cost.total_cmp(&other.cost)) else {
            // All of them are in slow start, and none was drawn.
            scores.by(Basis::Fallback);
            return of_two(&field, asked, scores);
        };
        explain(all, scores);
        let mut chosen = *best;
        scores.by(Basis::Learned);
        if asked.spends() {
            self.purse.earn(best.cost, self.trust.observations());
            if let Some(explored) = self.explored(all, best) {
                self.purse.spend(explored.cost - best.cost);
                scores.by(Basis::Explored);
                chosen = explored;
            }
        }
        if !asked.looked {
            let place = candidates.place(chosen.index);
            self.known(place, candidates.identity(chosen.index), asked.now).chosen = asked.now;
        }
        Some(chosen.index)
    }

    fn learns(&self) -> bool {
        true
    }

    fn observe(&mut self, observed: &Observed, now: u64) {
        let known = self.known(observed.place, observed.identity, now);
        let Some((features, value, error)) = known.learn(observed, now) else {
            return;
        };
        self.trust.note(observed.class, value, error);
        let passed = now.saturating_sub(self.common_seen) as f64 / 1e9;
        self.common.wander(passed);
        self.common_seen = self.common_seen.max(now);
        self.common.learn(&features, value);
    }

    fn learned(&self) -> Option<Learned> {
        let known = self.known.iter().flatten().map(|known| &**known);
        Some(Learned::of(&self.common, known.chain(&self.restored)))
    }

    fn restore(&mut self, learned: &Learned, now: u64) -> Result<(), Unlearned> {
        let (common, restored) = learned.read(now)?;
        (self.common, self.restored) = (common, restored);
        self.known.clear();
        Ok(())
    }
}
