//! The choice among a set's tiers: the first with somebody to ask, and within it the balancer's.
//!
//! Invariant: a candidate of a later tier is chosen only where no earlier one has an available candidate that may be asked
//! now; one whose tier asks for credits, only while it has them.

use std::ops::Range;

use super::set::Fnv1a;
use super::{CandidateSet, Tier};
use crate::policy::balance::{Asked, Balancer, Basis, CandidateView, Candidates, Scores};

/// A million: the whole of what shares are parts of.
pub(super) const WHOLE: u64 = 1_000_000;

/// A set's candidates as they stand.
#[derive(Clone, Copy)]
pub struct Eligible<'a> {
    /// The set.
    pub set: &'a CandidateSet,
    /// Its candidates, by their index in the set.
    pub candidates: &'a dyn Candidates,
    /// Whether one has credits for this call.
    pub funded: &'a dyn Fn(usize) -> bool,
}

/// The candidate to ask, as an index of the set.
pub fn choose(
    eligible: &Eligible<'_>,
    balancer: &mut dyn Balancer,
    asked: &Asked<'_>,
    scores: &mut Scores,
) -> Option<usize> {
    let Eligible {
        set,
        candidates,
        funded,
    } = *eligible;
    let share = if set.canaries.is_empty() {
        None
    } else {
        Some(share(asked))
    };
    if let ([tier], None) = (&set.tiers[..], share)
        && !tier.credits
    {
        return balancer.choose(asked, candidates, scores);
    }
    // Of those that asked not to be asked, the first: it is asked where there is nobody else.
    let mut limited = None;
    for tier in &set.tiers {
        let within = Within {
            candidates,
            tier,
            funded,
            passed_over: &[],
        };
        let Some(index) = choose_within(set, balancer, asked, &within, share, scores) else {
            continue;
        };
        if candidates.view(index).limited_until == 0 {
            return Some(index);
        }
        limited.get_or_insert_with(|| (index, scores.clone()));
    }
    let (index, before) = limited?;
    *scores = before;
    Some(index)
}

/// The choice within one tier, as an index of the set.
fn choose_within(
    set: &CandidateSet,
    balancer: &mut dyn Balancer,
    asked: &Asked<'_>,
    within: &Within<'_>,
    share: Option<u32>,
    scores: &mut Scores,
) -> Option<usize> {
    let start = within.tier.range.start;
    let mut ask = |within: &Within<'_>| {
        *scores = Scores::default();
        let index = balancer.choose(asked, within, scores)?;
        scores.shift(start);
        if within.in_question() == 1 {
            // The balancer had no choice.
            scores.by(if set.tiers.len() > 1 { Basis::Tier } else { Basis::Only });
        }
        Some(start + index)
    };
    let Some(share) = share else {
        return ask(within);
    };
    let led = set
        .canaries
        .iter()
        .find(|(_, part)| part.contains(&share))
        .map(|(index, _)| *index);
    let may = |index: &usize| {
        let view = within.at(*index);
        view.available && view.limited_until == 0
    };
    if let Some(index) = led.filter(|index| within.tier.range.contains(index)).filter(may) {
        *scores = Scores::default();
        scores.by(Basis::Canary);
        return Some(index);
    }
    // The share of a trial is its bound as well: it takes the others' calls only where they cannot be asked.
    let others = Within {
        passed_over: &set.canaries,
        ..*within
    };
    ask(&others).or_else(|| ask(within))
}

/// Where a call falls between nothing and the whole. By what it says belongs together, so that a conversation stays with
/// one; else by its id, so that shares hold whatever calls are about, and a call that is asked about again falls the same.
fn share(asked: &Asked<'_>) -> u32 {
    let mut hash = Fnv1a::NEW;
    match asked.call.attributes.affinity {
        Some(affinity) => hash.write(&affinity.to_le_bytes()),
        None => hash.write(asked.call.id.as_bytes()),
    }
    // FNV leaves its high bits poorly mixed for short input; the finaliser is that of MurmurHash3.
    let mut mixed = hash.0;
    mixed = (mixed ^ mixed >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ mixed >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^= mixed >> 33;
    ((u128::from(mixed) * u128::from(WHOLE)) >> 64) as u32
}

/// The candidates of one tier.
struct Within<'a> {
    candidates: &'a dyn Candidates,
    tier: &'a Tier,
    funded: &'a dyn Fn(usize) -> bool,
    passed_over: &'a [(usize, Range<u32>)],
}

impl Within<'_> {
    /// How many there are, however they stand.
    fn in_question(&self) -> usize {
        let out = |(canary, _): &&(usize, Range<u32>)| self.tier.range.contains(canary);
        self.tier.range.len() - self.passed_over.iter().filter(out).count()
    }

    /// By its index in the set.
    fn at(&self, index: usize) -> CandidateView {
        let view = self.candidates.view(index);
        let out = self.passed_over.iter().any(|(canary, _)| *canary == index)
            || view.available && self.tier.credits && !(self.funded)(index);
        if out { CandidateView::UNAVAILABLE } else { view }
    }
}

impl Candidates for Within<'_> {
    fn len(&self) -> usize {
        self.tier.range.len()
    }

    fn place(&self, index: usize) -> usize {
        self.candidates.place(self.tier.range.start + index)
    }

    fn identity(&self, index: usize) -> u64 {
        self.candidates.identity(self.tier.range.start + index)
    }

    fn view(&self, index: usize) -> CandidateView {
        self.at(self.tier.range.start + index)
    }

    fn cost(&self, index: usize) -> Option<u64> {
        self.candidates.cost(self.tier.range.start + index)
    }
}
