//! A tenant's gate: its rate and its calls in flight, in atomics.
//!
//! Invariant: once a gate is retired nothing passes it, so whoever opens the next one forgets nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use super::Limits;
use crate::decision::TenantStanding;
use crate::policy::limit::{Allowance, Rate};

/// The bucket of a gate that is retired; no time is this far ahead.
const RETIRED: u64 = u64::MAX;
/// The calls in flight of a gate that is retired; no count is this high.
const NO_PERMITS: u32 = u32::MAX;

/// One tenant's limits, as every call reads them: atomics, no mailbox.
pub(crate) struct QuotaGate {
    pub(super) tenant: Arc<str>,
    pub(super) tat: AtomicU64,
    pub(super) interval: AtomicU64,
    pub(super) tolerance: AtomicU64,
    pub(super) in_flight: AtomicU32,
    pub(super) max_in_flight: AtomicU32,
    pub(super) last_used: AtomicU64,
    pub(super) admitted: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// A permit among a tenant's calls in flight; given back when dropped.
pub(crate) struct TenantPermit(Arc<QuotaGate>);

impl Drop for TenantPermit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, AcqRel);
    }
}

/// Why a gate lets a call not pass.
pub(super) enum Refusal {
    Retired,
    Wait(Duration),
    /// As many calls in flight as this.
    Full(u32),
}

impl QuotaGate {
    pub(super) fn new(tenant: Arc<str>, limits: Limits, now: u64) -> Self {
        let (interval, tolerance) = limits.rate.words();
        QuotaGate {
            tenant,
            tat: AtomicU64::new(0),
            interval: AtomicU64::new(interval),
            tolerance: AtomicU64::new(tolerance),
            in_flight: AtomicU32::new(0),
            max_in_flight: AtomicU32::new(limits.max_in_flight),
            last_used: AtomicU64::new(now),
            admitted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub(super) fn rate(&self) -> Rate {
        Rate::of_words(self.interval.load(Relaxed), self.tolerance.load(Relaxed))
    }

    pub(super) fn pass(&self, now: u64) -> Result<(), Refusal> {
        let rate = self.rate();
        let mut tat = self.tat.load(Acquire);
        loop {
            if tat == RETIRED {
                return Err(Refusal::Retired);
            }
            let next = rate.decide(tat, now).map_err(|wait| {
                self.refused.fetch_add(1, Relaxed);
                Refusal::Wait(wait)
            })?;
            match self.tat.compare_exchange_weak(tat, next, AcqRel, Acquire) {
                Ok(_) => break,
                Err(seen) => tat = seen,
            }
        }
        self.last_used.store(now, Relaxed);
        self.admitted.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Takes a permit among the calls in flight; counted even where they are not bounded, for the retirement.
    pub(super) fn acquire(self: &Arc<Self>) -> Result<TenantPermit, Refusal> {
        let max = self.max_in_flight.load(Relaxed);
        let taken = self.in_flight.fetch_update(AcqRel, Acquire, |taken| {
            (taken != NO_PERMITS && (max == 0 || taken < max)).then(|| taken + 1)
        });
        match taken {
            Ok(_) => Ok(TenantPermit(self.clone())),
            Err(NO_PERMITS) => Err(Refusal::Retired),
            Err(_) => {
                // Its rate had let it through: a call is counted once.
                self.admitted.fetch_sub(1, Relaxed);
                self.refused.fetch_add(1, Relaxed);
                Err(Refusal::Full(max))
            }
        }
    }

    /// What it says at `now`, without letting anybody pass.
    pub(crate) fn standing(&self, now: u64) -> TenantStanding {
        TenantStanding {
            remaining: self.rate().remaining(self.tat.load(Relaxed), now),
            in_flight: self.in_flight(),
            max_in_flight: self.max_in_flight.load(Relaxed),
        }
    }

    /// What its rate leaves at `now`; `None`: it has none.
    pub(super) fn allowance(&self, now: u64) -> Option<Allowance> {
        match self.tat.load(Relaxed) {
            RETIRED => self.rate().allowance(0, now),
            tat => self.rate().allowance(tat, now),
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        match self.in_flight.load(Acquire) {
            NO_PERMITS => 0,
            taken => taken,
        }
    }

    /// Calls in flight follow at once: those beyond a lowered bound finish, and nobody takes their permits.
    pub(super) fn follow(&self, limits: Limits) {
        let (interval, tolerance) = limits.rate.words();
        self.interval.store(interval, Relaxed);
        self.tolerance.store(tolerance, Relaxed);
        self.max_in_flight.store(limits.max_in_flight, Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.tat.load(Acquire) == RETIRED
    }

    /// Retires the gate if it remembers nothing; nobody passes it afterwards.
    pub(super) fn retire(&self, now: u64) -> bool {
        let tat = self.tat.load(Acquire);
        if tat == RETIRED || tat > now {
            return false;
        }
        // The permits first: a call that passed before takes none of a gate that is gone.
        if self.in_flight.compare_exchange(0, NO_PERMITS, AcqRel, Acquire).is_err() {
            return false;
        }
        let retired = self.tat.compare_exchange(tat, RETIRED, AcqRel, Acquire).is_ok();
        if !retired {
            self.in_flight.store(0, Release);
        }
        retired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_passes_exactly_its_burst_under_contention() {
        let limits = Limits {
            rate: Rate::new(0.001, 100),
            max_in_flight: 0,
        };
        let gate = QuotaGate::new(Arc::from("t"), limits, 0);
        let passed = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if gate.pass(1).is_ok() {
                            passed.fetch_add(1, Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 100);
    }

    #[test]
    fn a_gate_retires_only_when_it_remembers_nothing() {
        let limits = Limits {
            rate: Rate::new(1.0, 5),
            max_in_flight: 2,
        };
        let gate = Arc::new(QuotaGate::new(Arc::from("t"), limits, 0));
        assert!(gate.pass(1).is_ok());
        assert!(!gate.retire(2), "the bucket is not full yet");
        let Ok(permit) = gate.acquire() else {
            panic!("two permits are free")
        };
        assert!(!gate.retire(10_000_000_000), "a call is in flight");
        drop(permit);
        assert!(gate.retire(10_000_000_000));
        assert!(matches!(gate.pass(10_000_000_001), Err(Refusal::Retired)));
        assert!(matches!(gate.acquire(), Err(Refusal::Retired)));
    }
}
