//! Round robin: each in its turn.
//!
//! Invariant: only a call's first choice spends a turn, and so does none that goes to one that asked not to be asked.

use super::Balancer;
use super::candidates::{Asked, Candidates};
use super::field::Standing;
use super::scores::{Basis, Scores};

/// Each in its turn. One that asked not to be asked is passed over while another is available, and so is one of whose quota
/// little is left: what is left serves best where nobody else can.
#[derive(Debug, Default)]
pub struct RoundRobin {
    /// The place in the rule's list whose turn is next.
    next: usize,
}

impl Balancer for RoundRobin {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize> {
        scores.by(Basis::Turn);
        let count = candidates.len();
        let start = first_at(candidates, self.next);
        let mut best = (Standing::Unavailable, None);
        for index in (0..count).map(|step| (start + step) % count) {
            // Looked at one by one: nearly always the first is the one.
            let standing = Standing::of(&candidates.view(index));
            if standing < best.0 {
                best = (standing, Some(index));
            }
            if standing == Standing::Free {
                break;
            }
        }
        let (standing, index) = best;
        let spends = asked.spends() && matches!(standing, Standing::Free | Standing::Scarce);
        if let Some(index) = index.filter(|_| spends) {
            self.next = candidates.place(index) + 1;
        }
        index
    }
}

/// The first candidate at `place` of the rule's list or after it; the first of all where there is none.
fn first_at(candidates: &dyn Candidates, place: usize) -> usize {
    let (mut low, mut high) = (0, candidates.len());
    while low < high {
        let middle = low.midpoint(high);
        if candidates.place(middle) < place {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low == candidates.len() { 0 } else { low }
}
