//! What the adaptive balancer learns, forgets, keeps, and does not believe.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::call::{Call, CostClass, Operation, Operations};
use crate::policy::balance::tests::{FREE, Listed, call};
use crate::policy::balance::{CandidateView, identity_of};
use crate::policy::estimate::Class;

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;

static HEAVY: Operation = Operation {
    cost: CostClass::Heavy,
    ..Operation::read("t", "t.heavy")
};

fn heavy() -> Call {
    Call::example(Operations::new([&HEAVY]).get("t.heavy").unwrap(), "", "t")
}

/// Candidates with what each is expected to cost.
struct Priced<'a>(&'a Listed, &'a [Option<u64>]);

impl Candidates for Priced<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, index: usize) -> usize {
        self.0.place(index)
    }

    fn identity(&self, index: usize) -> u64 {
        self.0.identity(index)
    }

    fn view(&self, index: usize) -> CandidateView {
        self.0.view(index)
    }

    fn cost(&self, index: usize) -> Option<u64> {
        self.1[index]
    }
}

/// One balancer among candidates whose attempts end at once in virtual time.
struct World {
    adaptive: Adaptive,
    candidates: Listed,
    /// What each is expected to cost, in billionths of a dollar.
    costs: Vec<Option<u64>>,
    now: u64,
    step: u64,
}

/// How an attempt at a candidate ends: milliseconds, and whether it is served.
type Ends<'a> = &'a dyn Fn(usize, &Call, u64) -> (f64, bool);

impl World {
    fn new(count: usize) -> Self {
        World {
            adaptive: Adaptive::new(Weights::DEFAULT),
            candidates: Listed::of(vec![FREE; count]),
            costs: vec![None; count],
            now: SECOND,
            step: 0,
        }
    }

    fn choose(&mut self, call: &Call) -> (usize, Scores) {
        self.now += 10 * MILLI;
        self.step += 1;
        let asked = Asked {
            call,
            first: true,
            looked: false,
            now: self.now,
            chance: self.step,
        };
        let mut scores = Scores::default();
        let index = self
            .adaptive
            .choose(&asked, &Priced(&self.candidates, &self.costs), &mut scores)
            .unwrap();
        (index, scores)
    }

    /// One call; tells who was asked.
    fn one(&mut self, call: &Call, ends: Ends<'_>) -> (usize, Basis) {
        let (index, scores) = self.choose(call);
        // A little noise, so that there is something to be unsure of.
        let noise = 0.9 + 0.2 * ((self.step * 7_919) % 101) as f64 / 101.0;
        let (millis, served) = ends(index, call, self.now);
        let observed = Observed {
            place: index,
            identity: self.candidates.identity(index),
            class: Class::of(&call.operation),
            model: model_of(call),
            payload_bytes: call.attributes.payload_bytes,
            in_flight: 0,
            remaining: None,
            took: Duration::from_secs_f64(millis * noise / 1e3),
            at_least: false,
            outcome: Some(served),
            cost: None,
        };
        self.adaptive.observe(&observed, self.now);
        (index, scores.basis())
    }

    /// How often each was asked in so many calls, reads and heavy ones in turn.
    fn run(&mut self, calls: usize, ends: Ends<'_>) -> Vec<usize> {
        let mut asked = vec![0; self.candidates.0.len()];
        let kinds = [call(), heavy()];
        for number in 0..calls {
            asked[self.one(&kinds[number % 2], ends).0] += 1;
        }
        asked
    }
}

#[test]
fn what_is_outrun_took_at_least_so_long_and_has_not_failed() {
    let mut world = World::new(2);
    world.run(600, &|_, _, _| (20.0, true));
    let seen = |world: &mut World| {
        let known = world.adaptive.known[0].as_ref().expect("it was asked");
        let expected = known.expected(
            &Context::of(&call()),
            context::of_call(&Context::of(&call())),
            &FREE,
            || None,
            world.now,
        );
        (expected.latency, expected.failure)
    };
    let outrun = |world: &mut World, millis| {
        let observed = Observed {
            place: 0,
            identity: world.candidates.identity(0),
            class: Class::of(&call().operation),
            model: None,
            payload_bytes: 0,
            in_flight: 0,
            remaining: None,
            took: Duration::from_millis(millis),
            at_least: true,
            outcome: None,
            cost: None,
        };
        world.adaptive.observe(&observed, world.now);
    };
    let before = seen(&mut world);
    // It was given up sooner than it is expected to answer: that says nothing.
    outrun(&mut world, 5);
    assert_eq!(seen(&mut world), before);
    (0..5).for_each(|_| outrun(&mut world, 200));
    let after = seen(&mut world);
    assert!(after.0 > before.0 * 1.2, "{before:?} {after:?}");
    assert_eq!(after.1, before.1);
}

#[test]
fn each_kind_of_call_goes_where_it_is_served_best() {
    // The first is quick to read, the second quick with heavy calls.
    let ends = |index: usize, call: &Call, _| match (index, call.operation.cost) {
        (0, CostClass::Read) | (1, CostClass::Heavy) => (20.0, true),
        _ => (200.0, true),
    };
    let mut world = World::new(2);
    world.run(600, &ends);
    let kinds = [call(), heavy()];
    let right = (0..200)
        .filter(|number| world.one(&kinds[number % 2], &ends).0 == number % 2)
        .count();
    assert!(right >= 190, "{right} of 200");
}

#[test]
fn the_size_of_the_input_counts() {
    // The first is slow to begin, the second by the byte.
    let ends = |index: usize, call: &Call, _| match index {
        0 => (100.0, true),
        _ => (10.0 + call.attributes.payload_bytes as f64 / 1_000.0, true),
    };
    let (mut world, small, mut large) = (World::new(2), call(), call());
    large.attributes.payload_bytes = 1_000_000;
    for number in 0..600 {
        world.one(if number % 2 == 0 { &small } else { &large }, &ends);
    }
    let small = (0..100).filter(|_| world.one(&small, &ends).0 == 1).count();
    let large = (0..100).filter(|_| world.one(&large, &ends).0 == 0).count();
    assert!(small >= 92 && large >= 92, "{small} {large}");
}

#[test]
fn it_forgets_as_conditions_change() {
    let mut world = World::new(3);
    let before = |index: usize, call: &Call, _| (if index == 0 { 20.0 } else { 60.0 } + heaviness(call), true);
    let asked = world.run(800, &before);
    assert!(asked[0] > 400, "{asked:?}");
    let after = |index: usize, call: &Call, _| (if index == 0 { 500.0 } else { 60.0 } + heaviness(call), true);
    world.run(40, &after);
    let asked = world.run(400, &after);
    assert!(asked[0] <= 8, "{asked:?}");
    // Back again: it is looked at now and then, and found well.
    world.run(3_000, &before);
    let asked = world.run(400, &before);
    assert!(asked[0] > 350, "{asked:?}");
}

fn heaviness(call: &Call) -> f64 {
    if call.operation.cost == CostClass::Heavy {
        300.0
    } else {
        0.0
    }
}

#[test]
fn one_that_fails_is_avoided_however_fast_it_is() {
    let mut world = World::new(2);
    let ends = |index: usize, call: &Call, now: u64| match index {
        0 => (5.0, !(now / MILLI / 10).is_multiple_of(2)),
        _ => (50.0 + heaviness(call), true),
    };
    world.run(400, &ends);
    let asked = world.run(400, &ends);
    assert!(asked[0] < 30, "{asked:?}");
}

#[test]
fn money_counts_by_its_weight() {
    let ends = |index: usize, call: &Call, _| (if index == 0 { 20.0 } else { 40.0 } + heaviness(call), true);
    let share = |money: f64| {
        let mut world = World::new(2);
        world.adaptive = Adaptive::new(Weights::new(1.0, 1.0, money).unwrap());
        // A cent, against nothing.
        world.costs[0] = Some(10_000_000);
        world.run(400, &ends);
        world.run(400, &ends)[0]
    };
    let (free, dear) = (share(0.0), share(100.0));
    assert!(free > 350 && dear < 30, "{free} {dear}");
}

#[test]
fn while_it_knows_nothing_peak_ewma_decides() {
    let mut world = World::new(4);
    let kind = call();
    // Whatever is asked takes anything: nothing can be learned.
    let noise = |_: usize, _: &Call, now: u64| (1.0 + (now.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as f64, true);
    let fallbacks = (0..1_000)
        .filter(|_| world.one(&kind, &noise).1 == Basis::Fallback)
        .count();
    assert!(fallbacks > 800, "{fallbacks}");
    // Then there is something to know.
    let order = |index: usize, call: &Call, _| (10.0 * (1 + index) as f64 + heaviness(call), true);
    world.run(1_000, &order);
    let kinds = [call(), heavy()];
    let learned = (0..100)
        .filter(|number| world.one(&kinds[number % 2], &order).1 != Basis::Fallback)
        .count();
    assert_eq!(learned, 100);
}

#[test]
fn exploration_is_bounded_and_explained() {
    let mut world = World::new(4);
    let ends = |index: usize, call: &Call, _| (20.0 * (1 + 4 * index) as f64 + heaviness(call), true);
    world.run(600, &ends);
    let kinds = [call(), heavy()];
    let explored = (0..2_000)
        .filter(|number| world.one(&kinds[number % 2], &ends).1 == Basis::Explored)
        .count();
    assert!((1..=100).contains(&explored), "{explored}");
    // Never one that may not be asked.
    for away in 1..4 {
        world.candidates.0[away].1.available = false;
    }
    assert!((0..500).all(|number| world.one(&kinds[number % 2], &ends).0 == 0));
}

#[test]
fn scores_say_what_was_expected() {
    let mut world = World::new(3);
    let ends = |index: usize, call: &Call, _| (20.0 * (1 + index) as f64 + heaviness(call), index != 2);
    world.run(1_000, &ends);
    let (_, scores) = world.choose(&call());
    assert!(matches!(scores.basis(), Basis::Learned | Basis::Explored));
    let entries = scores.entries();
    assert_eq!(entries.len(), 3);
    let of = |index: usize| entries.iter().find(|score| score.index == index).unwrap();
    assert!(entries.windows(2).all(|pair| pair[0].cost <= pair[1].cost));
    assert!((0.01..0.04).contains(&of(0).latency.unwrap()), "{:?}", of(0));
    assert!(of(2).failure.unwrap() > 2.0 * of(0).failure.unwrap());
    assert_eq!(of(0).money, Some(0.0));
}

#[test]
fn one_in_slow_start_takes_its_share_of_the_choices() {
    let mut world = World::new(2);
    let ends = |index: usize, call: &Call, _| (if index == 0 { 20.0 } else { 60.0 } + heaviness(call), true);
    world.run(600, &ends);
    world.candidates.0[0].1.share = 0.25;
    let asked = world.run(1_000, &ends);
    assert!((200..320).contains(&asked[0]), "{asked:?}");
}

#[test]
fn what_was_learned_is_taken_up_wherever_a_candidate_stands() {
    let ends = |index: usize, call: &Call, _| (if index == 2 { 20.0 } else { 90.0 } + heaviness(call), true);
    let mut world = World::new(3);
    world.run(800, &ends);
    let learned = world.adaptive.learned().unwrap();
    let kept = Learned::from_bytes(learned.as_bytes().to_vec());
    let mut adaptive = Adaptive::new(Weights::DEFAULT);
    adaptive.restore(&kept, world.now).unwrap();
    assert_eq!(adaptive.learned(), Some(kept));
    // The list has another order by now.
    let known = adaptive.known(0, identity_of("instance-2"), world.now).clone();
    assert_eq!(
        Some(&known),
        world.adaptive.known[2]
            .as_deref()
            .map(|known| Known {
                seen: world.now,
                chosen: 0,
                lately: rate::Rate {
                    at: world.now,
                    ..known.lately
                },
                failures: known.failures.map(|rate| rate::Rate { at: world.now, ..rate }),
                ..known.clone()
            })
            .as_ref()
    );
    assert!(adaptive.restored.iter().all(|other| other.identity != known.identity));
}

#[test]
fn another_version_or_a_broken_one_is_refused() {
    let mut world = World::new(2);
    world.run(100, &|_, _, _| (20.0, true));
    let learned = world.adaptive.learned().unwrap();
    let bytes = learned.as_bytes();
    let refused = |bytes: &[u8]| {
        let mut adaptive = Adaptive::new(Weights::DEFAULT);
        let before = adaptive.learned();
        let refused = adaptive.restore(&Learned::from_bytes(bytes.to_vec()), 0);
        assert_eq!(adaptive.learned(), before);
        refused.unwrap_err()
    };
    let mut other = bytes.to_vec();
    other[8] += 1;
    assert_eq!(refused(&other), Unlearned::Version);
    assert_eq!(refused(b""), Unlearned::Broken);
    for at in (12..bytes.len()).step_by(97) {
        let mut broken = bytes.to_vec();
        broken[at] ^= 1;
        assert_eq!(refused(&broken), Unlearned::Broken);
        assert_eq!(refused(&bytes[..at]), Unlearned::Broken);
    }
}

#[test]
fn numbers_that_cannot_be_gone_by_are_refused() {
    let mut adaptive = Adaptive::new(Weights::DEFAULT);
    adaptive.known(0, 1, 0).latency.coefficients[3] = f64::NAN;
    let learned = adaptive.learned().unwrap();
    assert_eq!(
        Adaptive::new(Weights::DEFAULT).restore(&learned, 0),
        Err(Unlearned::Broken)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is observed, its numbers can be kept and taken up, and it chooses somebody.
    #[test]
    fn it_stays_sound_whatever_it_is_told(
        observations in proptest::collection::vec(
            (0usize..3, (any::<u64>(), 0usize..10_000), (0u64..u64::MAX / 2, any::<Option<bool>>()), (any::<Option<u32>>(), any::<Option<u64>>()), 0u64..100),
            1..200,
        ),
    ) {
        let mut adaptive = Adaptive::new(Weights::DEFAULT);
        let mut now = 0;
        for (place, (payload_bytes, in_flight), (took, outcome), (cost, model), seconds) in observations {
            now += seconds * SECOND;
            let observed = Observed {
                place,
                identity: place as u64,
                class: Class { cost: CostClass::Tokens, streaming: payload_bytes % 2 == 0 },
                model,
                payload_bytes,
                in_flight,
                remaining: model.map(|model| model as f32 / 1e9),
                took: Duration::from_nanos(took),
                at_least: false,
                outcome,
                cost: cost.map(u64::from),
            };
            adaptive.observe(&observed, now);
        }
        let learned = adaptive.learned().unwrap();
        prop_assert_eq!(Adaptive::new(Weights::DEFAULT).restore(&learned, now), Ok(()));
        let candidates = Listed::of(vec![FREE; 3]);
        let call = call();
        let asked = Asked { call: &call, first: true, looked: false, now, chance: 7 };
        prop_assert!(adaptive.choose(&asked, &candidates, &mut Scores::default()).is_some());
    }
}

#[test]
fn an_unknown_candidate_is_expected_to_be_as_all_are() {
    let mut world = World::new(2);
    world.run(600, &|_, call, _| (80.0 + heaviness(call), true));
    let (now, context) = (world.now, Context::of(&call()));
    let known = world.adaptive.known(2, 99, now);
    let expected = known
        .expected(&context, context::of_call(&context), &FREE, || None, now)
        .latency;
    assert!((0.04..0.16).contains(&expected), "{expected}");
}
