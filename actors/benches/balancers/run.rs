//! One run: a balancer, a trace, a seed.
//!
//! Invariant: time is virtual; an attempt's end is known to nobody before it is there. A call is tried at three providers at
//! most, each once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mosaic_actors::call::{Call, Caller, CostClass, Operation, Operations, Resource};
use mosaic_actors::policy::balance::{
    Asked as Asking, Balance, Balancer, CandidateView, Candidates, Observed, Scores, Weights,
};
use mosaic_actors::policy::estimate::Latencies;

use super::chance::Chance;
use super::rivals::{Cubic, Open, Prequal, clairvoyant};
use super::traces::{PROVIDERS, Trace};
use super::world::{Asked, End, KINDS, World};

/// Who balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Shipped(Balance),
    Prequal,
    Cubic,
    Oracle,
}

impl Who {
    /// All, the oracle last.
    pub fn all() -> Vec<Who> {
        let shipped = Balance::all().map(Who::Shipped);
        shipped.chain([Who::Prequal, Who::Cubic, Who::Oracle]).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Who::Shipped(balance) => balance.as_str(),
            Who::Prequal => "prequal",
            Who::Cubic => "c3",
            Who::Oracle => "oracle",
        }
    }

    pub fn is_adaptive(self) -> bool {
        matches!(self, Who::Shipped(Balance::Adaptive(_)))
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Came {
    /// Seconds of a call: the mean, and quantiles.
    pub mean: f64,
    pub p99: f64,
    pub p999: f64,
    /// The share of calls that failed for their callers.
    pub failures: f64,
    /// Dollars by the thousand calls.
    pub money: f64,
    /// What it all came to by the call, by the shipped weights: latency, failures, money.
    pub cost: f64,
}

static READ: Operation = Operation::read("sim", "sim.read");
static WRITE: Operation = Operation {
    safe: true,
    ..Operation::write("sim", "sim.write")
};
static HEAVY: Operation = Operation {
    cost: CostClass::Heavy,
    ..Operation::read("sim", "sim.heavy")
};
static TOKENS: Operation = Operation {
    cost: CostClass::Tokens,
    streaming: true,
    ..Operation::read("sim", "sim.tokens")
};

/// Attempts of a call at most.
const ATTEMPTS: usize = 3;
/// Attempts in flight at one provider at most.
pub const MOST: usize = 256;
const TIMEOUT: f64 = 30.0;

enum Balancing {
    Shipped(Box<dyn Balancer>),
    Prequal(Prequal),
    Cubic(Cubic),
    Oracle,
}

/// An attempt on its way.
struct Attempt {
    call: usize,
    provider: usize,
    in_flight: usize,
    end: End,
}

struct Run {
    world: World,
    balancing: Balancing,
    latencies: [Latencies; PROVIDERS],
    in_flight: [usize; PROVIDERS],
    /// Prototypes, by kind.
    prototypes: Vec<Call>,
    calls: Vec<Asked>,
    tried: Vec<Vec<usize>>,
    attempts: Vec<Attempt>,
    ends: BinaryHeap<Reverse<(u64, usize)>>,
    chance: Chance,
    spent: f64,
    failed: usize,
    /// Seconds of each call that has ended.
    took: Vec<f64>,
}

struct Seen<'a> {
    run: &'a [Latencies; PROVIDERS],
    in_flight: &'a [usize; PROVIDERS],
    excluded: &'a [usize],
    kind: usize,
    now: u64,
}

impl Candidates for Seen<'_> {
    fn len(&self) -> usize {
        PROVIDERS
    }

    fn place(&self, index: usize) -> usize {
        index
    }

    fn identity(&self, index: usize) -> u64 {
        index as u64
    }

    fn view(&self, index: usize) -> CandidateView {
        CandidateView {
            available: self.in_flight[index] < MOST && !self.excluded.contains(&index),
            in_flight: self.in_flight[index],
            max_in_flight: MOST,
            latency: self.run[index].of(KINDS[self.kind]).estimate(self.now),
            weight: 1,
            ..CandidateView::UNAVAILABLE
        }
    }
}

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

fn prototypes() -> Vec<Call> {
    let all = Operations::new([&READ, &WRITE, &HEAVY, &TOKENS]);
    let caller = Caller::new("sim", "sim");
    let deadline = tokio::time::Instant::from_std(Instant::now());
    let one = |operation| Call::new(operation, Resource::none(), caller.clone(), Arc::new(()), deadline);
    all.iter().map(one).collect()
}

/// Runs it.
pub fn run(who: Who, trace: &Trace, seed: u64) -> Came {
    let world = World::new(trace, seed);
    let calls = world.calls();
    let mut run = Run {
        balancing: match who {
            Who::Shipped(balance) => Balancing::Shipped(balance.balancer()),
            Who::Prequal => Balancing::Prequal(Prequal::default()),
            Who::Cubic => Balancing::Cubic(Cubic::default()),
            Who::Oracle => Balancing::Oracle,
        },
        latencies: Default::default(),
        in_flight: [0; PROVIDERS],
        prototypes: prototypes(),
        tried: vec![Vec::new(); calls.len()],
        attempts: Vec::new(),
        ends: BinaryHeap::new(),
        chance: Chance::of(seed, &[4]),
        spent: 0.0,
        failed: 0,
        took: Vec::with_capacity(calls.len()),
        world,
        calls,
    };
    for number in 0..run.calls.len() {
        let at = run.calls[number].at;
        run.until(nanos(at));
        run.ask(number, nanos(at));
    }
    run.until(u64::MAX);
    run.came()
}

impl Run {
    fn until(&mut self, now: u64) {
        while let Some(Reverse((at, _))) = self.ends.peek() {
            if *at > now {
                break;
            }
            if let Some(Reverse((at, attempt))) = self.ends.pop() {
                self.ended(attempt, at);
            }
        }
    }

    fn ask(&mut self, number: usize, now: u64) {
        self.world.until(now as f64 / 1e9);
        let call = self.calls[number];
        let Some(provider) = self.choose(number, &call, now) else {
            self.failed += 1;
            self.took.push(now as f64 / 1e9 - call.at);
            return;
        };
        let in_flight = self.in_flight[provider];
        let mut end = self.world.attempt(number, &call, provider, in_flight);
        if end.took > TIMEOUT {
            (end.took, end.served) = (TIMEOUT, false);
        }
        self.in_flight[provider] += 1;
        self.tried[number].push(provider);
        self.ends.push(Reverse((now + nanos(end.took), self.attempts.len())));
        self.attempts.push(Attempt {
            call: number,
            provider,
            in_flight,
            end,
        });
    }

    fn choose(&mut self, number: usize, call: &Asked, now: u64) -> Option<usize> {
        let excluded = &self.tried[number];
        let open = Open {
            excluded,
            in_flight: &self.in_flight,
        };
        match &mut self.balancing {
            Balancing::Oracle => clairvoyant(&self.world, call, &open, Weights::DEFAULT),
            Balancing::Prequal(prequal) => prequal.choose(&open),
            Balancing::Cubic(cubic) => cubic.choose(&open),
            Balancing::Shipped(balancer) => {
                let prototype = &mut self.prototypes[call.kind];
                prototype.attributes.payload_bytes = (call.size * 1_024.0) as u64;
                // Conversations of thirty calls or so.
                prototype.attributes.affinity = Some(number as u64 % 800);
                let asked = Asking {
                    call: prototype,
                    first: excluded.is_empty(),
                    looked: false,
                    now,
                    chance: self.chance.word(),
                };
                let seen = Seen {
                    run: &self.latencies,
                    in_flight: &self.in_flight,
                    excluded,
                    kind: call.kind,
                    now,
                };
                balancer.choose(&asked, &seen, &mut Scores::default())
            }
        }
    }

    fn ended(&mut self, attempt: usize, now: u64) {
        let Attempt {
            call: number,
            provider,
            in_flight,
            end,
        } = self.attempts[attempt];
        let call = self.calls[number];
        self.in_flight[provider] -= 1;
        self.spent += end.money;
        let took = Duration::from_secs_f64(end.took);
        if end.served {
            self.latencies[provider].of(KINDS[call.kind]).note(took, now);
        }
        match &mut self.balancing {
            Balancing::Oracle => {}
            Balancing::Prequal(prequal) => prequal.ended(provider, in_flight, &end),
            Balancing::Cubic(cubic) => cubic.ended(provider, in_flight, &end),
            Balancing::Shipped(balancer) if balancer.learns() => balancer.observe(
                &Observed {
                    place: provider,
                    identity: provider as u64,
                    class: KINDS[call.kind],
                    model: None,
                    payload_bytes: (call.size * 1_024.0) as u64,
                    in_flight,
                    remaining: None,
                    took,
                    at_least: false,
                    outcome: Some(end.served),
                    cost: (end.money > 0.0).then(|| nanos(end.money)),
                },
                now,
            ),
            Balancing::Shipped(_) => {}
        }
        if end.served || self.tried[number].len() == ATTEMPTS {
            self.failed += usize::from(!end.served);
            self.took.push(now as f64 / 1e9 - call.at);
        } else {
            self.ask(number, now);
        }
    }

    fn came(mut self) -> Came {
        let calls = self.took.len() as f64;
        self.took.sort_by(f64::total_cmp);
        let quantile = |share: f64| self.took[((calls - 1.0) * share) as usize];
        let mean = self.took.iter().sum::<f64>() / calls;
        let (failures, money) = (self.failed as f64 / calls, self.spent / calls);
        let weights = Weights::DEFAULT;
        Came {
            mean,
            p99: quantile(0.99),
            p999: quantile(0.999),
            failures,
            money: money * 1_000.0,
            cost: weights.latency() * mean + weights.failure() * failures + weights.money() * money,
        }
    }
}
