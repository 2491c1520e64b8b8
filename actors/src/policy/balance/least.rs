//! Least connections: the one with the fewest attempts in flight.
//!
//! Invariant: of those that are looked at and come into question, nobody was less busy for its weight than the one chosen.

use super::Balancer;
use super::candidates::{Asked, CandidateView, Candidates};
use super::field::Field;
use super::scores::{Basis, Scores};

/// The one with the fewest attempts in flight for its weight, this one counted in, as Envoy's weighted least request has it;
/// of several, one by chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastConnections;

/// How busy a candidate would be with one attempt more.
fn busy(view: &CandidateView) -> f64 {
    (view.in_flight as f64 + 1.0) / view.effective_weight()
}

impl Balancer for LeastConnections {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize> {
        scores.by(Basis::Load);
        Field::of(asked, candidates).least(asked.chance, busy)
    }
}
