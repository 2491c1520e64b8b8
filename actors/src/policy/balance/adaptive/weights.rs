//! What a rule weighs against each other.
//!
//! Invariant: finite, and not below zero, so that they can be compared.

/// What the parts of an expected cost count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    latency: f64,
    failure: f64,
    money: f64,
}

impl Weights {
    /// A second counts one, a failed attempt one, and a dollar ten: a cent weighs as much as a tenth of a second.
    pub const DEFAULT: Weights = Weights {
        latency: 1.0,
        failure: 1.0,
        money: 10.0,
    };

    /// What counts: a second of latency, a failed attempt (beside the time that it takes to ask another), a dollar. `None`
    /// where one is below zero or no number, or all are nothing.
    pub fn new(latency: f64, failure: f64, money: f64) -> Option<Self> {
        let all = [latency, failure, money];
        let sound = all.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        (sound && all.iter().any(|weight| *weight > 0.0)).then_some(Weights {
            latency,
            failure,
            money,
        })
    }

    /// What a second counts.
    pub fn latency(&self) -> f64 {
        self.latency
    }

    /// What a failed attempt counts.
    pub fn failure(&self) -> f64 {
        self.failure
    }

    /// What a dollar counts.
    pub fn money(&self) -> f64 {
        self.money
    }
}

// None of them is not a number.
impl Eq for Weights {}

impl Default for Weights {
    fn default() -> Self {
        Weights::DEFAULT
    }
}
