//! Passive outlier ejection: who answers badly beside its equivalents is not asked for a while.
//!
//! Invariant: of equivalents never more than the configured share is ejected, except that one always may be. The rules and
//! their numbers are Envoy's outlier detection's. Times are nanoseconds since any fixed origin.
//!
//! Where it overlaps with the circuit breaker: the breaker opens on its own instance's evidence and refuses calls;
//! ejection compares, and only makes that others are asked first.

mod settings;
#[cfg(test)]
mod tests;

pub use settings::{FailurePercentage, OutlierSettings, SuccessRate};

use super::nanos_of;

/// Why a host was ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It failed so often in a row.
    ConsecutiveFailures,
    /// Its success rate lies far below that of its equivalents.
    SuccessRate,
    /// Too many of its attempts failed.
    FailurePercentage,
}

impl Why {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::ConsecutiveFailures => "it failed again and again",
            Why::SuccessRate => "its success rate lies far below that of its equivalents",
            Why::FailurePercentage => "too many of its attempts failed",
        }
    }
}

/// What a host's attempts met in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Those that told something of it.
    pub attempts: u64,
    /// Those that were evidence against it.
    pub failed: u64,
}

impl Interval {
    fn success(self) -> f64 {
        1.0 - self.failed as f64 / self.attempts as f64
    }
}

/// Where a host stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Until when it is ejected; 0: it is not.
    pub until: u64,
    /// What its next ejection's time is multiplied by, less one: it grows with each, and falls by one in each interval
    /// without.
    pub times: u32,
}

impl Standing {
    /// Whether it is ejected at `now`.
    pub fn is_ejected(self, now: u64) -> bool {
        now < self.until
    }

    /// It is ejected at `now`. `chance` is between 0 and 1, and spreads the time.
    #[must_use]
    pub fn ejected(self, settings: &OutlierSettings, now: u64, chance: f64) -> Standing {
        let times = self.times.saturating_add(1);
        let most = settings.max_ejection.max(settings.base_ejection);
        let time = settings.base_ejection.saturating_mul(times).min(most);
        let jitter = nanos_of(settings.jitter) as f64 * chance.clamp(0.0, 1.0);
        // Beyond the longest time it need not grow.
        let grows = settings.base_ejection.saturating_mul(self.times) < most;
        Standing {
            until: now
                .saturating_add(nanos_of(time))
                .saturating_add(jitter as u64)
                .max(now.saturating_add(1)),
            times: if grows { times } else { self.times },
        }
    }

    /// An active health check found it well.
    #[must_use]
    pub fn well(self) -> Standing {
        Standing { until: 0, ..self }
    }

    /// An interval has passed, in which it was not ejected: `since` is when that began.
    #[must_use]
    pub fn rested(self, since: u64) -> Standing {
        match self.until <= since {
            true => Standing {
                until: 0,
                times: self.times.saturating_sub(1),
            },
            false => self,
        }
    }
}

/// Whether one more of `members` equivalents, of which `ejected` are, may be ejected. Of one alone there is no outlier.
pub fn has_room(ejected: usize, members: usize, settings: &OutlierSettings) -> bool {
    let most = (members as f64 * settings.max_ejected_share.clamp(0.0, 1.0)) as usize;
    members > 1 && ejected < most.max(1)
}

/// Whether so few of `members` equivalents are healthy that ejection is ignored: those that are left would be overrun.
pub fn panics(healthy: usize, members: usize, settings: &OutlierSettings) -> bool {
    (healthy as f64) < members as f64 * settings.panic_share
}

/// The places of those among equivalents that answered badly in an interval, each once, and why; the worst first.
pub fn outliers(group: &[Interval], settings: &OutlierSettings) -> Vec<(usize, Why)> {
    let mut found = below_the_rest(group, settings);
    for place in failing(group, settings) {
        if found.iter().all(|(known, _)| *known != place) {
            found.push((place, Why::FailurePercentage));
        }
    }
    found.sort_by(|(one, _), (other, _)| group[*one].success().total_cmp(&group[*other].success()));
    found
}

/// Those with enough attempts to judge by, if they are enough hosts.
fn judged(group: &[Interval], attempts: u64, hosts: usize) -> Vec<usize> {
    let busy = |place: &usize| group[*place].attempts >= attempts.max(1);
    let judged: Vec<_> = (0..group.len()).filter(busy).collect();
    if judged.len() >= hosts { judged } else { Vec::new() }
}

/// Those whose success rate is more than so many standard deviations below the mean.
fn below_the_rest(group: &[Interval], settings: &OutlierSettings) -> Vec<(usize, Why)> {
    let Some(rule) = settings.success_rate else {
        return Vec::new();
    };
    let judged = judged(group, rule.minimum_attempts, rule.minimum_hosts);
    let count = judged.len() as f64;
    let mean = judged.iter().map(|place| group[*place].success()).sum::<f64>() / count;
    let off = |place: &usize| (group[*place].success() - mean).powi(2);
    let deviation = (judged.iter().map(off).sum::<f64>() / count).sqrt();
    let least = mean - deviation * rule.deviations;
    // Where all are alike, rounding alone must make nobody an outlier.
    let is_below = |place: &usize| group[*place].success() < least - f64::EPSILON * 16.0;
    let found = judged.into_iter().filter(is_below);
    found.map(|place| (place, Why::SuccessRate)).collect()
}

/// Those of whose attempts so large a share failed.
fn failing(group: &[Interval], settings: &OutlierSettings) -> Vec<usize> {
    let Some(rule) = settings.failure_percentage else {
        return Vec::new();
    };
    let mut failing = judged(group, rule.minimum_attempts, rule.minimum_hosts);
    failing.retain(|place| group[*place].failed as f64 >= rule.share * group[*place].attempts as f64);
    failing
}
