//! Tests of the choice among tiers, of shares, and of the nearest.

use std::time::Duration;

use super::rules::{label, labelled, prefer};
use super::*;
use crate::policy::balance::{Asked, Balance, Balancer, CandidateView, Candidates, Scores};
use crate::policy::estimate::Estimate;
use proptest::prelude::*;

/// Candidates as they stand, whatever they are.
struct Views(Vec<CandidateView>);

impl Candidates for Views {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, index: usize) -> usize {
        index
    }

    fn identity(&self, index: usize) -> u64 {
        index as u64
    }

    fn view(&self, index: usize) -> CandidateView {
        self.0[index]
    }
}

fn view(available: bool, limited_until: u64, expected_ms: Option<u64>) -> CandidateView {
    let latency = expected_ms.map(|ms| Estimate {
        expected: Duration::from_millis(ms),
        age: Duration::ZERO,
    });
    CandidateView {
        available,
        limited_until,
        latency,
        max_in_flight: 1,
        weight: 1,
        ..CandidateView::UNAVAILABLE
    }
}

/// A set of so many in each tier; of those with `true` on credits.
fn tiered(sizes: &[(usize, bool)], canaries: &[(&str, u32)]) -> Arc<CandidateSet> {
    let tier = |at: usize| at.to_string();
    let names: Vec<(String, usize)> = sizes
        .iter()
        .enumerate()
        .flat_map(|(at, (size, _))| (0..*size).map(move |number| (format!("i{at}{number}"), at)))
        .collect();
    let instances = names
        .iter()
        .map(|(name, at)| labelled(name, &[("tier", &tier(*at))]))
        .collect();
    let order = sizes.iter().enumerate();
    let rule = Rule {
        select: Vec::new(),
        prefer: order
            .map(|(at, (_, credits))| prefer(&[label("tier", &tier(at))], *credits))
            .collect(),
        canaries: canaries
            .iter()
            .map(|(name, parts)| Canary {
                instance: Arc::from(*name),
                parts: *parts,
            })
            .collect(),
        ..rule(&names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())
    };
    let table = table(&[rule], instances, &[]);
    let call = Call::example(table.operations.get("git.repo.get").unwrap(), "x", "t");
    table.route(&call, 0).unwrap()
}

fn called(id: &str, affinity: Option<u64>) -> Call {
    let mut call = Call::example(operations().get("git.repo.get").unwrap(), "x", "t");
    (call.id, call.attributes.affinity) = (Arc::from(id), affinity);
    call
}

fn chosen(
    set: &CandidateSet,
    balancer: &mut dyn Balancer,
    call: &Call,
    views: &Views,
    funded: &[bool],
) -> Option<usize> {
    let asked = Asked {
        call,
        first: true,
        looked: false,
        now: 0,
        chance: 0,
    };
    let eligible = Eligible {
        set,
        candidates: views,
        funded: &|index| funded[index],
    };
    choose(&eligible, balancer, &asked, &mut Scores::default())
}

proptest! {
    #[test]
    fn the_first_tier_with_somebody_to_ask_is_asked(
        sizes in proptest::collection::vec((1usize..4, any::<bool>()), 1..4),
        rounds in proptest::collection::vec(proptest::collection::vec((any::<bool>(), 0u64..3, any::<bool>()), 12), 1..20),
    ) {
        let set = tiered(&sizes, &[]);
        let mut balancer = Balance::default().balancer();
        for states in rounds {
            let views = Views(states.iter().take(set.instances.len()).map(|(there, limited, _)| view(*there, *limited, None)).collect());
            let funded: Vec<bool> = states.iter().map(|(_, _, funded)| *funded).collect();
            let may = |index: usize| states[index].0 && (!set.asks_credits(index) || funded[index]);
            let tier_of = |index: usize| set.tiers.iter().position(|tier| tier.range.contains(&index)).unwrap();
            // The lowest tier with one that may be asked now; failing that, the lowest with one that may be asked at all.
            let all = 0..set.instances.len();
            let now = all.clone().filter(|index| may(*index) && states[*index].1 == 0).map(tier_of).min();
            let expected = now.or_else(|| all.filter(|index| may(*index)).map(tier_of).min());
            let choice = chosen(&set, &mut *balancer, &called("", None), &views, &funded);
            prop_assert_eq!(choice.map(tier_of), expected);
            if let Some(index) = choice {
                prop_assert!(may(index) && (now.is_none() || states[index].1 == 0));
            }
        }
    }
}

#[test]
fn a_canary_gets_its_share_and_no_more_and_a_conversation_stays_where_it_is() {
    let set = tiered(&[(3, false)], &[("i00", 50_000), ("i01", 200_000)]);
    let views = |there: [bool; 3]| Views(there.map(|there| view(there, 0, None)).to_vec());
    let mut balancer = Balance::default().balancer();
    let mut count = |there: [bool; 3]| {
        let mut counts = [0u32; 3];
        for number in 0..20_000 {
            let call = called(&format!("call-{number}"), None);
            counts[chosen(&set, &mut *balancer, &call, &views(there), &[]).unwrap()] += 1;
        }
        counts
    };
    let [few, some, rest] = count([true; 3]);
    // Five standard deviations around 5 and 20 percent of 20,000; the ids, and so the counts, are the same each time.
    assert!(
        (846..=1_154).contains(&few) && (3_717..=4_283).contains(&some),
        "{few} {some} {rest}"
    );
    // Without a trial its calls go to the others, and the others' to a trial only where nobody else is.
    let [few, some, _] = count([false, true, true]);
    assert!(few == 0 && (3_717..=4_283).contains(&some));
    assert_eq!(count([true, false, false]), [20_000, 0, 0]);
    for conversation in 0..50 {
        let at = |id: &str, balancer: &mut dyn Balancer| {
            chosen(
                &set,
                balancer,
                &called(id, Some(conversation)),
                &views([true, false, true]),
                &[],
            )
        };
        assert_eq!(at("one", &mut *balancer), at("another", &mut *balancer));
    }
}

#[test]
fn the_nearest_is_the_lowest_estimate_and_who_was_never_measured_is_measured() {
    let set = tiered(&[(3, false)], &[]);
    let at = |views: Vec<CandidateView>| chosen(&set, &mut Nearest, &called("", None), &Views(views), &[]);
    let known = |ms: u64| view(true, 0, Some(ms));
    assert_eq!(at(vec![known(30), known(10), known(20)]), Some(1));
    assert_eq!(at(vec![known(30), view(false, 0, Some(10)), known(20)]), Some(2));
    assert_eq!(at(vec![known(30), view(true, 9, Some(10)), known(20)]), Some(2));
    assert_eq!(at(vec![known(30), known(10), view(true, 0, None)]), Some(2));
    // One attempt measures it; meanwhile others go by what is known.
    let busy = CandidateView {
        in_flight: 1,
        ..view(true, 0, None)
    };
    assert_eq!(at(vec![known(30), known(10), busy]), Some(1));
    let forgotten = CandidateView {
        latency: Some(Estimate {
            expected: Duration::from_secs(9),
            age: Duration::from_secs(31),
        }),
        ..known(0)
    };
    assert_eq!(at(vec![known(30), known(10), forgotten]), Some(2));
}
