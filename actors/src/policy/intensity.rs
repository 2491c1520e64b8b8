//! How many restarts a supervisor may do before it gives up.
//!
//! Invariant: a window holds at most `restarts + 1` instants, however long it lives.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// At most `restarts` restarts within `period`; one more and the supervisor gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// The restarts that are borne.
    pub restarts: u32,
    /// The time that a restart counts.
    pub period: Duration,
}

impl Intensity {
    /// `restarts` within `period`.
    pub const fn new(restarts: u32, period: Duration) -> Self {
        Intensity { restarts, period }
    }
}

impl Default for Intensity {
    /// 5 restarts in 10 s. OTP's default, 1 in 5 s, is made for restarts without back-off, where a permanent fault
    /// burns its budget in microseconds. Ours back off, so a supervisor can bear a handful of unrelated flukes and
    /// still escalate a permanent fault within two seconds (0 + 0.1 + 0.2 + 0.4 + 0.8 s of delay).
    fn default() -> Self {
        Intensity::new(5, Duration::from_secs(10))
    }
}

/// What a window says of one more restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Restart; so many more are borne within the period.
    Within {
        /// The budget left.
        left: u32,
    },
    /// Give up.
    Exceeded,
}

/// The restarts of one supervisor that still count.
#[derive(Clone, Debug)]
pub struct Window {
    intensity: Intensity,
    recent: VecDeque<Instant>,
}

impl Window {
    /// An empty window.
    pub fn new(intensity: Intensity) -> Self {
        Window {
            intensity,
            recent: VecDeque::new(),
        }
    }

    /// Counts one more restart at `now`, which must not go back.
    pub fn record(&mut self, now: Instant) -> Verdict {
        self.forget(now);
        let bound = usize::try_from(self.intensity.restarts).unwrap_or(usize::MAX);
        self.recent.push_back(now);
        if self.recent.len() > bound {
            // A caller that goes on after `Exceeded` must not grow the window.
            while self.recent.len() > bound.saturating_add(1) {
                self.recent.pop_front();
            }
            return Verdict::Exceeded;
        }
        Verdict::Within {
            left: self.budget_left(now),
        }
    }

    /// The restarts that count at `now`. As in OTP, one that is exactly `period` old still does.
    pub fn in_window(&self, now: Instant) -> u32 {
        let counted = self.recent.iter().filter(|at| self.counts(**at, now));
        u32::try_from(counted.count()).unwrap_or(u32::MAX)
    }

    /// The restarts that are still borne at `now`.
    pub fn budget_left(&self, now: Instant) -> u32 {
        self.intensity.restarts.saturating_sub(self.in_window(now))
    }

    /// The instants that count, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = Instant> + '_ {
        self.recent.iter().copied()
    }

    fn counts(&self, at: Instant, now: Instant) -> bool {
        now.saturating_duration_since(at) <= self.intensity.period
    }

    fn forget(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|at| !self.counts(*at, now)) {
            self.recent.pop_front();
        }
    }
}
