//! The gate of one circuit: what every attempt passes.
//!
//! Invariant: only the actor opens and closes the gate. Where a window looks back on calls, whoever made them counts them
//! in it: a success that changes nothing costs no message.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::actor::{BreakerMsg, Told};
use super::order::Forced;
use super::permit::BreakerPermit;
use super::showing::{Showing, Shown};
use super::snapshot::{BreakerSnapshot, WindowSnapshot};
use crate::clock::Clock;
use crate::policy::breaker::{
    AttemptOutcome, BreakerMode, BreakerSettings, Circuit, Ended, Noted, Tally, Unreadable, Window,
};
use crate::supervision::Handle;

/// The shortest wait that a refused caller is told.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// When to come back while a probe is out, whose end nobody knows.
const PROBE_IS_OUT: Duration = Duration::from_millis(500);
/// `until` of a closed circuit.
const CLOSED: u64 = 0;

/// A circuit's published state.
pub(crate) struct BreakerGate {
    /// Its place among those of its owner.
    pub(super) index: usize,
    /// 0: closed; else when probes may pass, in nanoseconds of the system's clock.
    until: AtomicU64,
    /// The serial of the latest opening in the upper half, the free probes in the lower. A serial never comes again, so
    /// that a probe of an earlier opening is known when it returns late.
    pub(super) probes: AtomicU64,
    /// Openings since it was last closed.
    openings: AtomicU32,
    /// Probes that succeeded since it opened last.
    successes: AtomicU32,
    failures: AtomicU32,
    /// When it closed last; 0: it never did.
    closed_at: AtomicU64,
    /// The calls that passed while it was closed.
    window: Option<Window>,
    /// Who holds it open, whatever its attempts meet.
    forced: ArcSwapOption<Forced>,
    /// Touched by the actor alone.
    unreadable: Mutex<Unreadable>,
    pub(super) settings: BreakerSettings,
    pub(super) clock: Clock,
    pub(super) actor: Handle<BreakerMsg>,
    showing: Arc<Showing>,
}

impl BreakerGate {
    pub(super) fn new(
        index: usize,
        settings: BreakerSettings,
        clock: Clock,
        actor: Handle<BreakerMsg>,
        showing: Arc<Showing>,
    ) -> Arc<Self> {
        Arc::new(BreakerGate {
            index,
            until: AtomicU64::new(CLOSED),
            probes: AtomicU64::new(0),
            openings: AtomicU32::new(0),
            successes: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            closed_at: AtomicU64::new(0),
            window: settings.window.as_ref().map(Window::new),
            forced: ArcSwapOption::empty(),
            unreadable: Mutex::default(),
            settings,
            clock,
            actor,
            showing,
        })
    }

    /// Asks to make an attempt.
    ///
    /// # Errors
    /// How long the circuit stays open, or a guess where a probe is out.
    pub(crate) fn permit(self: &Arc<Self>, now: u64) -> Result<BreakerPermit, Duration> {
        if self.until.load(Acquire) == CLOSED {
            return Ok(BreakerPermit::new(self.clone(), None, now));
        }
        // Before the look at the time: a probe is taken of the opening whose time is over, or of none.
        let probes = self.probes.load(Acquire);
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        let Some(serial) = self.take_probe(probes) else {
            // Where it opened anew meanwhile, its time says more.
            return Err(self.wait(now).unwrap_or(PROBE_IS_OUT));
        };
        self.showing.set(self.index, Shown::HalfOpen);
        // For those who watch; an actor that is away tells nobody.
        let _away = self.actor.send(BreakerMsg::Probing(self.index));
        Ok(BreakerPermit::new(self.clone(), Some(serial), now))
    }

    /// Takes a free probe of the opening of which `probes` were seen; none, where it has no more, or has ended.
    pub(super) fn take_probe(&self, mut probes: u64) -> Option<u32> {
        let opening = serial_of(probes);
        while probes as u32 > 0 && serial_of(probes) == opening {
            match self.probes.compare_exchange_weak(probes, probes - 1, AcqRel, Acquire) {
                Ok(_) => return Some(opening),
                Err(seen) => probes = seen,
            }
        }
        None
    }

    /// How long an attempt would be refused at `now`, as [`BreakerGate::permit`] says it; `None`: it would pass.
    pub(crate) fn wait(&self, now: u64) -> Option<Duration> {
        let until = self.until.load(Acquire);
        if until == CLOSED {
            None
        } else if let Some(forced) = &*self.forced.load() {
            // Nobody knows when an order without a time is taken back.
            Some(forced.left(now).unwrap_or(self.settings.open_for).max(SHORTEST_WAIT))
        } else if now < until {
            Some(Duration::from_nanos(until.saturating_sub(now)).max(SHORTEST_WAIT))
        } else {
            (self.probes.load(Acquire) as u32 == 0).then_some(PROBE_IS_OUT)
        }
    }

    /// Whether calls pass freely.
    pub(crate) fn is_closed(&self) -> bool {
        self.until.load(Acquire) == CLOSED
    }

    /// When it closed last, in nanoseconds of the system's clock; 0: it never did.
    pub(crate) fn closed_at(&self) -> u64 {
        self.closed_at.load(Relaxed)
    }

    /// Closed, or open and forced, or waiting, as of `now`.
    pub(super) fn snapshot(&self, part: Option<Arc<str>>, now: u64) -> BreakerSnapshot {
        let circuit = self.circuit(now);
        let forced = self.forced();
        let state = match circuit {
            Circuit::Closed { .. } => "closed",
            _ if forced.is_some() => "forced_open",
            Circuit::Open { .. } => "open",
            Circuit::HalfOpen { .. } => "half_open",
        };
        let retry_in = match (&forced, circuit) {
            (Some(forced), _) => forced.left(now),
            (None, Circuit::Closed { .. }) => None,
            (None, _) => Some(Duration::from_nanos(self.until.load(Acquire).saturating_sub(now))),
        };
        BreakerSnapshot {
            part,
            state,
            consecutive_failures: self.failures.load(Relaxed),
            openings: circuit.openings(),
            retry_in_ms: retry_in.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            why: forced.map(|forced| forced.why()),
            window: self.window.as_ref().map(|window| WindowSnapshot::of(window.tally(now))),
        }
    }

    pub(super) fn circuit(&self, now: u64) -> Circuit {
        let openings = self.openings.load(Relaxed);
        match self.until.load(Acquire) {
            CLOSED => Circuit::Closed {
                failures: self.failures.load(Relaxed),
            },
            until if now < until => Circuit::Open { until, openings },
            _ => Circuit::HalfOpen {
                openings,
                successes: self.successes.load(Relaxed),
            },
        }
    }

    /// The order that it was forced open by, if it was not reset since.
    pub(super) fn forced(&self) -> Option<Arc<Forced>> {
        (!self.is_closed()).then(|| self.forced.load_full())?
    }

    /// Counts a call that ended in the window. True where its rates are too high now: the actor must look.
    pub(super) fn note(&self, ended: AttemptOutcome, slow: bool) -> bool {
        let (Some(window), Some(settings)) = (&self.window, &self.settings.window) else {
            return false;
        };
        // What an unreadable answer is evidence of, only the actor knows. Who began before it opened says nothing new.
        if matches!(ended, AttemptOutcome::Unreadable(_)) || !self.is_closed() {
            return false;
        }
        let now = self.clock.nanos();
        let failed = ended == AttemptOutcome::Failure;
        window.note(Noted { failed, slow }, now);
        self.settings.mode == BreakerMode::Automatic && settings.breached(window.tally(now))
    }

    /// No failure has come since the last success.
    pub(super) fn is_clean(&self) -> bool {
        self.failures.load(Relaxed) == 0
    }

    /// What follows from an attempt's end, of a probe of the opening `probe` if any. Called by the actor alone.
    pub(super) fn after(&self, ended: Told, now: u64, chance: f64) -> Circuit {
        let Told { outcome, slow, probe } = ended;
        let before = self.circuit(now);
        let probe = probe.filter(|serial| *serial == serial_of(self.probes.load(Acquire)));
        let settings = &self.settings;
        let of = |outcome, slow| Ended {
            outcome,
            slow,
            probe: probe.is_some(),
        };
        let AttemptOutcome::Unreadable(resource) = outcome else {
            let after = before.after(of(outcome, slow), self.tally(now), settings, now, chance);
            if let (Circuit::HalfOpen { .. }, Some(serial)) = (after, probe) {
                // More must succeed: its place is another's.
                self.give_back(serial);
            }
            return after;
        };
        let failures = self.unreadable().note(resource, now);
        if let (0, Some(serial)) = (failures, probe) {
            // It proved nothing: let another probe find out.
            self.give_back(serial);
        }
        let failures = match before {
            Circuit::Closed { .. } => failures,
            // One probe is one failure, however much it is evidence of.
            _ => failures.min(1),
        };
        if let (Circuit::Closed { .. }, Some(window)) = (before, &self.window) {
            (0..failures).for_each(|_| {
                window.note(
                    Noted {
                        failed: true,
                        slow: false,
                    },
                    now,
                )
            });
        }
        let tally = self.tally(now);
        (0..failures).fold(before, |circuit, _| {
            circuit.after(of(AttemptOutcome::Failure, slow), tally, settings, now, chance)
        })
    }

    fn tally(&self, now: u64) -> Tally {
        self.window
            .as_ref()
            .map_or_else(Tally::default, |window| window.tally(now))
    }

    fn unreadable(&self) -> MutexGuard<'_, Unreadable> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has an order obeyed. Called by the actor alone.
    pub(super) fn force(&self, forced: Arc<Forced>, now: u64) {
        self.forced.store(Some(forced));
        self.publish(
            Circuit::Open {
                until: now,
                openings: 1,
            },
            false,
            now,
        );
    }

    /// Called by the actor alone. `failed`: by an attempt that failed.
    pub(super) fn publish(&self, circuit: Circuit, failed: bool, now: u64) {
        let was_closed = self.is_closed();
        match circuit {
            Circuit::Closed { failures } => {
                self.failures.store(failures, Relaxed);
                self.forced.store(None);
                if !was_closed {
                    // What was before says nothing of who comes back.
                    self.window.iter().for_each(Window::clear);
                    self.closed_at.store(now, Relaxed);
                }
                self.until.store(CLOSED, Release);
                self.showing.set(self.index, Shown::Closed);
            }
            Circuit::HalfOpen { successes, .. } => self.successes.store(successes, Relaxed),
            Circuit::Open { until, openings } => {
                let by_order = self.forced.load().is_some();
                if was_closed && failed {
                    // The one that opened it, too.
                    self.failures.fetch_add(1, Relaxed);
                }
                self.openings.store(openings, Relaxed);
                self.successes.store(0, Relaxed);
                // The time first: whoever sees the new probes sees it, too.
                self.until.store(until.max(1), Release);
                self.renew_probes();
                self.showing.set(self.index, Shown::Open);
                if was_closed || !by_order {
                    // An order opens all circuits of its breaker, which opens once.
                    self.showing.opened(self.index, !by_order || self.index == 0);
                }
            }
        }
    }

    /// Called by the actor alone: all probes are free again, and those that are out no longer count.
    pub(super) fn renew_probes(&self) {
        let serial = serial_of(self.probes.load(Acquire)).wrapping_add(1);
        let probes = u64::from(serial) << 32 | u64::from(self.settings.probes.max(1));
        self.probes.store(probes, Release);
    }

    pub(super) fn give_back(&self, serial: u32) {
        let mut probes = self.probes.load(Acquire);
        while serial_of(probes) == serial {
            match self.probes.compare_exchange_weak(probes, probes + 1, AcqRel, Acquire) {
                Ok(_) => return,
                Err(seen) => probes = seen,
            }
        }
    }
}

/// The upper half of a gate's word of probes.
fn serial_of(probes: u64) -> u32 {
    (probes >> 32) as u32
}
