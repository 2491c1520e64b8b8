//! Response time: peak EWMA, and the power of two choices.
//!
//! Invariant: of the two that are drawn, the one is chosen that is expected to answer sooner.

use super::Balancer;
use super::candidates::{Asked, CandidateView, Candidates, Chance};
use super::field::Field;
use super::scores::{Basis, Score, Scores};
use crate::policy::estimate::DECAY;

/// What one of whom nothing is known is taken to need: linkerd's default, in seconds.
const DEFAULT_RTT: f64 = 0.030;

/// Of two drawn at random, the one whose peak EWMA, times the attempts that would be in flight, is lower (Finagle's and
/// linkerd's default balancer). Two, because choosing the best of all sends everybody to the same one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponseTime;

/// The cost of asking a candidate: seconds expected, times attempts in flight with this one, for the share of its weight that
/// it takes. An estimate that nothing renews fades, so that whoever was slow is asked again.
pub fn peak_cost(view: &CandidateView) -> f64 {
    let expected = view.latency.map_or(DEFAULT_RTT, |estimate| {
        let faded = (-estimate.age.as_secs_f64() / DECAY.as_secs_f64()).exp();
        estimate.expected.as_secs_f64() * faded
    });
    expected * (view.in_flight as f64 + 1.0) / view.effective_weight()
}

/// The lower of two that are drawn from the field.
pub(super) fn of_two(field: &Field, asked: &Asked<'_>, scores: &mut Scores) -> Option<usize> {
    let count = field.count();
    if count < 2 {
        return field.nth(0).map(|(index, _)| index);
    }
    // The sample was drawn from the same chance: this is another part of its stream.
    let mut chance = Chance::of(asked);
    chance.draw();
    let first = chance.below(count);
    let second = (first + 1 + chance.below(count - 1)) % count;
    let (first, second) = (field.nth(first)?, field.nth(second)?);
    let (one, other) = (peak_cost(first.1), peak_cost(second.1));
    scores.note(Score::of_cost(first.0, one));
    scores.note(Score::of_cost(second.0, other));
    Some(if other < one { second.0 } else { first.0 })
}

impl Balancer for ResponseTime {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize> {
        scores.by(Basis::ResponseTime);
        of_two(&Field::of(asked, candidates), asked, scores)
    }
}
