//! An adaptive limit on concurrency: as many attempts in flight as an instance takes without becoming slower.
//!
//! Invariant: the limit stays within its bounds, and does not grow where it is not used.

use std::time::Duration;

/// Bounds of an adaptive limit. The formula and its numbers are those of Netflix's concurrency-limits, `Gradient2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitSettings {
    /// What it starts from.
    pub initial: usize,
    /// It never falls below this (at least 1). An instance's own bound is the most.
    pub min: usize,
    /// How much slower than in the long run an instance may become before it is given less: 1.5 is half as slow again.
    pub tolerance: f64,
    /// Windows over which the long run is smoothed.
    pub long_windows: u32,
    /// What is added where nothing has become slower.
    pub queue: f64,
    /// The weight of what one window found.
    pub smoothing: f64,
    /// Attempts that make a window, at the least.
    pub window_attempts: u32,
    /// The time that makes a window, at the least.
    pub window_time: Duration,
}

impl Default for LimitSettings {
    /// From 20 and not below 5, tolerance 1.5, 600 windows, 4 more, weight 0.2; windows of ten attempts and 100 ms.
    fn default() -> Self {
        LimitSettings {
            initial: 20,
            min: 5,
            tolerance: 1.5,
            long_windows: 600,
            queue: 4.0,
            smoothing: 0.2,
            window_attempts: 10,
            window_time: Duration::from_millis(100),
        }
    }
}

/// Windows over which the long run is a plain mean, until there are enough to smooth.
const WARM_UP: u32 = 10;

/// The adaptive limit of one instance.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit {
    settings: LimitSettings,
    max: f64,
    limit: f64,
    /// Seconds that an attempt takes in the long run.
    long: f64,
    windows: u32,
    window: Window,
}

#[derive(Clone, Debug, Default)]
struct Window {
    began: Option<u64>,
    attempts: u32,
    seconds: f64,
    in_flight: usize,
}

impl ConcurrencyLimit {
    /// Where nothing was measured so far; `max` is the instance's own bound.
    pub fn new(settings: LimitSettings, max: usize) -> Self {
        let max = max.max(1) as f64;
        ConcurrencyLimit {
            limit: (settings.initial as f64).clamp((settings.min.max(1) as f64).min(max), max),
            max,
            settings,
            long: 0.0,
            windows: 0,
            window: Window::default(),
        }
    }

    /// Attempts that may be in flight.
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// An attempt ended at `now` that took so long, and so many were in flight. Tells the limit, where it has changed.
    pub fn note(&mut self, took: Duration, in_flight: usize, now: u64) -> Option<usize> {
        let window = &mut self.window;
        let began = *window.began.get_or_insert(now);
        window.attempts += 1;
        window.seconds += took.as_secs_f64();
        window.in_flight = window.in_flight.max(in_flight);
        let over = window.attempts >= self.settings.window_attempts
            && now.saturating_sub(began) >= super::nanos_of(self.settings.window_time);
        if !over {
            return None;
        }
        let window = std::mem::take(&mut self.window);
        let before = self.limit();
        self.learn(window.seconds / f64::from(window.attempts), window.in_flight);
        Some(self.limit()).filter(|limit| *limit != before)
    }

    /// What one window found.
    fn learn(&mut self, short: f64, in_flight: usize) {
        let settings = &self.settings;
        self.windows = self.windows.saturating_add(1);
        let weight = match self.windows {
            few if few <= WARM_UP => 1.0 / f64::from(few),
            _ => 2.0 / (f64::from(settings.long_windows) + 1.0),
        };
        self.long += weight * (short - self.long);
        // It has become much faster than it was: what was learnt of the slow time is forgotten sooner.
        if self.long > 2.0 * short {
            self.long *= 0.95;
        }
        // Who does not use its limit learns nothing of it.
        if (in_flight as f64) < self.limit / 2.0 {
            return;
        }
        let gradient = match short > 0.0 {
            true => (settings.tolerance * self.long / short).clamp(0.5, 1.0),
            false => 1.0,
        };
        let found = self.limit * gradient + settings.queue;
        let smoothed = self.limit + settings.smoothing.clamp(0.0, 1.0) * (found - self.limit);
        self.limit = smoothed.clamp((settings.min.max(1) as f64).min(self.max), self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A server that works on so many at once and lets the rest wait, asked by as many as the limit lets for a while.
    fn serve(limit: &mut ConcurrencyLimit, now: &mut u64, capacity: usize, offered: usize, windows: usize) {
        for _ in 0..windows {
            for _ in 0..10 {
                let in_flight = offered.min(limit.limit());
                let took = Duration::from_millis(10).mul_f64((in_flight as f64 / capacity as f64).max(1.0));
                *now += 11_000_000;
                limit.note(took, in_flight, *now);
            }
        }
    }

    #[test]
    fn it_finds_what_a_server_can_do_and_backs_off_when_that_shrinks() {
        let (mut limit, mut now) = (ConcurrencyLimit::new(LimitSettings::default(), 200), 0);
        serve(&mut limit, &mut now, 1_000, 5, 200);
        assert_eq!(limit.limit(), 20, "what is not used does not grow");
        // The light load taught it how fast the server is; now everybody comes.
        serve(&mut limit, &mut now, 50, 1_000, 150);
        let grown = limit.limit();
        assert!((50..=130).contains(&grown), "{grown}");
        serve(&mut limit, &mut now, 10, 1_000, 30);
        let shrunk = limit.limit();
        assert!(shrunk <= grown / 2, "{shrunk} after {grown}");
        // It is well again.
        serve(&mut limit, &mut now, 1_000, 1_000, 400);
        assert_eq!(limit.limit(), 200);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn it_stays_within_its_bounds_and_no_step_more_than_halves_it(
            attempts in proptest::collection::vec((0u64..10_000, 0usize..300, 0u64..200), 1..150),
            initial in 0usize..300, min in 0usize..30, max in 1usize..250,
        ) {
            let settings = LimitSettings { initial, min, ..LimitSettings::default() };
            let mut limit = ConcurrencyLimit::new(settings, max);
            let (low, mut now) = (min.clamp(1, max), 0);
            for (took, in_flight, step) in attempts {
                now += step * 1_000_000;
                let before = limit.limit();
                let told = limit.note(Duration::from_millis(took), in_flight, now);
                let after = limit.limit();
                prop_assert!((low..=max).contains(&after));
                prop_assert_eq!(told.is_some(), before != after);
                prop_assert!(after * 10 + 10 >= before * 9, "{after} after {before}");
                prop_assert!(after <= before + 1);
                if in_flight == 0 && limit.window.attempts == 1 { prop_assert_eq!(before, after); }
            }
        }
    }
}
