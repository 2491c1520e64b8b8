//! Balancers: which of several equivalent candidates comes next.
//!
//! Invariant: a pick is always one of the candidates offered, and as many picks in a row as there are candidates reach
//! each of them: so the next one is found when one cannot be asked.

/// Chooses among candidates that are able.
pub trait Balancer: Send {
    /// The index of the next candidate among `count`; `None` only for no candidates.
    fn pick(&mut self, count: usize) -> Option<usize>;
}

/// Each in its turn.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: usize,
}

impl Balancer for RoundRobin {
    fn pick(&mut self, count: usize) -> Option<usize> {
        if count == 0 {
            return None;
        }
        let picked = self.next % count;
        self.next = (picked + 1) % count;
        Some(picked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_candidate_gets_its_turn(count in 1usize..20, rounds in 1usize..20) {
            let mut balancer = RoundRobin::default();
            let mut picks = vec![0; count];
            for _ in 0..count * rounds {
                picks[balancer.pick(count).unwrap()] += 1;
            }
            prop_assert!(picks.iter().all(|&n| n == rounds));
        }

        #[test]
        fn a_changing_number_of_candidates_is_never_overrun(counts in proptest::collection::vec(0usize..5, 1..100)) {
            let mut balancer = RoundRobin::default();
            for count in counts {
                prop_assert_eq!(balancer.pick(count).is_some_and(|i| i < count), count > 0);
            }
        }
    }
}
