//! Balancers: which of several equivalent candidates is asked next.
//!
//! Invariant: a choice is always one of the candidates offered, and an available one while there is any. A balancer's state
//! belongs to the rule that names it; a failover does not spend the turn of the calls that follow.

use crate::call::Call;
use crate::policy::estimate::Estimate;

/// The balancers that a rule may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// Each in its turn.
    #[default]
    RoundRobin,
}

impl Balance {
    /// A balancer that has seen nothing.
    pub fn balancer(self) -> Box<dyn Balancer> {
        match self {
            Balance::RoundRobin => Box::new(RoundRobin::default()),
        }
    }
}

/// What a balancer sees of one candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CandidateView {
    /// It may be asked: it accepts calls, has room, its circuit lets calls pass, and this call was not refused there.
    pub available: bool,
    /// Attempts in flight there.
    pub in_flight: usize,
    /// The bound on them.
    pub max_in_flight: usize,
    /// What an attempt there is expected to take.
    pub latency: Option<Estimate>,
    /// Until when it asked not to be asked (nanoseconds of the system's clock); 0: it did not.
    pub limited_until: u64,
    /// Little is left of what its provider grants us.
    pub scarce: bool,
    /// Its share among equivalents.
    pub weight: u32,
    /// The share of its weight that it gets for now, in `0..=1`: less than 1 while it starts slowly after it came back.
    pub share: f32,
    /// What an attempt there costs, in millionths of the system's currency.
    pub price: Option<u64>,
}

impl CandidateView {
    /// One that may not be asked, whatever else is known of it.
    pub const UNAVAILABLE: CandidateView = CandidateView {
        available: false,
        in_flight: 0,
        max_in_flight: 0,
        latency: None,
        limited_until: 0,
        scarce: false,
        weight: 0,
        share: 1.0,
        price: None,
    };
}

/// The candidates of a call, looked at only as far as a balancer asks: there may be a thousand.
pub trait Candidates {
    /// How many there are.
    fn len(&self) -> usize;

    /// There is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of a candidate in its rule's list of instances; ascending. Candidates of one rule differ by operation.
    fn place(&self, index: usize) -> usize;

    /// The candidate as it stands.
    fn view(&self, index: usize) -> CandidateView;
}

/// The one call that a candidate is chosen for.
pub struct Asked<'a> {
    /// The call.
    pub call: &'a Call,
    /// Its first attempt's first choice: only this one spends a turn.
    pub first: bool,
    /// Now, in nanoseconds of the system's clock.
    pub now: u64,
}

impl Asked<'_> {
    /// Distinguishes what the call is about: equal for calls of one tenant about one resource. For affinity.
    pub fn key(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.call.caller.tenant.hash(&mut hasher);
        self.call.resource.native().hash(&mut hasher);
        hasher.finish()
    }
}

/// Chooses among candidates.
pub trait Balancer: Send {
    /// The index of the candidate to ask; `None`: none is available.
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates) -> Option<usize>;
}

/// Each in its turn. One that asked not to be asked is passed over while another is available, and so is one of whose quota
/// little is left: what is left serves best where nobody else can.
#[derive(Debug, Default)]
pub struct RoundRobin {
    /// The place in the rule's list whose turn is next.
    next: usize,
}

impl Balancer for RoundRobin {
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates) -> Option<usize> {
        let count = candidates.len();
        let start = first_at(candidates, self.next);
        let (mut scarce, mut soonest): (Option<usize>, Option<(u64, usize)>) = (None, None);
        for index in (0..count).map(|step| (start + step) % count) {
            let view = candidates.view(index);
            if !view.available {
                continue;
            }
            if view.limited_until == 0 && !view.scarce {
                return Some(self.turn_of(index, asked, candidates));
            }
            if view.limited_until == 0 {
                scarce.get_or_insert(index);
            } else if soonest.is_none_or(|(until, _)| view.limited_until < until) {
                soonest = Some((view.limited_until, index));
            }
        }
        match scarce {
            Some(index) => Some(self.turn_of(index, asked, candidates)),
            // All that are available asked not to be: the one whose time comes first may know better by now.
            None => soonest.map(|(_, index)| index),
        }
    }
}

impl RoundRobin {
    /// Gives a candidate its turn.
    fn turn_of(&mut self, index: usize, asked: &Asked<'_>, candidates: &dyn Candidates) -> usize {
        if asked.first {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Operation, Operations};
    use proptest::prelude::*;

    static READ: Operation = Operation::read("t", "t.read");

    fn call() -> Call {
        let operation = Operations::new([&READ]).get("t.read").unwrap();
        Call::example(operation, "", "t")
    }

    /// Candidates by their places, whether they are available, and until when they are limited, or [`SCARCE`].
    struct Listed(Vec<(usize, bool, u64)>);

    const SCARCE: u64 = 1;

    impl Candidates for Listed {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn place(&self, index: usize) -> usize {
            self.0[index].0
        }

        fn view(&self, index: usize) -> CandidateView {
            CandidateView {
                available: self.0[index].1,
                in_flight: 0,
                max_in_flight: 1,
                latency: None,
                limited_until: self.0[index].2 & !SCARCE,
                scarce: self.0[index].2 == SCARCE,
                weight: 1,
                share: 1.0,
                price: None,
            }
        }
    }

    fn all(count: usize) -> Listed {
        Listed((0..count).map(|place| (place, true, 0)).collect())
    }

    fn choose(balancer: &mut RoundRobin, candidates: &Listed, first: bool) -> Option<usize> {
        let call = call();
        let asked = Asked {
            call: &call,
            first,
            now: 0,
        };
        balancer.choose(&asked, candidates)
    }

    proptest! {
        #[test]
        fn every_candidate_gets_its_turn(count in 1usize..20, rounds in 1usize..20) {
            let mut balancer = RoundRobin::default();
            let mut picks = vec![0; count];
            for _ in 0..count * rounds {
                picks[choose(&mut balancer, &all(count), true).unwrap()] += 1;
            }
            prop_assert!(picks.iter().all(|&n| n == rounds));
        }

        #[test]
        fn an_available_candidate_is_found_whatever_was_chosen_before(
            rounds in proptest::collection::vec((proptest::collection::vec((0usize..9, any::<bool>(), 0u64..5), 0..6), any::<bool>()), 1..50),
        ) {
            let mut balancer = RoundRobin::default();
            for (mut listed, first) in rounds {
                listed.sort_by_key(|row| row.0);
                listed.dedup_by_key(|row| row.0);
                let candidates = Listed(listed);
                let chosen = choose(&mut balancer, &candidates, first);
                // The best is nothing said, then little left, then not to be asked.
                let best = |row: &(usize, bool, u64)| row.2.min(2);
                let there = || candidates.0.iter().filter(|row| row.1);
                match chosen {
                    None => prop_assert!(candidates.0.iter().all(|row| !row.1)),
                    Some(index) => {
                        prop_assert!(candidates.0[index].1);
                        prop_assert!(there().all(|row| best(&candidates.0[index]) <= best(row)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_failover_does_not_spend_the_next_calls_turn() {
        let mut balancer = RoundRobin::default();
        // The first of two is sick: each call that begins there goes on to the other.
        let mut begun = [0; 2];
        for _ in 0..10 {
            let first = choose(&mut balancer, &all(2), true).unwrap();
            begun[first] += 1;
            if first == 0 {
                let others = Listed(vec![(0, false, 0), (1, true, 0)]);
                assert_eq!(choose(&mut balancer, &others, false), Some(1));
            }
        }
        assert_eq!(begun, [5, 5]);
    }

    #[test]
    fn one_that_asked_not_to_be_asked_is_passed_over_while_another_is_there() {
        let mut balancer = RoundRobin::default();
        let limited = Listed(vec![(0, true, 60), (1, true, 0)]);
        assert!((0..10).all(|_| choose(&mut balancer, &limited, true) == Some(1)));
        let all_limited = Listed(vec![(0, true, 60), (1, true, 50), (2, false, 0)]);
        assert_eq!(choose(&mut balancer, &all_limited, true), Some(1));
    }

    #[test]
    fn little_that_is_left_is_left_to_who_cannot_be_served_elsewhere() {
        let mut balancer = RoundRobin::default();
        let one = Listed(vec![(0, true, SCARCE), (1, true, 0)]);
        assert!((0..10).all(|_| choose(&mut balancer, &one, true) == Some(1)));
        let limited = Listed(vec![(0, true, SCARCE), (1, true, 60)]);
        assert!((0..10).all(|_| choose(&mut balancer, &limited, true) == Some(0)));
        let both = Listed(vec![(0, true, SCARCE), (1, true, SCARCE)]);
        let turns: Vec<_> = (0..4).map(|_| choose(&mut balancer, &both, true)).collect();
        assert!(turns == [Some(0), Some(1), Some(0), Some(1)] || turns == [Some(1), Some(0), Some(1), Some(0)]);
    }
}
