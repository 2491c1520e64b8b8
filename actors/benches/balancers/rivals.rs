//! Whom the shipped balancers are compared with: Prequal's and C3's rules, from their papers, and the clairvoyant.
//!
//! Invariant: Prequal and C3 know what their papers give them, at its best: answers to probes that are not a moment old, and
//! servers that tell what they do. The clairvoyant knows the world, and chooses greedily, one call at a time.

use std::collections::VecDeque;

use mosaic_actors::policy::balance::Weights;

use super::run::MOST;
use super::traces::PROVIDERS;
use super::world::{Asked, End, World};

/// Candidates of an attempt: who may be asked, and what is in flight there.
pub struct Open<'a> {
    pub excluded: &'a [usize],
    pub in_flight: &'a [usize; PROVIDERS],
}

impl Open<'_> {
    fn all(&self) -> impl Iterator<Item = usize> {
        let may = |provider: &usize| !self.excluded.contains(provider) && self.in_flight[*provider] < MOST;
        (0..PROVIDERS).filter(may)
    }

    fn least(&self, cost: impl Fn(usize) -> f64) -> Option<usize> {
        self.all().min_by(|one, other| cost(*one).total_cmp(&cost(*other)))
    }
}

/// Prequal (Wydrowski, Kleinberg, Rumble and Archer, "Load is not what you should balance", NSDI 2024): who has more requests
/// in flight than a quantile of all is hot; of the cold ones the one whose latency is lowest, of hot ones the one with the
/// fewest in flight. A server's latency is the median of those it had lately with about as many in flight.
#[derive(Default)]
pub struct Prequal {
    lately: [VecDeque<(usize, f64)>; PROVIDERS],
}

/// The quantile of their default, and of how many a median is.
const HOT: f64 = 0.84;
const LATELY: usize = 16;

impl Prequal {
    pub fn choose(&self, open: &Open<'_>) -> Option<usize> {
        let mut flights: Vec<usize> = open.all().map(|provider| open.in_flight[provider]).collect();
        flights.sort_unstable();
        let limit = *flights.get(((flights.len() - 1) as f64 * HOT) as usize)?;
        let cold = open.all().filter(|provider| open.in_flight[*provider] <= limit);
        let latency = |provider: &usize| self.latency(*provider, open.in_flight[*provider]);
        let best = cold.min_by(|one, other| latency(one).total_cmp(&latency(other)));
        best.or_else(|| open.least(|provider| open.in_flight[provider] as f64))
    }

    fn latency(&self, provider: usize, in_flight: usize) -> f64 {
        let mut near: Vec<(usize, f64)> = self.lately[provider].iter().copied().collect();
        near.sort_by_key(|(then, _)| then.abs_diff(in_flight));
        near.truncate(LATELY);
        let mut times: Vec<f64> = near.into_iter().map(|(_, took)| took).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(0.0)
    }

    pub fn ended(&mut self, provider: usize, in_flight: usize, end: &End) {
        let lately = &mut self.lately[provider];
        lately.push_back((in_flight, end.took));
        if lately.len() > 2 * LATELY {
            lately.pop_front();
        }
    }
}

/// C3 (Suresh, Canini, Schmid and Feldmann, "C3: Cutting Tail Latency in Cloud Data Stores via Adaptive Replica Selection",
/// NSDI 2015): the least R - 1/mu + q^3/mu, of which R is a mean of response times, 1/mu one of service times and q what waits
/// there: one, and what is outstanding, and what the server said of its queue. There is one client.
#[derive(Default)]
pub struct Cubic {
    means: [Option<(f64, f64, f64)>; PROVIDERS],
}

/// How much of their moving means is the newest sample.
const NEWEST: f64 = 0.1;

impl Cubic {
    pub fn choose(&self, open: &Open<'_>) -> Option<usize> {
        open.least(|provider| {
            let Some((response, service, queue)) = self.means[provider] else {
                return open.in_flight[provider] as f64 * 1e-3;
            };
            let waiting = 1.0 + open.in_flight[provider] as f64 + queue;
            response - service + waiting.powi(3) * service
        })
    }

    pub fn ended(&mut self, provider: usize, in_flight: usize, end: &End) {
        let sample = (end.took, end.service, in_flight as f64);
        let (response, service, queue) = self.means[provider].get_or_insert(sample);
        *response += NEWEST * (sample.0 - *response);
        *service += NEWEST * (sample.1 - *service);
        *queue += NEWEST * (sample.2 - *queue);
    }
}

/// Knows every provider, and takes the lowest expected cost.
pub fn clairvoyant(world: &World, call: &Asked, open: &Open<'_>, weights: Weights) -> Option<usize> {
    let expected = |provider: usize| world.expected(call, provider, open.in_flight[provider]);
    let soonest = open
        .all()
        .map(|provider| expected(provider).0)
        .fold(f64::INFINITY, f64::min);
    open.least(|provider| {
        let (seconds, failure, money) = expected(provider);
        let failed = weights.failure() + weights.latency() * soonest;
        weights.latency() * seconds + failure * failed + weights.money() * money
    })
}
