//! Retry budgets: how much load of our own making may be put on top of what callers ask for.
//!
//! Invariant: within any window, no more is spent than the share of the requests of that window and the floor of it.

use std::time::Duration;

/// Bounds of a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetSettings {
    /// What may be spent of each request: 0.2 is one retry for five requests.
    pub share: f64,
    /// What may be spent in any case, each second.
    pub floor_per_second: u32,
    /// How long a request counts, and what was spent.
    pub window: Duration,
}

impl Default for BudgetSettings {
    /// Finagle's, and Linkerd's: a fifth of the requests and ten a second, over ten seconds.
    fn default() -> Self {
        BudgetSettings {
            share: 0.2,
            floor_per_second: 10,
            window: Duration::from_secs(10),
        }
    }
}

/// Parts of a window: what was noted leaves it a part at a time.
const PARTS: usize = 10;

/// What was asked for and spent within a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct RetryBudget {
    parts: [Part; PARTS],
    /// The number of the part that is written to, counted from the clock's origin.
    at: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    requests: u64,
    spent: u64,
}

impl RetryBudget {
    /// A request was made at `now`, the first of its call.
    pub fn requested(&mut self, settings: &BudgetSettings, now: u64) {
        self.part(settings, now).requests += 1;
    }

    /// Whether there is one to spend.
    pub fn has_left(&mut self, settings: &BudgetSettings, now: u64) -> bool {
        self.part(settings, now);
        let sum = |what: fn(&Part) -> u64| self.parts.iter().map(what).sum::<u64>();
        let floor = f64::from(settings.floor_per_second) * settings.window.as_secs_f64();
        let granted = sum(|part| part.requests) as f64 * settings.share + floor;
        // What is a whole number but for the last bit of a float is that number.
        (sum(|part| part.spent) + 1) as f64 <= granted + 1e-9
    }

    /// Spends one retry, if there is one.
    pub fn spend(&mut self, settings: &BudgetSettings, now: u64) -> bool {
        let left = self.has_left(settings, now);
        if left {
            self.part(settings, now).spent += 1;
        }
        left
    }

    /// The part of `now`, after those that have left the window were emptied.
    fn part(&mut self, settings: &BudgetSettings, now: u64) -> &mut Part {
        let width = (super::nanos_of(settings.window) / PARTS as u64).max(1);
        // A clock that is read by several may seem to step back between them.
        let at = (now / width).max(self.at);
        for left in 0..(at - self.at).min(PARTS as u64) {
            self.parts[((at - left) % PARTS as u64) as usize] = Part::default();
        }
        self.at = at;
        &mut self.parts[(at % PARTS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_floor_is_there_without_a_request_and_comes_back() {
        let settings = BudgetSettings::default();
        let mut budget = RetryBudget::default();
        let spent = |budget: &mut RetryBudget, now| (0..1_000).filter(|_| budget.spend(&settings, now)).count();
        assert_eq!(spent(&mut budget, 0), 100);
        assert_eq!(spent(&mut budget, 9 * SECOND), 0);
        assert_eq!(spent(&mut budget, 10 * SECOND), 100);
        for _ in 0..1_000 {
            budget.requested(&settings, 20 * SECOND);
        }
        assert_eq!(spent(&mut budget, 20 * SECOND), 300);
        // Both are forgotten after their window.
        assert_eq!(spent(&mut budget, 100 * SECOND), 100);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// Against a model that keeps the whole history: it is refused exactly where the window has nothing left, so no
        /// window ever has more.
        #[test]
        fn no_window_ever_spends_more_than_its_share_and_its_floor(
            events in proptest::collection::vec((any::<bool>(), 0u64..3 * SECOND), 1..100),
            share in 0.0f64..1.0, floor_per_second in 0u32..3,
        ) {
            let settings = BudgetSettings { share, floor_per_second, ..BudgetSettings::default() };
            let mut budget = RetryBudget::default();
            let (mut requests, mut spent, mut now) = (Vec::new(), Vec::<u64>::new(), 0);
            for (request, step) in events {
                now += step;
                let within = |times: &Vec<u64>| times.iter().filter(|at| now / SECOND - **at / SECOND < 10).count() as f64;
                if request {
                    budget.requested(&settings, now);
                    requests.push(now);
                } else {
                    let granted = within(&requests) * share + f64::from(floor_per_second) * 10.0;
                    let expected = within(&spent) + 1.0 <= granted + 1e-9;
                    prop_assert_eq!(budget.has_left(&settings, now), expected);
                    prop_assert_eq!(budget.spend(&settings, now), expected);
                    if expected { spent.push(now); }
                }
            }
        }
    }
}
