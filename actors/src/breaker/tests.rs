//! Gates under contention.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use metrics::{Counter, Gauge};

use super::*;
use crate::policy::breaker::{AttemptOutcome, Circuit};

const THREADS: usize = 4;

fn breakers(settings: BreakerSettings) -> Arc<Breakers> {
    let meters = BreakerMeters {
        state: Gauge::noop(),
        opened: Counter::noop(),
    };
    Breakers::new(BreakerPer::Instance, settings, Clock::start(), meters, Vec::new())
}

fn between_threads(work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(&work);
        }
    });
}

#[test]
fn no_more_probes_are_out_than_may_be_and_none_is_lost() {
    for probes in 1..=3 {
        let breakers = breakers(BreakerSettings {
            probes,
            ..BreakerSettings::default()
        });
        let gate = breakers.first();
        gate.publish(Circuit::Open { until: 1, openings: 1 }, true, 0);
        let (out, passed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        between_threads(|| {
            for _ in 0..2_000 {
                if let Ok(permit) = gate.permit(2) {
                    let now_out = out.fetch_add(1, SeqCst) + 1;
                    assert!(now_out <= probes as usize, "{now_out} of {probes}");
                    passed.fetch_add(1, Relaxed);
                    out.fetch_sub(1, SeqCst);
                    drop(permit);
                }
            }
        });
        assert!(passed.load(Relaxed) > 0);
        let last: Vec<_> = (0..=probes).map(|_| gate.permit(2)).collect();
        let free = last.iter().filter(|permit| permit.is_ok()).count();
        assert_eq!(free, probes as usize, "all are back");
    }
}

#[test]
fn probes_of_an_earlier_opening_free_no_place_of_a_later_one() {
    let breakers = breakers(BreakerSettings::default());
    let gate = breakers.first();
    gate.publish(Circuit::Open { until: 1, openings: 1 }, true, 0);
    let early = gate.permit(2).expect("it is half open");
    gate.publish(Circuit::Open { until: 3, openings: 2 }, true, 2);
    let late = gate.permit(4).expect("it is half open again");
    drop(early);
    assert!(gate.permit(4).is_err(), "one is out");
    drop(late);
    assert!(gate.permit(4).is_ok());
}

#[test]
fn a_probe_that_nobody_hears_of_is_given_back() {
    let breakers = breakers(BreakerSettings::default());
    let gate = breakers.first();
    gate.publish(Circuit::Open { until: 1, openings: 1 }, true, 0);
    let probe = gate.permit(2).expect("it is half open");
    // There is no actor.
    probe.tell(AttemptOutcome::Success);
    assert!(gate.permit(2).is_ok());
}

#[test]
fn who_saw_an_opening_takes_no_probe_of_the_next_before_its_time() {
    let breakers = breakers(BreakerSettings::default());
    let gate = breakers.first();
    gate.publish(Circuit::Open { until: 1, openings: 1 }, true, 0);
    // One that looked at its time, and has not taken its probe so far.
    let seen = gate.probes.load(SeqCst);
    gate.publish(Circuit::Open { until: 9, openings: 2 }, true, 2);
    assert_eq!(gate.take_probe(seen), None);
    assert_eq!(gate.permit(2).err(), Some(Duration::from_millis(100)), "it is open");
    assert!(gate.permit(9).is_ok(), "its probe is there when its time is over");
}
