//! Circuit breakers: the gate that every attempt passes, and the actor that decides its state.
//!
//! Invariant: only the actor opens and closes the gate. The gate outlives the actor, so a restart of the actor or of
//! its provider forgets nothing.

mod actor;

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::clock::{Clock, nanos_of};
use crate::error::{Failure, Kind};
use crate::policy::breaker::{AttemptOutcome, BreakerSettings, Circuit};
use crate::supervision::Handle;
use crate::telemetry::BreakerMeters;

use actor::BreakerMsg;
pub(crate) use actor::breaker_spec;

/// How long an administrator's order waits for the breaker's actor, whose turns take microseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back to an actor that is being restarted.
const AWAY: Duration = Duration::from_millis(100);
/// The shortest wait that a refused caller is told.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// When to come back while a probe is out, whose end nobody knows.
const PROBE_IS_OUT: Duration = Duration::from_millis(500);
/// `until` of a closed circuit.
const CLOSED: u64 = 0;
/// The states as the metrics have them.
const GAUGE_CLOSED: f64 = 0.0;
const GAUGE_HALF_OPEN: f64 = 1.0;
const GAUGE_OPEN: f64 = 2.0;

/// A breaker's published state.
pub struct BreakerGate {
    /// 0: closed; else when probes may pass, in nanoseconds of the system's clock.
    until: AtomicU64,
    /// The serial of the latest opening in the upper half, the free probes in the lower. A serial never comes again, so
    /// that a probe of an earlier opening is known when it returns late.
    probes: AtomicU64,
    /// Openings since it was last closed.
    openings: AtomicU32,
    failures: AtomicU32,
    /// Who holds it open, whatever its attempts meet.
    forced: ArcSwapOption<Forced>,
    settings: BreakerSettings,
    clock: Clock,
    actor: Handle<BreakerMsg>,
    meters: BreakerMeters,
    /// Its state is the one in the metrics. A lock, so that nothing is written after `hide`; taken where a state changes.
    shown: Mutex<bool>,
}

/// An administrator's order to stay open.
#[derive(Debug)]
pub(crate) struct Forced {
    reason: Arc<str>,
    /// When it ends by itself, in nanoseconds of the system's clock.
    until: Option<u64>,
}

impl Forced {
    fn left(&self, now: u64) -> Option<Duration> {
        self.until.map(|until| Duration::from_nanos(until.saturating_sub(now)))
    }

    /// For operators; callers are not told the reason.
    fn why(&self) -> Arc<str> {
        format!("forced open by order ({})", self.reason).into()
    }
}

/// The right to make one attempt. Tell how it ended; dropped untold, a probe is given back.
pub(crate) struct BreakerPermit {
    gate: Arc<BreakerGate>,
    probe: Option<u32>,
}

/// A breaker as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct BreakerSnapshot {
    /// `closed`, `open`, `half_open` or `forced_open`.
    pub state: &'static str,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// Times that it opened since it was last closed.
    pub openings: u32,
    /// Until probes may pass; of a forced one, until it closes by itself.
    pub retry_in_ms: Option<u64>,
    /// By whose order it is open.
    pub why: Option<Arc<str>>,
}

impl BreakerGate {
    /// A closed gate, not shown in the metrics yet.
    pub(crate) fn new(settings: BreakerSettings, clock: Clock, meters: BreakerMeters) -> Arc<Self> {
        Arc::new(BreakerGate {
            until: AtomicU64::new(CLOSED),
            probes: AtomicU64::new(0),
            openings: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            forced: ArcSwapOption::empty(),
            settings,
            clock,
            actor: Handle::new(),
            meters,
            shown: Mutex::new(false),
        })
    }

    /// Shows its state in the metrics from now on, where it follows another of the same name.
    pub(crate) fn show(&self) {
        let mut shown = self.shown();
        *shown = true;
        let state = match self.until.load(Acquire) {
            CLOSED => GAUGE_CLOSED,
            _ => GAUGE_OPEN,
        };
        self.meters.state.set(state);
    }

    /// Shows it no more; what is read is a closed one, until another is shown.
    pub(crate) fn hide(&self) {
        let mut shown = self.shown();
        if std::mem::take(&mut *shown) {
            self.meters.state.set(GAUGE_CLOSED);
        }
    }

    fn shown(&self) -> MutexGuard<'_, bool> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_state(&self, state: f64) {
        if *self.shown() {
            self.meters.state.set(state);
        }
    }

    /// Asks to make an attempt.
    ///
    /// # Errors
    /// How long the circuit stays open, or a guess where a probe is out.
    pub(crate) fn permit(self: &Arc<Self>, now: u64) -> Result<BreakerPermit, Duration> {
        let until = self.until.load(Acquire);
        if until == CLOSED {
            return Ok(BreakerPermit {
                gate: self.clone(),
                probe: None,
            });
        }
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        let mut probes = self.probes.load(Acquire);
        while probes as u32 > 0 {
            match self.probes.compare_exchange_weak(probes, probes - 1, AcqRel, Acquire) {
                Ok(_) => {
                    self.show_state(GAUGE_HALF_OPEN);
                    // For those who watch; an actor that is away tells nobody.
                    let _away = self.actor.send(BreakerMsg::Probing);
                    return Ok(BreakerPermit {
                        gate: self.clone(),
                        probe: Some(serial_of(probes)),
                    });
                }
                Err(seen) => probes = seen,
            }
        }
        Err(PROBE_IS_OUT)
    }

    /// Whether an attempt would get a permit at `now`, as far as can be told without taking it.
    pub(crate) fn lets_pass(&self, now: u64) -> bool {
        self.wait(now).is_none()
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

    /// Closed, or open and forced, or waiting, as of `now`.
    pub(crate) fn snapshot(&self, now: u64) -> BreakerSnapshot {
        let until = self.until.load(Acquire);
        let forced = self.forced();
        let state = match until {
            CLOSED => "closed",
            _ if forced.is_some() => "forced_open",
            _ if now < until => "open",
            _ => "half_open",
        };
        let retry_in = match &forced {
            Some(forced) => forced.left(now),
            None => (until != CLOSED).then(|| Duration::from_nanos(until.saturating_sub(now))),
        };
        BreakerSnapshot {
            state,
            consecutive_failures: self.failures.load(Relaxed),
            openings: if until == CLOSED {
                0
            } else {
                self.openings.load(Relaxed)
            },
            retry_in_ms: retry_in.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            why: forced.map(|forced| forced.why()),
        }
    }

    fn circuit(&self) -> Circuit {
        match self.until.load(Acquire) {
            CLOSED => Circuit::Closed {
                failures: self.failures.load(Relaxed),
            },
            until => Circuit::Open {
                until,
                openings: self.openings.load(Relaxed),
            },
        }
    }

    /// Called by the actor alone.
    fn publish(&self, circuit: Circuit) {
        match circuit {
            Circuit::Closed { failures } => {
                self.failures.store(failures, Relaxed);
                self.forced.store(None);
                self.until.store(CLOSED, Release);
                self.show_state(GAUGE_CLOSED);
            }
            Circuit::Open { until, openings } => {
                let closed = self.until.load(Acquire) == CLOSED;
                let by_order = self.forced.load().is_some();
                if closed && !by_order {
                    // The one that opened it, too.
                    self.failures.fetch_add(1, Relaxed);
                }
                self.openings.store(openings, Relaxed);
                // The probes first: whoever sees the new time finds them.
                self.renew_probes();
                self.until.store(until.max(1), Release);
                self.show_state(GAUGE_OPEN);
                if closed || !by_order {
                    self.meters.opened.increment(1);
                }
            }
        }
    }

    /// Called by the actor alone: all probes are free again, and those that are out no longer count.
    fn renew_probes(&self) {
        let serial = serial_of(self.probes.load(Acquire)).wrapping_add(1);
        let probes = u64::from(serial) << 32 | u64::from(self.settings.probes.max(1));
        self.probes.store(probes, Release);
    }

    fn give_back(&self, serial: u32) {
        let mut probes = self.probes.load(Acquire);
        while serial_of(probes) == serial {
            match self.probes.compare_exchange_weak(probes, probes + 1, AcqRel, Acquire) {
                Ok(_) => return,
                Err(seen) => probes = seen,
            }
        }
    }

    /// Forces the circuit open until it is reset, or `limit` has passed. Returns when it is. The reason is for operators.
    ///
    /// # Errors
    /// `overloaded` where the breaker's actor is being restarted.
    pub async fn force_open(&self, reason: &str, limit: Option<Duration>) -> Result<(), Failure> {
        let until = limit.map(|limit| self.clock.nanos().saturating_add(nanos_of(limit)));
        let reason = Arc::from(reason);
        self.force(Arc::new(Forced { reason, until })).await
    }

    /// Has an order obeyed that another gate obeys.
    pub(crate) async fn force(&self, forced: Arc<Forced>) -> Result<(), Failure> {
        self.order(|done| BreakerMsg::ForceOpen(forced, done)).await
    }

    /// Closes the circuit. Returns when it is.
    ///
    /// # Errors
    /// As [`BreakerGate::force_open`].
    pub async fn reset(&self) -> Result<(), Failure> {
        self.order(BreakerMsg::Reset).await
    }

    /// The order that it was forced open by, if it was not reset since.
    pub(crate) fn forced(&self) -> Option<Arc<Forced>> {
        (self.until.load(Acquire) != CLOSED).then(|| self.forced.load_full())?
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> BreakerMsg) -> Result<(), Failure> {
        let away = || Failure::new(Kind::Overloaded, "the circuit breaker is being restarted").after(AWAY);
        let (done, obeyed) = oneshot::channel();
        self.actor.send(order(done)).map_err(|_| away())?;
        let obeyed = tokio::time::timeout(PATIENCE, obeyed).await;
        obeyed.ok().and_then(Result::ok).ok_or_else(away)
    }
}

/// The upper half of a gate's word of probes.
fn serial_of(probes: u64) -> u32 {
    (probes >> 32) as u32
}

impl BreakerPermit {
    /// Tells how the attempt ended.
    pub(crate) fn tell(mut self, ended: AttemptOutcome) {
        let probe = self.probe.take();
        // The common case costs no message: a success where nothing failed changes nothing.
        if ended == AttemptOutcome::Success && probe.is_none() && self.gate.failures.load(Relaxed) == 0 {
            return;
        }
        let told = self.gate.actor.send(BreakerMsg::Ended { ended, probe });
        if told.is_err()
            && let Some(serial) = probe
        {
            // Nobody listened: let another probe find out.
            self.gate.give_back(serial);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(serial) = self.probe {
            self.gate.give_back(serial);
        }
    }
}
