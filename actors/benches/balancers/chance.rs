//! Chance from a seed.
//!
//! Invariant: what is drawn for a thing hangs on the seed and the thing alone, so that every balancer meets the same luck.

/// A stream of random numbers: SplitMix64.
#[derive(Clone, Debug)]
pub struct Chance(u64);

fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Chance {
    /// Of a thing, told apart by some numbers.
    pub fn of(seed: u64, thing: &[u64]) -> Self {
        Chance(thing.iter().fold(mixed(seed ^ 0x6d6f_7361_6963), |state, part| {
            mixed(state ^ mixed(*part + 1))
        }))
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        ((self.word() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    /// Of mean one.
    pub fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    /// Of mean nought and deviation one (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// So many different numbers below `count`.
    pub fn some(&mut self, many: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..count).collect();
        for at in 0..many.min(count) {
            let other = at + self.below(count - at);
            all.swap(at, other);
        }
        all.truncate(many);
        all
    }
}
