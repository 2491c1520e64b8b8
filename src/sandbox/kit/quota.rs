//! A fixed-window allowance, as vendors count requests and tokens.
//!
//! Invariant: within one window never more than `limit` is taken.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::lock::lock;

/// What is left of an allowance, for a vendor's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub limit: u64,
    pub used: u64,
    /// When the window ends.
    pub reset: SystemTime,
}

impl Standing {
    pub fn remaining(&self) -> u64 {
        self.limit - self.used
    }

    /// How long until it is whole again.
    pub fn wait(&self, now: SystemTime) -> Duration {
        self.reset.duration_since(now).unwrap_or_default()
    }

    /// Nothing is left until `retry_after` has passed.
    pub fn spent(self, now: SystemTime, retry_after: Duration) -> Self {
        Standing {
            used: self.limit,
            reset: now + retry_after,
            ..self
        }
    }

    /// Seconds since the Unix epoch, rounded up: a client that waits until then is never too early.
    pub fn reset_epoch_s(&self) -> u64 {
        let since = self.reset.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs() + u64::from(since.subsec_nanos() > 0)
    }
}

/// An allowance that fills up at the end of each window.
#[derive(Debug)]
pub(crate) struct Quota {
    limit: u64,
    window: Duration,
    used: u64,
    reset: Option<SystemTime>,
}

impl Quota {
    pub fn new(limit: u64, window: Duration) -> Self {
        Self {
            limit,
            window,
            used: 0,
            reset: None,
        }
    }

    /// How it stands at `now`.
    pub fn standing(&mut self, now: SystemTime) -> Standing {
        let reset = match self.reset {
            Some(reset) if now < reset => reset,
            _ => {
                self.used = 0;
                *self.reset.insert(now + self.window)
            }
        };
        Standing {
            limit: self.limit,
            used: self.used,
            reset,
        }
    }

    /// Takes `amount`, or nothing when less than that is left.
    pub fn take(&mut self, amount: u64, now: SystemTime) -> bool {
        let enough = amount <= self.standing(now).remaining();
        if enough {
            self.used += amount;
        }
        enough
    }

    /// Gives back what was taken for a request that turned out to be free.
    pub fn give_back(&mut self, amount: u64) {
        self.used = self.used.saturating_sub(amount);
    }
}

/// An allowance that many requests draw on.
#[derive(Debug)]
pub(crate) struct Allowance(Mutex<Quota>);

impl Allowance {
    pub fn new(limit: u64, window: Duration) -> Self {
        Self(Mutex::new(Quota::new(limit, window)))
    }

    /// Takes `amount`, or tells how long to wait.
    pub fn take(&self, amount: u64, now: SystemTime) -> Result<(), Duration> {
        let mut quota = lock(&self.0);
        match quota.take(amount, now) {
            true => Ok(()),
            false => Err(quota.standing(now).wait(now)),
        }
    }

    /// How it stands.
    pub fn standing(&self, now: SystemTime) -> Standing {
        lock(&self.0).standing(now)
    }

    /// Gives back what was taken for a request that turned out to be free.
    pub fn give_back(&self, amount: u64) {
        lock(&self.0).give_back(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_allowance_refuses_until_its_window_ends() {
        let start = UNIX_EPOCH + Duration::from_secs(1_000);
        let mut quota = Quota::new(2, Duration::from_secs(60));
        assert!(quota.take(1, start) && quota.take(1, start));
        assert!(!quota.take(1, start + Duration::from_secs(59)));
        assert_eq!(quota.standing(start).reset_epoch_s(), 1_060);
        assert!(quota.take(1, start + Duration::from_secs(60)));
        assert_eq!(quota.standing(start + Duration::from_secs(60)).remaining(), 1);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut quota = Quota::new(1, Duration::from_secs(60));
        assert!(quota.take(1, UNIX_EPOCH));
        quota.give_back(1);
        assert!(quota.take(1, UNIX_EPOCH));
    }
}
