//! Every balancer against a small model of what it promises, and all of them against what they promise together.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::call::{Call, Operation, Operations};
use crate::policy::estimate::Estimate;

static READ: Operation = Operation::read("t", "t.read");

pub(super) fn call() -> Call {
    let operation = Operations::new([&READ]).get("t.read").unwrap();
    Call::example(operation, "", "t")
}

/// Candidates at places of a rule's list.
#[derive(Clone, Debug)]
pub(super) struct Listed(pub(super) Vec<(usize, CandidateView)>);

impl Candidates for Listed {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, index: usize) -> usize {
        self.0[index].0
    }

    fn identity(&self, index: usize) -> u64 {
        identity_of(&format!("instance-{}", self.place(index)))
    }

    fn view(&self, index: usize) -> CandidateView {
        self.0[index].1
    }
}

pub(super) const FREE: CandidateView = CandidateView {
    available: true,
    in_flight: 0,
    max_in_flight: 1_000,
    latency: None,
    limited_until: 0,
    scarce: false,
    remaining: None,
    weight: 1,
    share: 1.0,
};

fn limited(until: u64) -> CandidateView {
    CandidateView {
        limited_until: until,
        ..FREE
    }
}

const SCARCE: CandidateView = CandidateView { scarce: true, ..FREE };
const GONE: CandidateView = CandidateView {
    available: false,
    ..FREE
};

impl Listed {
    /// The candidates at places 0, 1, …
    pub(super) fn of(views: impl IntoIterator<Item = CandidateView>) -> Self {
        Listed(views.into_iter().enumerate().collect())
    }

    fn all(count: usize) -> Self {
        Listed::of(vec![FREE; count])
    }
}

pub(super) fn pick(balancer: &mut dyn Balancer, candidates: &Listed, first: bool, chance: u64) -> Option<usize> {
    keyed(balancer, candidates, first, chance, None)
}

fn keyed(
    balancer: &mut dyn Balancer,
    candidates: &Listed,
    first: bool,
    chance: u64,
    affinity: Option<u64>,
) -> Option<usize> {
    let mut call = call();
    call.attributes.affinity = affinity;
    let asked = Asked {
        call: &call,
        first,
        looked: false,
        now: 1_000_000_000,
        chance,
    };
    balancer.choose(&asked, candidates, &mut Scores::default())
}

/// In steps: proptest's ranges of `f32` can fail an assertion of their own.
fn share() -> impl Strategy<Value = f32> {
    (1u8..=20).prop_map(|twentieths| f32::from(twentieths) / 20.0)
}

fn view() -> impl Strategy<Value = CandidateView> {
    let latency = proptest::option::of((1u64..1_000, 0u64..30));
    let numbers = (0usize..20, 1u32..9, share());
    (any::<bool>(), 0u64..4, any::<bool>(), latency, numbers).prop_map(
        |(available, limited, scarce, latency, (in_flight, weight, share))| CandidateView {
            available,
            in_flight,
            // Half of them asked not to be asked.
            limited_until: limited.saturating_sub(1),
            scarce,
            weight,
            share,
            latency: latency.map(|(millis, age)| Estimate {
                expected: Duration::from_millis(millis),
                age: Duration::from_secs(age),
            }),
            ..FREE
        },
    )
}

fn listed(most: usize) -> impl Strategy<Value = Listed> {
    proptest::collection::vec((0usize..most * 2, view()), 0..most).prop_map(|mut all| {
        all.sort_by_key(|(place, _)| *place);
        all.dedup_by_key(|(place, _)| *place);
        Listed(all)
    })
}

proptest! {
    /// What all have in common: an available one is found while there is any, and of those that stand best.
    #[test]
    fn none_chooses_an_unavailable_one_or_one_that_stands_worse(
        rounds in proptest::collection::vec((listed(40), any::<bool>(), any::<u64>()), 1..20),
    ) {
        for balance in Balance::all() {
            let mut balancer = balance.balancer();
            for (candidates, first, chance) in &rounds {
                let standing = |index: usize| Standing::of(&candidates.view(index));
                let best = (0..candidates.len()).map(standing).min().unwrap_or(Standing::Unavailable);
                match pick(&mut *balancer, candidates, *first, *chance) {
                    None => prop_assert_eq!(best, Standing::Unavailable, "{}", balance),
                    Some(index) => {
                        prop_assert!(candidates.view(index).available, "{}", balance);
                        prop_assert_eq!(standing(index), best, "{}", balance);
                    }
                }
            }
        }
    }

    #[test]
    fn every_candidate_gets_its_turn(count in 1usize..20, rounds in 1usize..20) {
        let mut balancer = RoundRobin::default();
        let mut picks = vec![0; count];
        for _ in 0..count * rounds {
            picks[pick(&mut balancer, &Listed::all(count), true, 0).unwrap()] += 1;
        }
        prop_assert!(picks.iter().all(|&n| n == rounds));
    }

    /// nginx's promise: over a cycle everybody gets exactly its weight, and nobody gets two in a row more often than it must.
    #[test]
    fn weights_are_kept_to_exactly_over_each_cycle(weights in proptest::collection::vec(1u32..9, 1..16), cycles in 1usize..4) {
        let views = weights.iter().map(|weight| CandidateView { weight: *weight, ..FREE });
        let (candidates, mut balancer) = (Listed::of(views), Weighted::default());
        let total: u32 = weights.iter().sum();
        for _ in 0..cycles {
            let mut picks = vec![0; weights.len()];
            for turn in 1..=total {
                picks[pick(&mut balancer, &candidates, true, 0).unwrap()] += 1;
                // Never ahead of its share by as much as a call and its neighbours' rounding.
                for (picked, weight) in picks.iter().zip(&weights) {
                    let due = f64::from(turn) * f64::from(*weight) / f64::from(total);
                    prop_assert!(f64::from(*picked) < due + 1.0 + weights.len() as f64 / 2.0);
                }
            }
            prop_assert_eq!(&picks, &weights);
        }
    }

    #[test]
    fn slow_start_is_a_share_of_a_weight(share in share()) {
        let coming = CandidateView { share, ..FREE };
        let (candidates, mut balancer) = (Listed::of([FREE, coming]), Weighted::default());
        let picks = (0..2_000).filter(|_| pick(&mut balancer, &candidates, true, 0) == Some(1)).count();
        let due = f64::from(share) / (1.0 + f64::from(share));
        prop_assert!((picks as f64 / 2_000.0 - due).abs() < 0.01);
    }

    #[test]
    fn least_connections_never_picks_a_busier_one(flights in proptest::collection::vec((0usize..9, 1u32..4), 1..16), chance: u64) {
        let view = |(in_flight, weight): &(usize, u32)| CandidateView { in_flight: *in_flight, weight: *weight, ..FREE };
        let candidates = Listed::of(flights.iter().map(view));
        let chosen = flights[pick(&mut LeastConnections, &candidates, true, chance).unwrap()];
        let busy = |(in_flight, weight): (usize, u32)| (in_flight as f64 + 1.0) / f64::from(weight);
        prop_assert!(flights.iter().all(|other| busy(chosen) <= busy(*other)));
    }

    /// The model draws nothing itself: it reads from the scores which two were drawn.
    #[test]
    fn of_the_two_that_are_drawn_the_lower_is_chosen(candidates in listed(16), chance: u64) {
        let call = call();
        let asked = Asked { call: &call, first: true, looked: false, now: 0, chance };
        let mut scores = Scores::default();
        if let Some(index) = ResponseTime.choose(&asked, &candidates, &mut scores) {
            let drawn = scores.entries();
            prop_assert!(drawn.len() == 2 || drawn.is_empty());
            let cost = peak_cost(&candidates.view(index));
            prop_assert!(drawn.iter().all(|score| cost <= peak_cost(&candidates.view(score.index))));
            prop_assert!(drawn.is_empty() || drawn.iter().any(|score| score.index == index));
            prop_assert!(drawn.len() < 2 || drawn[0].index != drawn[1].index);
        }
    }

    /// Keys arrive and stay: nobody is ever taken above the bound of Mirrokni and others.
    #[test]
    fn no_candidate_is_taken_above_its_bound(count in 1usize..16, keys in proptest::collection::vec(0u64..5, 1..100)) {
        let mut candidates = Listed::all(count);
        for (before, key) in keys.into_iter().enumerate() {
            let index = keyed(&mut ConsistentHashing, &candidates, true, 0, Some(key)).unwrap();
            candidates.0[index].1.in_flight += 1;
            let bound = (1.25 * (before + 1) as f64 / count as f64).ceil();
            prop_assert!(candidates.view(index).in_flight as f64 <= bound);
        }
    }

    #[test]
    fn a_key_moves_only_where_its_candidate_left(count in 2usize..40, gone in 0usize..40, keys in proptest::collection::vec(any::<u64>(), 1..50)) {
        let all = Listed::all(count);
        let mut fewer = all.clone();
        fewer.0[gone % count].1 = GONE;
        let mut removed = all.clone();
        removed.0.remove(gone % count);
        for key in keys {
            let home = |candidates: &Listed| {
                keyed(&mut ConsistentHashing, candidates, true, key, Some(key)).map(|index| candidates.place(index))
            };
            let before = home(&all);
            prop_assert_eq!(home(&fewer), home(&removed));
            if before != Some(gone % count) {
                prop_assert_eq!(before, home(&fewer));
            }
        }
    }

    #[test]
    fn scores_keep_the_best_in_order(costs in proptest::collection::vec(0u32..100, 0..30)) {
        let mut scores = Scores::default();
        for (index, cost) in costs.iter().enumerate() {
            scores.note(Score { index, cost: f64::from(*cost), ..Score::default() });
        }
        let mut sorted = costs.clone();
        sorted.sort_unstable();
        sorted.truncate(8);
        let kept: Vec<u32> = scores.entries().iter().map(|score| score.cost as u32).collect();
        prop_assert_eq!(kept, sorted);
    }
}

#[test]
fn keys_are_spread_over_all_candidates() {
    let candidates = Listed::all(8);
    let mut homes: HashMap<usize, usize> = HashMap::new();
    for key in 0..8_000 {
        let home = keyed(&mut ConsistentHashing, &candidates, true, 0, Some(key)).unwrap();
        *homes.entry(home).or_default() += 1;
    }
    assert!(
        homes.len() == 8 && homes.values().all(|keys| (800..1_200).contains(keys)),
        "{homes:?}"
    );
}

#[test]
fn the_first_two_draws_reach_every_pair() {
    let candidates = Listed::all(4);
    let mut pairs = std::collections::BTreeSet::new();
    let call = call();
    for chance in 0..500 {
        let asked = Asked {
            call: &call,
            first: true,
            looked: false,
            now: 0,
            chance,
        };
        let mut scores = Scores::default();
        ResponseTime.choose(&asked, &candidates, &mut scores);
        let mut pair: Vec<usize> = scores.entries().iter().map(|score| score.index).collect();
        pair.sort_unstable();
        pairs.insert(pair);
    }
    assert_eq!(pairs.len(), 6);
}

#[test]
fn a_failover_spends_no_turn() {
    for balance in [Balance::RoundRobin, Balance::Weighted] {
        let mut balancer = balance.balancer();
        // The first of two is sick: each call that begins there goes on to the other.
        let mut begun = [0; 2];
        for _ in 0..10 {
            let first = pick(&mut *balancer, &Listed::all(2), true, 0).unwrap();
            begun[first] += 1;
            if first == 0 {
                let others = Listed::of([GONE, FREE]);
                assert_eq!(pick(&mut *balancer, &others, false, 0), Some(1));
            }
        }
        assert_eq!(begun, [5, 5], "{balance}");
    }
}

#[test]
fn one_that_asked_not_to_be_asked_is_passed_over_while_another_is_there() {
    for balance in Balance::all() {
        let mut balancer = balance.balancer();
        let one = Listed::of([limited(60), FREE]);
        assert!(
            (0..10).all(|chance| pick(&mut *balancer, &one, true, chance) == Some(1)),
            "{balance}"
        );
        let all = Listed::of([limited(60), limited(50), GONE]);
        assert_eq!(pick(&mut *balancer, &all, true, 0), Some(1), "{balance}");
    }
}

#[test]
fn little_that_is_left_is_left_to_who_cannot_be_served_elsewhere() {
    for balance in Balance::all() {
        let mut balancer = balance.balancer();
        let one = Listed::of([SCARCE, FREE]);
        assert!(
            (0..10).all(|chance| pick(&mut *balancer, &one, true, chance) == Some(1)),
            "{balance}"
        );
        let limited = Listed::of([SCARCE, limited(60)]);
        assert!(
            (0..10).all(|chance| pick(&mut *balancer, &limited, true, chance) == Some(0)),
            "{balance}"
        );
        let both = Listed::of([SCARCE, SCARCE]);
        let turns: Vec<_> = (0..4).map(|chance| pick(&mut *balancer, &both, true, chance)).collect();
        assert!(turns.iter().all(Option::is_some), "{balance}");
        if balance == Balance::RoundRobin {
            assert!(turns[0] != turns[1] && turns[1] != turns[2] && turns[2] != turns[3]);
        }
    }
}

#[test]
fn one_in_a_thousand_is_found() {
    let mut views = vec![GONE; 1_000];
    views[617] = FREE;
    let candidates = Listed::of(views);
    for balance in Balance::all() {
        let mut balancer = balance.balancer();
        assert!(
            (0..20).all(|chance| pick(&mut *balancer, &candidates, true, chance) == Some(617)),
            "{balance}"
        );
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for balance in Balance::all() {
        assert_eq!(balance.as_str().parse(), Ok(balance));
        assert_eq!(balance.balancer().learns(), balance.balancer().learned().is_some());
    }
    let names: Vec<&str> = Balance::all().map(Balance::as_str).collect();
    let unknown = "random".parse::<Balance>().unwrap_err().to_string();
    assert!(names.iter().all(|name| unknown.contains(name)) && unknown.contains("random"));
    assert_eq!(Balance::all().filter(|balance| balance.balancer().learns()).count(), 1);
}

#[test]
fn a_choice_that_is_only_looked_at_is_the_next_one_and_changes_nothing() {
    let candidates = Listed::of([1, 3, 2].map(|weight| CandidateView { weight, ..FREE }));
    let call = call();
    for balance in Balance::all() {
        let (mut looked, mut plain) = (balance.balancer(), balance.balancer());
        for chance in 0..60 {
            let choice = |balancer: &mut dyn Balancer, looked| {
                let asked = Asked {
                    call: &call,
                    first: true,
                    looked,
                    now: 0,
                    chance,
                };
                balancer.choose(&asked, &candidates, &mut Scores::default())
            };
            let told = [0; 3].map(|_| choice(&mut *looked, true));
            let next = choice(&mut *plain, false);
            assert_eq!(told, [next; 3], "{balance}");
            assert_eq!(choice(&mut *looked, false), next, "{balance}");
        }
    }
}

#[test]
fn among_equals_each_has_its_part() {
    // Whoever is busier is never among them.
    let busy = CandidateView { in_flight: 1, ..FREE };
    for views in [vec![FREE; 3], vec![FREE, busy, FREE, FREE], vec![FREE; 7]] {
        let candidates = Listed::of(views.clone());
        let free = views.iter().filter(|view| view.in_flight == 0).count();
        let (mut served, mut random) = (vec![0_usize; views.len()], fastrand::Rng::with_seed(7));
        for _ in 0..3_000 {
            let chosen = pick(&mut LeastConnections, &candidates, true, random.u64(..));
            served[chosen.expect("some are free")] += 1;
        }
        for (view, served) in views.iter().zip(&served) {
            let its = if view.in_flight == 0 { 3_000 / free } else { 0 };
            assert!(served.abs_diff(its) <= its / 4, "{served} of {its}");
        }
    }
}
