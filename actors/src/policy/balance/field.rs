//! The field of a choice: a few candidates as they stand, and which of them come into question.
//!
//! Invariant: who comes into question stands as well as any candidate there is, seen or not; an unavailable one never does.
//! However many candidates there are, a sample is looked at; all are only where the sample holds none that may be asked
//! freely. Nothing is allocated.

use super::candidates::{Asked, CandidateView, Candidates, Chance, mixed};

/// The candidates that are looked at for one choice. Of so many chosen at random the best is nearly always near the best of
/// all, and all of a usual rule are seen.
pub(super) const SAMPLE: usize = 16;

/// How well a candidate stands, whatever a balancer thinks of it; the least is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is said against it.
    Free,
    /// Little is left of its quota: what is left serves best where nobody else can.
    Scarce,
    /// It asked not to be asked until then: the one whose time comes first may know better by now.
    Limited(u64),
    /// It may not be asked.
    Unavailable,
}

impl Standing {
    /// Of a candidate.
    pub fn of(view: &CandidateView) -> Self {
        match view {
            view if !view.available => Standing::Unavailable,
            view if view.limited_until != 0 => Standing::Limited(view.limited_until),
            view if view.scarce => Standing::Scarce,
            _ => Standing::Free,
        }
    }
}

/// The candidates of one choice that were looked at.
pub(super) struct Field {
    indices: [usize; SAMPLE],
    views: [CandidateView; SAMPLE],
    len: usize,
    /// A bit for each of them that comes into question.
    eligible: u32,
    standing: Standing,
}

impl Field {
    /// Looks at candidates: at all where they are few, else at a sample of them, one of each of so many equal parts of the
    /// list; and only where nobody of it may be asked freely, at all.
    pub(super) fn of(asked: &Asked<'_>, candidates: &dyn Candidates) -> Self {
        let mut field = Field {
            indices: [0; SAMPLE],
            views: [CandidateView::UNAVAILABLE; SAMPLE],
            len: 0,
            eligible: 0,
            standing: Standing::Unavailable,
        };
        let count = candidates.len();
        if count <= SAMPLE {
            (0..count).for_each(|index| field.add(index, candidates.view(index)));
            return field;
        }
        let mut chance = Chance::of(asked);
        for part in 0..SAMPLE {
            let (from, to) = (part * count / SAMPLE, (part + 1) * count / SAMPLE);
            let index = from + chance.below(to - from);
            field.add(index, candidates.view(index));
        }
        if field.standing != Standing::Free {
            field.look_at_all(candidates, &mut chance);
        }
        field
    }

    /// Keeps of all that stand best as many as there is room for, from a place drawn at random on.
    fn look_at_all(&mut self, candidates: &dyn Candidates, chance: &mut Chance) {
        let count = candidates.len();
        let start = chance.below(count);
        (self.len, self.eligible) = (0, 0);
        self.standing = Standing::Unavailable;
        for index in (0..count).map(|step| (start + step) % count) {
            let view = candidates.view(index);
            let standing = Standing::of(&view);
            if standing < self.standing {
                (self.len, self.eligible) = (0, 0);
            }
            if standing <= self.standing && self.len < SAMPLE {
                self.add(index, view);
            }
        }
    }

    fn add(&mut self, index: usize, view: CandidateView) {
        let standing = Standing::of(&view);
        let at = self.len;
        self.indices[at] = index;
        self.views[at] = view;
        self.len += 1;
        if standing == Standing::Unavailable {
            return;
        }
        if standing < self.standing {
            self.standing = standing;
            self.eligible = 0;
        }
        if standing == self.standing {
            self.eligible |= 1 << at;
        }
    }

    /// How all who come into question stand.
    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// How many come into question.
    pub(super) fn count(&self) -> usize {
        self.eligible.count_ones() as usize
    }

    /// Those who come into question: by their place here, their index among the candidates, and as they stand.
    pub(super) fn eligible(&self) -> impl Iterator<Item = (usize, usize, &CandidateView)> {
        let mut left = self.eligible;
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (at < SAMPLE).then(|| (at, self.indices[at], &self.views[at]))
        })
    }

    /// The index of the one whose cost is least; of several, each with the same chance.
    pub(super) fn least(&self, chance: u64, cost: impl Fn(&CandidateView) -> f64) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        let mut equals = 1_u64;
        for (_, index, view) in self.eligible() {
            let cost = cost(view);
            equals = match best {
                Some((known, _)) if cost == known => equals + 1,
                Some((known, _)) if cost > known => continue,
                _ => 1,
            };
            // Of so many equals each one has the same chance: the last of them takes one part of it from all before.
            if mixed(chance.wrapping_add(equals)).is_multiple_of(equals) {
                best = Some((cost, index));
            }
        }
        best.map(|(_, index)| index)
    }

    /// The `nth` of those who come into question.
    pub(super) fn nth(&self, nth: usize) -> Option<(usize, &CandidateView)> {
        self.eligible().nth(nth).map(|(_, index, view)| (index, view))
    }
}
