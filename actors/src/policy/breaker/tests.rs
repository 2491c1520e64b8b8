//! The machine against a model that keeps the whole history.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// What happens to a circuit.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// An attempt ends: well or not, slowly or not. It is a probe wherever one could be out.
    Ends { ok: bool, slow: bool, probe: bool },
    /// Time passes.
    Passes(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(ok, slow, probe)| Step::Ends { ok, slow, probe }),
        1 => (0u64..60).prop_map(Step::Passes),
    ]
}

fn settings() -> impl Strategy<Value = BreakerSettings> {
    let window = (1u32..8, 1u32..8, prop::option::of(0.1..=1.0f64), 0.1..=1.0f64).prop_map(
        |(calls, minimum_calls, failure_share, slow)| WindowSettings {
            span: WindowSpan::Calls(calls),
            minimum_calls,
            failure_share,
            slow: Some(SlowCalls {
                threshold: Duration::ZERO,
                share: slow,
            }),
        },
    );
    let mode = prop_oneof![4 => Just(BreakerMode::Automatic), 1 => Just(BreakerMode::Disabled)];
    (
        mode,
        0u32..5,
        prop::option::of(window),
        0u64..30,
        0u64..90,
        0.0..=1.0f64,
        1u32..4,
    )
        .prop_map(
            |(mode, failures_to_open, window, open_for, open_max, jitter, successes_to_close)| BreakerSettings {
                mode,
                failures_to_open,
                window,
                open_for: Duration::from_nanos(open_for),
                open_max: Duration::from_nanos(open_max),
                jitter,
                probes: 1,
                successes_to_close,
            },
        )
}

/// All that ever happened since it was last closed, and since it opened last.
#[derive(Default)]
struct Model {
    passed: Vec<(bool, bool)>,
    openings: u32,
    until: u64,
    proved: u32,
}

impl Model {
    fn ends(&mut self, settings: &BreakerSettings, (ok, slow, probe): (bool, bool, bool), now: u64, chance: f64) {
        if self.openings == 0 {
            self.passed.push((ok, slow));
            if self.is_too_much(settings) && settings.mode == BreakerMode::Automatic {
                self.open(settings, now, chance);
            }
        } else if now >= self.until && probe {
            self.proved += 1;
            if !ok || slow {
                self.open(settings, now, chance);
            } else if self.proved == settings.successes_to_close {
                *self = Model::default();
            }
        }
    }

    fn open(&mut self, settings: &BreakerSettings, now: u64, chance: f64) {
        let mut wait = settings.open_for.as_nanos() as u64;
        for _ in 0..self.openings.min(20) {
            wait *= 2;
        }
        let wait = wait.min(settings.open_max.max(settings.open_for).as_nanos() as u64);
        self.openings += 1;
        self.until = now + wait - (wait as f64 * settings.jitter * chance) as u64;
        self.proved = 0;
    }

    fn failures_in_a_row(&self) -> u32 {
        self.passed.iter().rev().take_while(|(ok, _)| !ok).count() as u32
    }

    fn is_too_much(&self, settings: &BreakerSettings) -> bool {
        let in_a_row = settings.failures_to_open > 0 && self.failures_in_a_row() >= settings.failures_to_open;
        in_a_row || settings.window.is_some_and(|window| self.breaches(&window))
    }

    fn breaches(&self, window: &WindowSettings) -> bool {
        let WindowSpan::Calls(size) = window.span else {
            return false;
        };
        let last: Vec<_> = self.passed.iter().rev().take(size as usize).collect();
        let share = |count: usize| count as f64 / last.len() as f64;
        let close = |share: f64, limit: f64| share >= limit - 1e-12;
        last.len() >= window.minimum_calls.min(size) as usize
            && (window
                .failure_share
                .is_some_and(|limit| close(share(last.iter().filter(|call| !call.0).count()), limit))
                || window
                    .slow
                    .is_some_and(|slow| close(share(last.iter().filter(|call| call.1).count()), slow.share)))
    }

    fn circuit(&self, now: u64) -> Circuit {
        match self.openings {
            0 => Circuit::Closed {
                failures: self.failures_in_a_row(),
            },
            openings if now < self.until => Circuit::Open {
                until: self.until,
                openings,
            },
            openings => Circuit::HalfOpen {
                openings,
                successes: self.proved,
            },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_opens_and_closes_as_the_history_says(
        settings in settings(), steps in prop::collection::vec((step(), 0.0..1.0f64), 1..50),
    ) {
        let window = settings.window.as_ref().map(Window::new);
        let (mut circuit, mut model, mut now) = (Circuit::NEW, Model::default(), 0);
        for (step, chance) in steps {
            match step {
                Step::Passes(time) => now += time,
                Step::Ends { ok, slow, probe } => {
                    let outcome = if ok { AttemptOutcome::Success } else { AttemptOutcome::Failure };
                    let was_closed = matches!(circuit, Circuit::Closed { .. });
                    if let (true, Some(window)) = (was_closed, &window) {
                        window.note(Noted { failed: !ok, slow }, now);
                    }
                    let tally = window.as_ref().map_or_else(Tally::default, |window| window.tally(now));
                    circuit = circuit.after(Ended { outcome, slow, probe }, tally, &settings, now, chance);
                    if let (false, Circuit::Closed { .. }, Some(window)) = (was_closed, circuit, &window) {
                        window.clear();
                    }
                    model.ends(&settings, (ok, slow, probe), now, chance);
                }
            }
            prop_assert_eq!(circuit.at(now), model.circuit(now));
        }
    }

    /// Whatever it is told, what holds of every breaker.
    #[test]
    fn only_probes_close_it_and_it_stays_open_within_its_bounds(
        settings in settings(), steps in prop::collection::vec((step(), 0.0..1.0f64), 1..50),
    ) {
        let (mut circuit, mut now) = (Circuit::NEW, 0);
        for (step, chance) in steps {
            let before = circuit.at(now);
            let Step::Ends { ok, slow, probe } = step else {
                if let Step::Passes(time) = step { now += time; }
                continue;
            };
            let outcome = if ok { AttemptOutcome::Success } else { AttemptOutcome::Failure };
            circuit = circuit.after(Ended { outcome, slow, probe }, Tally::default(), &settings, now, chance);
            if let (Circuit::HalfOpen { .. } | Circuit::Open { .. }, Circuit::Closed { .. }) = (before, circuit) {
                let half_open = matches!(before, Circuit::HalfOpen { .. });
                prop_assert!(ok && !slow && probe && half_open);
            }
            if let Circuit::Open { until, .. } = circuit {
                let bound = settings.open_max.max(settings.open_for).as_nanos() as u64;
                prop_assert!(until <= now + bound && settings.mode == BreakerMode::Automatic);
            }
        }
    }
}

#[test]
fn the_time_that_it_stays_open_doubles_and_chance_takes_off_a_share() {
    let settings = BreakerSettings {
        failures_to_open: 1,
        jitter: 0.5,
        ..BreakerSettings::default()
    };
    let wait = |openings: u32, chance: f64| match opened(openings, &settings, 0, chance) {
        Circuit::Open { until, .. } => until / 1_000_000_000,
        _ => unreachable!("it opens"),
    };
    let whole: Vec<_> = (1..=8).map(|openings| wait(openings, 0.0)).collect();
    assert_eq!(whole, [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!((wait(2, 1.0), wait(3, 0.5)), (5, 15));
    assert_eq!(wait(u32::MAX, 0.0), 300);
}
