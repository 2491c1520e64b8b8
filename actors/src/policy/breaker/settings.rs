//! What a circuit breaker is told at start.
//!
//! Invariant: settings that [`BreakerSettings::check`] lets pass describe a breaker that can open where it is meant to, and
//! can close again.

use std::time::Duration;

use super::window::Tally;

/// Whether a breaker acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerMode {
    /// It opens and closes by what it learns.
    #[default]
    Automatic,
    /// It counts, and never opens by itself; an order opens it still.
    Disabled,
}

/// What a breaker is told at start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSettings {
    /// Whether it acts.
    pub mode: BreakerMode,
    /// Consecutive failures that open it; 0: they do not.
    pub failures_to_open: u32,
    /// The calls whose rates may open it; none: no rate does.
    pub window: Option<WindowSettings>,
    /// How long it stays open the first time; doubled at each failed probe.
    pub open_for: Duration,
    /// The longest it stays open.
    pub open_max: Duration,
    /// The share of that time, in `0..=1`, that chance may take off, so that many breakers of one provider do not probe it
    /// in step.
    pub jitter: f64,
    /// Probes that may be out at once when that time is over (at least 1).
    pub probes: u32,
    /// Probes that must succeed, with none that fails between them, for it to close (at least 1).
    pub successes_to_close: u32,
}

impl Default for BreakerSettings {
    /// Five failures, as Envoy's outlier detection; 5 s, doubled up to its 300 s; one probe that decides, as linkerd's; no
    /// window, no jitter.
    ///
    /// Not Envoy's 30 s to begin with: an open circuit keeps every call away, and a trouble that lasts 5 s (a restart, a
    /// burst of errors) would cost six times as long. Of equivalents whose troubles overlap, the circuits of those that
    /// are well again would still be open when the next ones fail, and calls would find none. A probe costs one
    /// call; who stays ill is soon asked as seldom as with 30 s: after three probes, 40 s apart.
    fn default() -> Self {
        BreakerSettings {
            mode: BreakerMode::Automatic,
            failures_to_open: 5,
            window: None,
            open_for: Duration::from_secs(5),
            open_max: Duration::from_secs(300),
            jitter: 0.0,
            probes: 1,
            successes_to_close: 1,
        }
    }
}

/// Which calls a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSpan {
    /// The last so many (1 to [`WindowSettings::MOST_CALLS`]).
    Calls(u32),
    /// Those that ended within the last so long. Kept in ten buckets: the oldest calls leave a tenth of the span at a time.
    Time(Duration),
}

/// Calls that take too long. A probe that does counts as one that failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowCalls {
    /// A call is slow that took longer: to its first event where it streams, else to its end.
    pub threshold: Duration,
    /// The share of slow calls, in `0..=1`, that opens the circuit.
    pub share: f64,
}

/// A window of calls, and the rates in it that open the circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowSettings {
    /// Which calls.
    pub span: WindowSpan,
    /// Fewer calls in it decide nothing. A window that holds fewer calls decides when it is full.
    pub minimum_calls: u32,
    /// The share of failures, in `0..=1`, that opens the circuit; none: failures do not.
    pub failure_share: Option<f64>,
    /// The slow calls that do; none: slow calls do not.
    pub slow: Option<SlowCalls>,
}

impl Default for WindowSettings {
    /// The last 100 calls, at least 100 of them, half of them failed: resilience4j's, whose slow calls (all of them, over a
    /// minute) are left out.
    fn default() -> Self {
        WindowSettings {
            span: WindowSpan::Calls(100),
            minimum_calls: 100,
            failure_share: Some(0.5),
            slow: None,
        }
    }
}

/// A setting that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The setting's path below the breaker's own, e.g. `window.failure_share`.
    pub key: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl WindowSettings {
    /// The most calls that a window counts by number.
    pub const MOST_CALLS: u32 = 10_000;
    /// The most that may be asked of one that counts by time: its buckets count up to this.
    pub const MOST_MINIMUM: u32 = 8_000;

    /// Whether the rates of these calls open the circuit.
    pub fn breached(&self, tally: Tally) -> bool {
        let minimum = match self.span {
            WindowSpan::Calls(count) => self.minimum_calls.min(count),
            WindowSpan::Time(_) => self.minimum_calls,
        };
        if tally.calls < minimum.max(1) {
            return false;
        }
        let reaches = |count: u32, share: f64| f64::from(count) >= share * f64::from(tally.calls);
        let fails = self.failure_share.is_some_and(|share| reaches(tally.failed, share));
        fails || self.slow.is_some_and(|slow| reaches(tally.slow, slow.share))
    }

    fn check(&self) -> Result<(), Unfit> {
        let unfit = |key, must| Err(Unfit { key, must });
        match self.span {
            WindowSpan::Calls(count) if count == 0 || count > Self::MOST_CALLS => {
                return unfit("window.calls", "between 1 and 10,000");
            }
            WindowSpan::Time(time) if time < Duration::from_millis(10) => {
                return unfit("window.time", "at least 10 ms");
            }
            _ => {}
        }
        if self.minimum_calls > Self::MOST_MINIMUM {
            return unfit("window.minimum_calls", "at most 8,000");
        }
        if self.failure_share.is_none() && self.slow.is_none() {
            return unfit("window", "a failure_share, a slow share, or both");
        }
        if !self.failure_share.is_none_or(is_share) {
            return unfit("window.failure_share", "more than 0 and at most 1");
        }
        if !self.slow.is_none_or(|slow| is_share(slow.share)) {
            return unfit("window.slow.share", "more than 0 and at most 1");
        }
        Ok(())
    }
}

/// A share of 0 would open a circuit in which nothing is wrong.
fn is_share(share: f64) -> bool {
    share > 0.0 && share <= 1.0
}

impl BreakerSettings {
    /// Whether all of it can be meant.
    ///
    /// # Errors
    /// The first setting that cannot.
    pub fn check(&self) -> Result<(), Unfit> {
        let unfit = |key, must| Err(Unfit { key, must });
        if self.probes == 0 {
            return unfit("probes", "at least 1");
        }
        if self.successes_to_close == 0 {
            return unfit("successes_to_close", "at least 1");
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return unfit("jitter", "between 0 and 1");
        }
        self.window.map_or(Ok(()), |window| window.check())
    }

    /// Whether so many failures in a row, or the rates of these calls, open the circuit.
    pub fn opens(&self, failures: u32, tally: Tally) -> bool {
        let in_a_row = self.failures_to_open != 0 && failures >= self.failures_to_open;
        let rates = || self.window.is_some_and(|window| window.breached(tally));
        self.mode == BreakerMode::Automatic && (in_a_row || rates())
    }

    /// How long a call may take that is not slow; none where nobody asks.
    pub fn slow_after(&self) -> Option<Duration> {
        Some(self.window?.slow?.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_named() {
        let key = |change: &dyn Fn(&mut BreakerSettings, &mut WindowSettings)| {
            let (mut settings, mut window) = (BreakerSettings::default(), WindowSettings::default());
            change(&mut settings, &mut window);
            settings.window = Some(window);
            settings.check().map_err(|unfit| unfit.key)
        };
        assert_eq!(key(&|_, _| {}), Ok(()));
        assert_eq!(BreakerSettings::default().check(), Ok(()));
        assert_eq!(key(&|breaker, _| breaker.probes = 0), Err("probes"));
        assert_eq!(
            key(&|breaker, _| breaker.successes_to_close = 0),
            Err("successes_to_close")
        );
        assert_eq!(key(&|breaker, _| breaker.jitter = f64::NAN), Err("jitter"));
        assert_eq!(
            key(&|_, window| window.span = WindowSpan::Calls(0)),
            Err("window.calls")
        );
        assert_eq!(
            key(&|_, window| window.span = WindowSpan::Time(Duration::ZERO)),
            Err("window.time")
        );
        assert_eq!(
            key(&|_, window| window.minimum_calls = u32::MAX),
            Err("window.minimum_calls")
        );
        assert_eq!(
            key(&|_, window| window.failure_share = Some(0.0)),
            Err("window.failure_share")
        );
        assert_eq!(key(&|_, window| window.failure_share = None), Err("window"));
        let slow = SlowCalls {
            threshold: Duration::from_secs(1),
            share: 1.5,
        };
        assert_eq!(key(&|_, window| window.slow = Some(slow)), Err("window.slow.share"));
    }
}
