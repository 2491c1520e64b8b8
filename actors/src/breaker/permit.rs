//! The right to make one attempt.
//!
//! Invariant: an attempt is told once; a probe that is not told is given back.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::actor::{BreakerMsg, Told};
use super::gate::BreakerGate;
use crate::clock::nanos_of;
use crate::policy::breaker::AttemptOutcome;

/// The right to make one attempt. Tell how it ended; dropped untold, a probe is given back.
pub(crate) struct BreakerPermit {
    gate: Arc<BreakerGate>,
    /// The opening that it probes.
    probe: Option<u32>,
    /// When it was given.
    since: u64,
    /// When the first of a stream's events came; 0: none did.
    heard_at: AtomicU64,
}

impl BreakerPermit {
    pub(super) fn new(gate: Arc<BreakerGate>, probe: Option<u32>, since: u64) -> Self {
        BreakerPermit {
            gate,
            probe,
            since,
            heard_at: AtomicU64::new(0),
        }
    }

    /// The first event of a stream came: what comes after does not make it slow.
    pub(crate) fn heard(&self) {
        if self.gate.settings.slow_after().is_some() {
            self.heard_at.store(self.gate.clock.nanos().max(1), Relaxed);
        }
    }

    /// Tells how the attempt ended.
    pub(crate) fn tell(mut self, ended: AttemptOutcome) {
        let probe = self.probe.take();
        let slow = self.was_slow();
        let must_look = self.gate.note(ended, slow);
        // The common case costs no message: a success where nothing failed changes nothing.
        if ended == AttemptOutcome::Success && probe.is_none() && !must_look && self.gate.is_clean() {
            return;
        }
        let gate = self.gate.index;
        let ended = Told {
            outcome: ended,
            slow,
            probe,
        };
        let told = self.gate.actor.send(BreakerMsg::Ended { gate, ended });
        if told.is_err()
            && let Some(serial) = probe
        {
            // Nobody listened: let another probe find out.
            self.gate.give_back(serial);
        }
    }

    /// Tells that the attempt was refused for a while, or for our credential: who refuses is there and did its part. Whether it
    /// would serve, that does not show: a probe is given back, as linkerd keeps a circuit shut whose probe was answered 429.
    pub(crate) fn refused(self) {
        if self.probe.is_none() {
            self.tell(AttemptOutcome::Success);
        }
    }

    /// It took too long. Asks the clock only where somebody wants to know.
    fn was_slow(&self) -> bool {
        let Some(threshold) = self.gate.settings.slow_after() else {
            return false;
        };
        let until = match self.heard_at.load(Relaxed) {
            0 => self.gate.clock.nanos(),
            heard => heard,
        };
        until.saturating_sub(self.since) > nanos_of(threshold)
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(serial) = self.probe {
            self.gate.give_back(serial);
        }
    }
}
