//! A linear model that is learned online and forgets: recursive least squares as a Kalman filter, whose coefficients wander.
//!
//! Invariant: the covariance stays symmetric, finite and no wider than where it began; one odd sample moves it by a bounded
//! amount.

use super::context::{Features, LOAD, SIZE};

/// How uncertain each coefficient is before anything is known, as a variance of logarithms.
const PRIOR: Features = [
    1.0, 0.5, 0.5, 0.5, 0.3, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.3,
];

/// How far each wanders, as variance by the second: the level fast, for providers become slower and faster; how they differ
/// by the kind of call, slowly.
const WANDER: Features = [
    0.01, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4, 2e-4, 2e-4, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4,
];

/// The variance of a logarithm of a latency around what is predicted, before it is known.
const NOISE: f64 = 0.4;
const NOISE_LEAST: f64 = 0.02;
const NOISE_MOST: f64 = 2.0;

/// A sample counts as no farther off than so many standard deviations: service times have heavy tails.
const CLIPPED: f64 = 2.5;

/// How much of the running mean of surprises is the newest one.
const SURPRISE: f64 = 0.15;

/// A mean of surprises beyond which the level has changed, and is learned anew: three and a half standard deviations of that mean.
const CHANGED: f64 = 1.0;

/// The model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    pub(super) coefficients: Features,
    pub(super) covariance: [Features; SIZE],
    /// The variance of what is left unexplained.
    pub(super) noise: f64,
    /// A running mean of how far off predictions were, in standard deviations.
    pub(super) surprise: f64,
}

impl Linear {
    /// Knows nothing: thirty milliseconds, linkerd's default, and the more the busier.
    pub(super) fn new() -> Self {
        let mut coefficients = [0.0; SIZE];
        coefficients[0] = 0.030_f64.ln();
        coefficients[LOAD] = 0.4;
        let mut new = Linear {
            coefficients,
            covariance: [[0.0; SIZE]; SIZE],
            noise: NOISE,
            surprise: 0.0,
        };
        new.widen(1.0);
        new
    }

    /// One that begins with what another knows, and is not sure of it.
    pub(super) fn like(other: &Linear) -> Self {
        let mut new = other.clone();
        new.widen(0.5);
        new.surprise = 0.0;
        new
    }

    /// Forgets how sure it was.
    fn widen(&mut self, share: f64) {
        self.covariance = [[0.0; SIZE]; SIZE];
        for (at, prior) in PRIOR.iter().enumerate() {
            self.covariance[at][at] = prior * share;
        }
    }

    /// The expected logarithm.
    pub(super) fn mean(&self, features: &Features) -> f64 {
        dot(&self.coefficients, features)
    }

    /// The expectation of what the logarithm is of: more than the exponential of its mean, as the noise says.
    pub(super) fn expected(&self, features: &Features) -> f64 {
        (self.mean(features) + self.noise / 2.0).clamp(-16.0, 12.0).exp()
    }

    /// Lets `seconds` pass.
    pub(super) fn wander(&mut self, seconds: f64) {
        for at in 0..SIZE {
            let wider = self.covariance[at][at] + WANDER[at] * seconds;
            self.covariance[at][at] = wider;
            let most = PRIOR[at];
            if wider > most {
                // Scaled by row and column, it stays a covariance.
                let scale = (most / wider).sqrt();
                for other in 0..SIZE {
                    self.covariance[at][other] *= scale;
                    self.covariance[other][at] *= scale;
                }
            }
        }
    }

    /// Learns that the logarithm was `value`. Tells how far off the prediction was.
    pub(super) fn learn(&mut self, features: &Features, value: f64) -> f64 {
        let mut spread = [0.0; SIZE];
        for (row, out) in self.covariance.iter().zip(&mut spread) {
            *out = dot(row, features);
        }
        let error = value - self.mean(features);
        let variance = dot(&spread, features).max(0.0) + self.noise;
        let deviation = variance.sqrt();
        let off = (error / deviation).clamp(-CLIPPED, CLIPPED);
        self.surprise += SURPRISE * (off - self.surprise);
        for (at, gain) in spread.iter().enumerate() {
            self.coefficients[at] += gain / variance * off * deviation;
            for (other, spread) in spread.iter().enumerate() {
                self.covariance[at][other] -= gain * spread / variance;
            }
        }
        // What is left of the error, of which the clipped tail counts as far as it is believed.
        let left = (off * deviation).powi(2) * self.noise / variance;
        self.noise = (self.noise + 0.02 * (left - self.noise)).clamp(NOISE_LEAST, NOISE_MOST);
        if self.surprise.abs() > CHANGED {
            self.covariance[0][0] += self.noise;
            self.surprise /= 2.0;
        }
        error
    }

    /// Whether its numbers can be gone by.
    pub(super) fn is_sound(&self) -> bool {
        let finite = self
            .coefficients
            .iter()
            .all(|number| number.is_finite() && number.abs() < 1e3);
        let diagonal = (0..SIZE).all(|at| self.covariance[at][at] >= -1e-9);
        let bounded = self.covariance.iter().flatten().all(|number| number.abs() < 1e3);
        let noise = (NOISE_LEAST..=NOISE_MOST).contains(&self.noise);
        finite && diagonal && bounded && noise && self.surprise.abs() <= CLIPPED
    }
}

fn dot(one: &Features, other: &Features) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
