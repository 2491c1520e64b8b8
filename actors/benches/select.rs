//! What a choice costs beside one scan of the same candidates: among ten, and among a thousand.
//!
//! The scan looks at every candidate and keeps the least busy one. Both are measured interleaved, round by round, so that a
//! busy machine slows both; what is reported is the ratio of the medians. Timing decides nothing; that a choice allocates
//! nothing does.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use mosaic_actors::call::{Call, Caller, Operation, Operations, Resource};
use mosaic_actors::policy::balance::{
    Asked, Balance, Balancer, CandidateView, Candidates, Observed, Scores, identity_of,
};
use mosaic_actors::policy::estimate::{Class, Latencies};

static READ: Operation = Operation::read("bench", "bench.read");

/// What an instance publishes, as far as a choice reads it.
struct Published {
    identity: u64,
    in_flight: AtomicUsize,
    latencies: Latencies,
}

struct All(Vec<Published>);

impl Candidates for All {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, index: usize) -> usize {
        index
    }

    fn identity(&self, index: usize) -> u64 {
        self.0[index].identity
    }

    fn view(&self, index: usize) -> CandidateView {
        let published = &self.0[index];
        let in_flight = published.in_flight.load(Relaxed);
        CandidateView {
            available: in_flight < 256,
            in_flight,
            max_in_flight: 256,
            latency: published.latencies.of(Class::of(&READ)).estimate(NOW),
            weight: 1,
            ..CandidateView::UNAVAILABLE
        }
    }
}

const NOW: u64 = 60_000_000_000;

fn candidates(count: usize) -> All {
    let one = |number: usize| {
        let latencies = Latencies::default();
        let took = Duration::from_millis(10 + (number as u64 * 37) % 90);
        latencies.of(Class::of(&READ)).note(took, NOW / 2);
        Published {
            identity: identity_of(&format!("instance-{number}")),
            in_flight: AtomicUsize::new((number * 7) % 5),
            latencies,
        }
    };
    All((0..count).map(one).collect())
}

/// One look at everybody.
fn scan(candidates: &dyn Candidates) -> Option<usize> {
    let views = (0..candidates.len()).map(|index| (index, candidates.view(index)));
    let available = views.filter(|(_, view)| view.available && view.limited_until == 0);
    available.min_by_key(|(_, view)| view.in_flight).map(|(index, _)| index)
}

/// Lets one that learns know enough to go by it.
fn taught(balancer: &mut dyn Balancer, candidates: &All) {
    for number in 0..4_000_u64 {
        let place = number as usize % candidates.len();
        let observed = Observed {
            place,
            identity: candidates.identity(place),
            class: Class::of(&READ),
            model: None,
            payload_bytes: (number * 977) % 100_000,
            in_flight: place % 5,
            remaining: None,
            took: Duration::from_millis(1 + (number * 977) % 100_000 / 100),
            at_least: false,
            outcome: Some(true),
            cost: None,
        };
        balancer.observe(&observed, NOW / 2 + number);
    }
}

/// One choice for a call.
fn choose(balancer: &mut dyn Balancer, call: &Call, candidates: &All, chance: u64) {
    let asked = Asked {
        call,
        first: true,
        looked: false,
        now: NOW,
        chance,
    };
    black_box(balancer.choose(&asked, black_box(candidates), &mut Scores::default()));
}

fn timed(times: usize, mut what: impl FnMut()) -> f64 {
    let started = Instant::now();
    (0..times).for_each(|_| what());
    started.elapsed().as_secs_f64() / times as f64
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    // `cargo bench` says so; `cargo test` does not.
    let whole = std::env::args().any(|argument| argument == "--bench");
    let rounds = if whole { 200 } else { 3 };
    let caller = Caller::new("bench", "bench");
    let operation = Operations::new([&READ]).get(READ.name).expect("it is there");
    let deadline = tokio::time::Instant::from_std(Instant::now());
    let call = Call::new(operation, Resource::none(), caller, Arc::new(()), deadline);
    for count in [10, 1_000] {
        let candidates = candidates(count);
        for balance in Balance::all() {
            let mut balancer = balance.balancer();
            if balancer.learns() {
                taught(&mut *balancer, &candidates);
            }
            let (mut scans, mut choices, mut chance) = (Vec::new(), Vec::new(), 0_u64);
            for _ in 0..rounds {
                scans.push(timed(200, || {
                    black_box(scan(black_box(&candidates)));
                }));
                choices.push(timed(200, || {
                    chance = chance.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    choose(&mut *balancer, &call, &candidates, chance);
                }));
            }
            let allocated = allocation_counter::measure(|| {
                choose(&mut *balancer, &call, &candidates, chance);
            });
            assert_eq!(allocated.count_total, 0, "{} allocates to choose", balance.as_str());
            let (scan, choice) = (median(scans), median(choices));
            println!(
                "{count:>5} candidates  {:<20} {:>8.0} ns, {:>5.2} of a scan ({:.0} ns)",
                balance.as_str(),
                choice * 1e9,
                choice / scan,
                scan * 1e9
            );
        }
    }
}
