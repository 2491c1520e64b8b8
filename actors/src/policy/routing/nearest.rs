//! The nearest: the candidate that is expected to answer soonest.
//!
//! Invariant: one of whom nothing was measured, or not for long, is asked before it is passed over for good.

use std::time::Duration;

use super::super::balance::{Asked, Balancer, Basis, CandidateView, Candidates, Score, Scores};

/// What was measured so long ago is measured again: three times the decay of the estimate, when a sample weighs 5 %.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// Takes the candidate with the lowest measured estimate; of equals the one with the fewest attempts in flight. Only the
/// first choice for a call measures anew what was not measured, or not lately: a failover goes by what is known.
#[derive(Debug)]
pub struct Nearest;

/// Rank of a candidate: lower is better.
fn rank(view: &CandidateView, first: bool) -> (u64, bool, Duration, usize) {
    let known = view.latency.filter(|estimate| estimate.age < FORGOTTEN);
    let expected = match (known, view.latency) {
        (Some(estimate), _) => estimate.expected,
        // One attempt at a time is enough to measure.
        (None, _) if first && view.in_flight == 0 => Duration::ZERO,
        (None, Some(estimate)) => estimate.expected,
        (None, None) => Duration::MAX,
    };
    (view.limited_until, view.scarce, expected, view.in_flight)
}

impl Balancer for Nearest {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize> {
        let views = (0..candidates.len()).map(|index| (index, candidates.view(index)));
        let there = views.filter(|(_, view)| view.available).inspect(|(index, view)| {
            if let Some(estimate) = view.latency {
                let seconds = estimate.expected.as_secs_f64();
                scores.note(Score {
                    latency: Some(seconds as f32),
                    ..Score::of_cost(*index, seconds)
                });
            }
        });
        let (index, view) = there.min_by_key(|(_, view)| rank(view, asked.first))?;
        let is_known = view.latency.is_some_and(|estimate| estimate.age < FORGOTTEN);
        scores.by(if is_known || !asked.first {
            Basis::Nearest
        } else {
            Basis::Explored
        });
        Some(index)
    }
}
