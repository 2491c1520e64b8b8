//! Balancers: which of several equivalent candidates is asked next.
//!
//! Invariant: a choice is always one of the candidates offered, and an available one while there is any. A balancer's state
//! belongs to the rule that names it; a failover does not spend the turn of the calls that follow.

pub mod adaptive;
mod candidates;
mod field;
mod hashing;
mod least;
mod observed;
mod response_time;
mod round_robin;
mod scores;
mod weighted;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use adaptive::{Adaptive, Learned, Unlearned, Weights};
pub use candidates::{Asked, CandidateView, Candidates, identity_of};
pub use field::Standing;
pub use hashing::ConsistentHashing;
pub use least::LeastConnections;
pub use observed::Observed;
pub use response_time::{ResponseTime, peak_cost};
pub use round_robin::RoundRobin;
pub use scores::{Basis, Score, Scores};
pub use weighted::Weighted;

/// The balancers that a rule may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// Each in its turn.
    #[default]
    RoundRobin,
    /// Each in its turn, by its weight: nginx's smooth weighted round robin.
    Weighted,
    /// The one with the fewest attempts in flight for its weight.
    LeastConnections,
    /// Of two drawn at random, the one that is expected to answer sooner.
    ResponseTime,
    /// The one whose latency, failures and money are expected to cost least for this kind of call.
    Adaptive(Weights),
    /// Equal keys go to the same one while it is not busier than others.
    ConsistentHashing,
}

/// Every balancer by the name that configurations and documents have for it.
const NAMES: [(&str, Balance); 6] = [
    ("round_robin", Balance::RoundRobin),
    ("weighted", Balance::Weighted),
    ("least_connections", Balance::LeastConnections),
    ("response_time", Balance::ResponseTime),
    ("adaptive", Balance::Adaptive(Weights::DEFAULT)),
    ("consistent_hashing", Balance::ConsistentHashing),
];

impl Balance {
    /// Every balancer, with its defaults.
    pub fn all() -> impl Iterator<Item = Balance> {
        NAMES.into_iter().map(|(_, balance)| balance)
    }

    /// Its name in configurations and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Balance::RoundRobin => NAMES[0].0,
            Balance::Weighted => NAMES[1].0,
            Balance::LeastConnections => NAMES[2].0,
            Balance::ResponseTime => NAMES[3].0,
            Balance::Adaptive(_) => NAMES[4].0,
            Balance::ConsistentHashing => NAMES[5].0,
        }
    }

    /// A balancer that has seen nothing.
    pub fn balancer(self) -> Box<dyn Balancer> {
        match self {
            Balance::RoundRobin => Box::new(RoundRobin::default()),
            Balance::Weighted => Box::new(Weighted::default()),
            Balance::LeastConnections => Box::new(LeastConnections),
            Balance::ResponseTime => Box::new(ResponseTime),
            Balance::Adaptive(weights) => Box::new(Adaptive::new(weights)),
            Balance::ConsistentHashing => Box::new(ConsistentHashing),
        }
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No balancer has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no balancer {0}: there are round_robin, weighted, least_connections, response_time, adaptive and consistent_hashing"
)]
pub struct UnknownBalancer(pub String);

impl FromStr for Balance {
    type Err = UnknownBalancer;

    fn from_str(name: &str) -> Result<Self, UnknownBalancer> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, balance)| *balance)
            .ok_or_else(|| UnknownBalancer(name.to_owned()))
    }
}

/// Chooses among candidates.
pub trait Balancer: Send {
    /// The index of the candidate to ask; `None`: none is available. What it went by is noted in `scores`.
    fn choose(&mut self, asked: &Asked<'_>, candidates: &dyn Candidates, scores: &mut Scores) -> Option<usize>;

    /// Whether it wants to know how attempts end.
    fn learns(&self) -> bool {
        false
    }

    /// An attempt that it chose a candidate for has ended, at `now` (nanoseconds of the system's clock).
    fn observe(&mut self, _observed: &Observed, _now: u64) {}

    /// What it has learned so far, to be kept; `None`: it does not learn.
    fn learned(&self) -> Option<Learned> {
        None
    }

    /// Takes up what another learned, as of `now`.
    ///
    /// # Errors
    /// [`Unlearned`] where that is broken or of an unknown version: the balancer is as it was.
    fn restore(&mut self, _learned: &Learned, _now: u64) -> Result<(), Unlearned> {
        Ok(())
    }
}
