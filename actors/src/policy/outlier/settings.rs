//! What outlier ejection goes by.
//!
//! Invariant: the defaults are Envoy's, read in its outlier_detection.proto.

use std::time::Duration;

/// What outlier ejection goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlierSettings {
    /// Failures in a row that eject a host at once; 0: they do not.
    pub consecutive_failures: u32,
    /// The success rates are compared so often, each over the time since the last.
    pub interval: Duration,
    /// How long the first ejection lasts; those that follow, as many times as long.
    pub base_ejection: Duration,
    /// No ejection is longer, its jitter aside.
    pub max_ejection: Duration,
    /// Up to so much is added to each by chance, so that hosts do not come back together.
    pub jitter: Duration,
    /// The share of equivalents, in `0..=1`, that may be ejected at once; one always may.
    pub max_ejected_share: f64,
    /// Ejects who lies far below the rest; none: it is off.
    pub success_rate: Option<SuccessRate>,
    /// Ejects of whom nearly all fails, whatever the rest; none: it is off.
    pub failure_percentage: Option<FailurePercentage>,
    /// Where less than this share of equivalents is healthy, ejection is ignored for choosing among them; 0: it never is.
    pub panic_share: f64,
}

impl Default for OutlierSettings {
    fn default() -> Self {
        OutlierSettings {
            consecutive_failures: 5,
            interval: Duration::from_secs(10),
            base_ejection: Duration::from_secs(30),
            max_ejection: Duration::from_secs(300),
            jitter: Duration::ZERO,
            max_ejected_share: 0.1,
            success_rate: Some(SuccessRate::default()),
            failure_percentage: None,
            panic_share: 0.5,
        }
    }
}

/// When a success rate lies too far below the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuccessRate {
    /// Fewer hosts with enough attempts are not compared.
    pub minimum_hosts: usize,
    /// A host with fewer attempts in the interval is left out.
    pub minimum_attempts: u64,
    /// Standard deviations below the mean.
    pub deviations: f64,
}

impl Default for SuccessRate {
    fn default() -> Self {
        SuccessRate {
            minimum_hosts: 5,
            minimum_attempts: 100,
            deviations: 1.9,
        }
    }
}

/// When nearly all fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailurePercentage {
    /// The share of failures, in `0..=1`, that ejects.
    pub share: f64,
    /// With fewer hosts that have enough attempts, nobody is ejected by this.
    pub minimum_hosts: usize,
    /// A host with fewer attempts in the interval is left out.
    pub minimum_attempts: u64,
}

impl Default for FailurePercentage {
    fn default() -> Self {
        FailurePercentage {
            share: 0.85,
            minimum_hosts: 5,
            minimum_attempts: 50,
        }
    }
}

impl OutlierSettings {
    /// No ejection at all.
    pub const OFF: OutlierSettings = OutlierSettings {
        consecutive_failures: 0,
        interval: Duration::from_secs(10),
        base_ejection: Duration::from_secs(30),
        max_ejection: Duration::from_secs(300),
        jitter: Duration::ZERO,
        max_ejected_share: 0.0,
        success_rate: None,
        failure_percentage: None,
        panic_share: 0.5,
    };

    /// Whether the success rates are to be compared.
    pub fn compares(&self) -> bool {
        self.success_rate.is_some() || self.failure_percentage.is_some()
    }

    /// Whether anybody can be ejected.
    pub fn is_on(&self) -> bool {
        self.consecutive_failures > 0 || self.compares()
    }

    /// Whether all of it can be meant.
    ///
    /// # Errors
    /// The key of the first setting that cannot, and what it must be.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let share = |share: f64| (0.0..=1.0).contains(&share);
        if self.interval < Duration::from_millis(10) {
            return Err(("interval", "at least 10 ms"));
        }
        if !share(self.max_ejected_share) {
            return Err(("max_ejected_share", "between 0 and 1"));
        }
        if !share(self.panic_share) {
            return Err(("panic_share", "between 0 and 1"));
        }
        if self
            .success_rate
            .is_some_and(|rule| rule.deviations.is_nan() || rule.deviations < 0.0)
        {
            return Err(("success_rate.deviations", "at least 0"));
        }
        if self
            .failure_percentage
            .is_some_and(|rule| !(rule.share > 0.0 && rule.share <= 1.0))
        {
            return Err(("failure_percentage.share", "more than 0 and at most 1"));
        }
        Ok(())
    }
}
