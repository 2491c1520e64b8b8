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
pub enum IntensityDecision {
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
    pub fn record(&mut self, now: Instant) -> IntensityDecision {
        self.forget(now);
        let bound = usize::try_from(self.intensity.restarts).unwrap_or(usize::MAX);
        self.recent.push_back(now);
        if self.recent.len() > bound {
            // A caller that goes on after `Exceeded` must not grow the window.
            while self.recent.len() > bound.saturating_add(1) {
                self.recent.pop_front();
            }
            return IntensityDecision::Exceeded;
        }
        IntensityDecision::Within {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reference: remembers everything, and counts anew each time.
    struct Naive {
        intensity: Intensity,
        all: Vec<Instant>,
    }

    impl Naive {
        fn in_window(&self, now: Instant) -> u32 {
            let period = self.intensity.period;
            let recent = self.all.iter().filter(|at| now.duration_since(**at) <= period);
            u32::try_from(recent.count()).expect("a test's count")
        }

        fn record(&mut self, now: Instant) -> IntensityDecision {
            self.all.push(now);
            match self.intensity.restarts.checked_sub(self.in_window(now)) {
                Some(left) => IntensityDecision::Within { left },
                None => IntensityDecision::Exceeded,
            }
        }
    }

    proptest! {
        #[test]
        fn a_window_agrees_with_one_that_forgets_nothing(
            restarts in 0..6_u32,
            period in 0..2_000_u64,
            steps in prop::collection::vec((0..800_u64, 0..3_000_u64), 0..80),
        ) {
            let intensity = Intensity::new(restarts, Duration::from_millis(period));
            let mut naive = Naive { intensity, all: Vec::new() };
            let mut window = Window::new(intensity);
            let mut now = Instant::now();
            for (step, peek) in steps {
                now += Duration::from_millis(step);
                prop_assert_eq!(window.record(now), naive.record(now));
                prop_assert!(window.recent().count() <= restarts as usize + 1);
                // Looking ahead changes nothing.
                let later = now + Duration::from_millis(peek);
                prop_assert_eq!(window.in_window(later), naive.in_window(later).min(restarts + 1));
                let left = restarts.saturating_sub(naive.in_window(later));
                prop_assert_eq!(window.budget_left(later), left);
            }
        }
    }

    #[test]
    fn five_are_borne_and_the_sixth_is_not() {
        let mut window = Window::new(Intensity::default());
        let now = Instant::now();
        for left in (0..5).rev() {
            assert_eq!(window.record(now), IntensityDecision::Within { left });
        }
        assert_eq!(window.record(now), IntensityDecision::Exceeded);
        let later = now + Duration::from_millis(10_001);
        assert_eq!(window.record(later), IntensityDecision::Within { left: 4 });
    }
}
