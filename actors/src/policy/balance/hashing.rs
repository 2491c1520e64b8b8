//! Consistent hashing with bounded loads: a conversation returns to who has kept what it is about.
//!
//! Invariant: nobody is given an attempt that takes it above 1.25 times the mean of those that are available, rounded up;
//! when one leaves, only what went there goes elsewhere.

use super::Balancer;
use super::candidates::{Asked, CandidateView, Candidates, mixed};
use super::field::{Field, SAMPLE, Standing};
use super::scores::{Basis, Scores};

/// How far above the mean anybody may go (Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads"; the
/// example of their text and the default of those who use it).
const BOUND: f64 = 1.25;

/// The candidates nearest to a key that are looked at before all are.
const NEAREST: usize = 8;

/// Equal keys go to the same candidate while it is not much busier than the others, else to the next that is not. The order
/// of candidates for a key is that of their hashes with it (rendezvous hashing, Thaler and Ravishankar), which needs no ring
/// to be kept, and is the same on every node.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConsistentHashing;

fn nearness(key: u64, identity: u64) -> u64 {
    mixed(key ^ mixed(identity))
}

/// The attempts that a candidate may have, this one counted in.
fn bound(mean: f64, view: &CandidateView) -> f64 {
    (BOUND * mean * view.share()).ceil().max(1.0)
}

impl Balancer for ConsistentHashing {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize> {
        scores.by(Basis::Affinity);
        let (key, count) = (asked.key(), candidates.len());
        // Of more candidates than are looked at, the mean is that of a sample.
        let field = Field::of(asked, candidates);
        let standing = field.standing();
        let seen = field.count().max(1) as f64;
        let in_flight: usize = field.eligible().map(|(_, _, view)| view.in_flight).sum();
        let mean = match count <= SAMPLE {
            true => (in_flight + 1) as f64 / seen,
            false => in_flight as f64 / seen + 1.0 / count as f64,
        };
        let fits = |view: &CandidateView| (view.in_flight + 1) as f64 <= bound(mean, view);
        let mut nearest = Nearest::default();
        (0..count).for_each(|index| nearest.add(nearness(key, candidates.identity(index)), index));
        for index in nearest.indices() {
            let view = candidates.view(index);
            if Standing::of(&view) == standing && standing != Standing::Unavailable && fits(&view) {
                return Some(index);
            }
        }
        let nearer = |index: usize| nearness(key, candidates.identity(index));
        let fitting = field.eligible().filter(|(_, _, view)| fits(view));
        let fallback = fitting
            .max_by_key(|(_, index, _)| nearer(*index))
            .map(|(_, index, _)| index);
        // Only where the mean is that of a sample can it be that nobody fits.
        fallback.or_else(|| field.least(asked.chance, |view| view.in_flight as f64 / view.share()))
    }
}

/// The nearest candidates, the nearest first.
#[derive(Default)]
struct Nearest {
    entries: [(u64, usize); NEAREST],
    len: usize,
}

impl Nearest {
    fn add(&mut self, nearness: u64, index: usize) {
        if self.len == NEAREST && nearness <= self.entries[NEAREST - 1].0 {
            return;
        }
        let at = self.entries[..self.len].partition_point(|(known, _)| *known >= nearness);
        self.len = (self.len + 1).min(NEAREST);
        self.entries[at..self.len].rotate_right(1);
        self.entries[at] = (nearness, index);
    }

    fn indices(&self) -> impl Iterator<Item = usize> {
        self.entries[..self.len].iter().map(|(_, index)| *index)
    }
}
