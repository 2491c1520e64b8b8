//! What a balancer sees: the call, and its candidates.
//!
//! Invariant: plain data, read only; a view is true at one instant.

use crate::call::Call;
use crate::policy::estimate::{Class, Estimate};

/// What a balancer sees of one candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CandidateView {
    /// It may be asked: it accepts calls, has room, its circuit lets calls pass, and this call was not refused there.
    pub available: bool,
    /// Attempts in flight there.
    pub in_flight: usize,
    /// The bound on them.
    pub max_in_flight: usize,
    /// What an attempt of this class of operation is expected to take there.
    pub latency: Option<Estimate>,
    /// Until when it asked not to be asked (nanoseconds of the system's clock); 0: it did not.
    pub limited_until: u64,
    /// Little is left of what its provider grants us.
    pub scarce: bool,
    /// What is left of what its provider grants us in a window, 0 to 1, as last heard; `None`: not known.
    pub remaining: Option<f32>,
    /// Its share among equivalents.
    pub weight: u32,
    /// The share of its weight that it takes while it comes back: 1 unless it is in slow start.
    pub share: f32,
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
        remaining: None,
        weight: 0,
        share: 1.0,
    };

    /// The weight that counts now: what is configured, times the share of it that it takes. Never quite nothing, so that one
    /// without a weight is the last resort.
    pub fn effective_weight(&self) -> f64 {
        const LEAST: f64 = 1e-3;
        (f64::from(self.weight) * self.share()).max(LEAST)
    }

    /// The share that it takes, within its bounds.
    pub(super) fn share(&self) -> f64 {
        const LEAST: f32 = 1e-3;
        f64::from(self.share.clamp(LEAST, 1.0))
    }
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

    /// Who a candidate is, wherever it is listed: see [`identity_of`].
    fn identity(&self, index: usize) -> u64;

    /// The candidate as it stands.
    fn view(&self, index: usize) -> CandidateView;

    /// What an attempt there is expected to cost, in billionths of a US dollar; `None`: no price is known. Looked up where it
    /// is asked for: a provider may have hundreds of prices.
    fn cost(&self, _index: usize) -> Option<u64> {
        None
    }
}

/// A number for the instance of this name: FNV-1a, 64 bits (the constants are its authors'), the same on every node and in
/// every build. Names come from the configuration, so nobody chooses them to collide; whoever does it with what is asked
/// about meets bounded loads.
pub fn identity_of(name: &str) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    name.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The one call that a candidate is chosen for.
pub struct Asked<'a> {
    /// The call.
    pub call: &'a Call,
    /// Its first attempt's first choice: only this one spends a turn.
    pub first: bool,
    /// Nobody is asked: the choice is only looked at, and changes nothing.
    pub looked: bool,
    /// Now, in nanoseconds of the system's clock.
    pub now: u64,
    /// Drawn at random for this choice: all that it leaves to chance comes from here.
    pub chance: u64,
}

impl Asked<'_> {
    /// Whether the choice spends a turn.
    pub(super) fn spends(&self) -> bool {
        self.first && !self.looked
    }

    /// Distinguishes what the call is about: equal for calls of one tenant about one resource, and for those that their
    /// caller said belong together, on every node and in every build. For affinity.
    pub fn key(&self) -> u64 {
        let tenant = identity_of(&self.call.caller.tenant);
        let about = match self.call.attributes.affinity {
            Some(affinity) => mixed(affinity),
            None => identity_of(self.call.resource.native()),
        };
        mixed(tenant ^ mixed(about))
    }

    /// The class of its operation.
    pub fn class(&self) -> Class {
        Class::of(&self.call.operation)
    }
}

/// A stream of random numbers from one: SplitMix64, by Steele, Lea and Flood.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        Chance(asked.chance)
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// From 0 up to, and without, 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of 0 to `count` - 1; `count` is at least 1.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.draw()) * count as u128) >> 64) as usize
    }
}

/// The finalizer of SplitMix64: every bit of the result hangs on every bit of the word.
pub(super) fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
