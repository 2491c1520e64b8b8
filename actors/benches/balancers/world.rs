//! The world that balancers are tried in: providers, calls, and what an attempt comes to.
//!
//! Invariant: what an attempt comes to is known from the seed, the call, the provider, the time and what is in flight there;
//! nobody who balances is asked.

use mosaic_actors::call::CostClass;
use mosaic_actors::policy::estimate::Class;

use super::chance::Chance;
use super::traces::{PROVIDERS, Trace};

/// The kinds of calls, the contextual ones last.
pub const KINDS: [Class; 4] = [
    Class {
        cost: CostClass::Read,
        streaming: false,
    },
    Class {
        cost: CostClass::Write,
        streaming: false,
    },
    Class {
        cost: CostClass::Heavy,
        streaming: false,
    },
    Class {
        cost: CostClass::Tokens,
        streaming: true,
    },
];

/// What a call of a kind takes at a usual provider: seconds, and seconds by the kibibyte of its input.
const USUAL: [(f64, f64); 4] = [(0.040, 0.0), (0.080, 0.0005), (0.150, 0.004), (0.250, 0.006)];

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Seconds from the start.
    pub at: f64,
    /// Which of [`KINDS`].
    pub kind: usize,
    /// Kibibytes of its input.
    pub size: f64,
}

/// One provider, as only the world and the oracle know it.
#[derive(Clone, Copy, Debug)]
struct Provider {
    /// By kind.
    times: [(f64, f64); 4],
    /// Attempts in flight at which it takes twice as long.
    capacity: f64,
    /// Dollars by the kibibyte of what is billed by tokens.
    price: f64,
    latency: f64,
    errors: f64,
    load: f64,
}

/// What an attempt comes to.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Seconds.
    pub took: f64,
    /// Seconds that it would have taken with nobody else there.
    pub service: f64,
    pub served: bool,
    /// Dollars.
    pub money: f64,
}

/// The deviation of the logarithm of a service time.
const NOISE: f64 = 0.45;
/// One attempt in so many is from the tail, which is Pareto's with this exponent and begins at this factor.
const TAIL: (f64, f64, f64) = (0.02, 1.8, 3.0);
const TAIL_MOST: f64 = 40.0;

/// The mean of the noise.
fn mean_noise() -> f64 {
    let (share, exponent, from) = TAIL;
    // The tail is cut off: E[min(X, m)] of Pareto's.
    let most = TAIL_MOST;
    let tail = from * exponent / (exponent - 1.0) - (from / (exponent - 1.0)) * (from / most).powf(exponent - 1.0);
    (NOISE * NOISE / 2.0).exp() * (1.0 - share + share * tail)
}

/// The world.
pub struct World {
    seed: u64,
    providers: [Provider; PROVIDERS],
    trace: Trace,
    next: usize,
}

impl World {
    pub fn new(trace: &Trace, seed: u64) -> Self {
        let mut chance = Chance::of(seed, &[1]);
        let providers = std::array::from_fn(|_| {
            let level = (0.35 * chance.normal()).exp();
            let mut times = USUAL;
            for (kind, (fixed, sized)) in times.iter_mut().enumerate() {
                let apart = if kind >= 2 { trace.apart } else { 0.0 };
                *fixed *= level * (apart * chance.normal()).exp();
                *sized *= level * (2.0 * apart * chance.normal()).exp();
            }
            Provider {
                times,
                capacity: chance.between(8.0, 24.0),
                price: 0.000_1 * chance.exponential(),
                latency: 1.0,
                errors: 0.002,
                load: 0.0,
            }
        });
        World {
            seed,
            providers,
            trace: trace.clone(),
            next: 0,
        }
    }

    /// All calls, in their order.
    pub fn calls(&self) -> Vec<Asked> {
        let mut at = 0.0;
        (0..self.trace.calls)
            .map(|number| {
                let mut chance = Chance::of(self.seed, &[2, number as u64]);
                at += chance.exponential() / self.trace.rate;
                let contextual = chance.unit() < self.trace.contextual;
                let kind = 2 * usize::from(contextual) + usize::from(chance.unit() < 0.4);
                let median: f64 = if contextual { 16.0 } else { 1.0 };
                let size = (median.ln() + 1.3 * chance.normal()).exp().min(2_000.0);
                Asked { at, kind, size }
            })
            .collect()
    }

    /// Lets time pass.
    pub fn until(&mut self, now: f64) {
        while let Some(change) = self.trace.changes.get(self.next).filter(|change| change.at <= now) {
            let provider = &mut self.providers[change.provider];
            (provider.latency, provider.errors, provider.load) = (change.latency, change.errors, change.load);
            self.next += 1;
        }
    }

    fn service(&self, provider: usize, call: &Asked) -> f64 {
        let it = &self.providers[provider];
        let (fixed, sized) = it.times[call.kind];
        (fixed + sized * call.size) * it.latency
    }

    fn slowed(&self, provider: usize, in_flight: usize) -> f64 {
        let it = &self.providers[provider];
        1.0 + (in_flight as f64 + it.load) / it.capacity
    }

    fn money(&self, provider: usize, call: &Asked) -> f64 {
        if call.kind == 3 {
            self.providers[provider].price * (1.0 + call.size)
        } else {
            0.0
        }
    }

    /// What an attempt comes to that begins now.
    pub fn attempt(&self, number: usize, call: &Asked, provider: usize, in_flight: usize) -> End {
        let mut chance = Chance::of(self.seed, &[3, number as u64, provider as u64]);
        let (share, exponent, from) = TAIL;
        let mut noise = (NOISE * chance.normal()).exp();
        if chance.unit() < share {
            noise *= (from * chance.unit().powf(-1.0 / exponent)).min(TAIL_MOST);
        }
        let service = self.service(provider, call) * noise;
        let served = chance.unit() >= self.providers[provider].errors;
        // Who fails does so midway.
        let part = if served { 1.0 } else { chance.between(0.1, 1.0) };
        End {
            took: service * self.slowed(provider, in_flight) * part,
            service: service * part,
            served,
            money: if served { self.money(provider, call) } else { 0.0 },
        }
    }

    /// What only a clairvoyant knows: the expected seconds, the probability of a failure, and dollars.
    pub fn expected(&self, call: &Asked, provider: usize, in_flight: usize) -> (f64, f64, f64) {
        let seconds = self.service(provider, call) * self.slowed(provider, in_flight) * mean_noise();
        (seconds, self.providers[provider].errors, self.money(provider, call))
    }
}
