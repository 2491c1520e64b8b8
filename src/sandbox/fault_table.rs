//! The faults of one server, and the decision what happens to a request.
//!
//! Pure: it decides and counts; the server acts on the decision.
//!
//! Invariant: the same faults, seeds and sequence of requests give the same sequence of decisions.

use std::fmt;
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use super::fault::{Effect, Fault, FaultError, MAX_FAULTS};

/// Names a fault for as long as its server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u64);

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A fault as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct SetFault {
    /// Its name.
    pub id: FaultId,
    /// How often it has hit.
    pub hits: u64,
    /// What was set.
    #[serde(flatten)]
    pub fault: Fault,
    #[serde(skip)]
    random: fastrand::Rng,
}

impl SetFault {
    fn spent(&self) -> bool {
        self.fault.times.is_some_and(|times| self.hits >= u64::from(times))
    }
}

/// What is to happen to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultDecision {
    /// Wait so long before anything else.
    pub delay: Duration,
    /// Then do this; `None`: answer truly.
    pub effect: Option<Effect>,
    /// The names of the effects, for counting.
    pub applied: Vec<&'static str>,
}

/// The faults of one server, in the order in which they were set.
#[derive(Debug, Default)]
pub struct FaultTable {
    faults: Vec<SetFault>,
    last_id: u64,
}

impl FaultTable {
    /// Sets a fault. A spent one makes room when the table is full.
    ///
    /// # Errors
    /// A field out of range, or [`MAX_FAULTS`] live faults already.
    pub fn add(&mut self, fault: Fault) -> Result<FaultId, FaultError> {
        fault.check()?;
        if self.faults.len() >= MAX_FAULTS {
            self.faults.retain(|set| !set.spent());
        }
        if self.faults.len() >= MAX_FAULTS {
            return Err(FaultError::TooMany);
        }
        self.last_id += 1;
        let id = FaultId(self.last_id);
        let random = fastrand::Rng::with_seed(fault.seed);
        self.faults.push(SetFault {
            id,
            hits: 0,
            fault,
            random,
        });
        Ok(id)
    }

    /// Removes one fault; false: there is none of that name.
    pub fn remove(&mut self, id: FaultId) -> bool {
        let before = self.faults.len();
        self.faults.retain(|set| set.id != id);
        self.faults.len() < before
    }

    /// Removes all faults.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// All faults, the spent ones too.
    #[must_use]
    pub fn list(&self) -> Vec<SetFault> {
        self.faults.clone()
    }

    /// Decides about one request. Latencies add up; of the other effects the first that hits wins, and only it counts as a hit.
    pub fn judge(&mut self, method: &Method, path: &str, streamed: bool) -> FaultDecision {
        let mut verdict = FaultDecision::default();
        for set in &mut self.faults {
            let is_latency = matches!(set.fault.effect, Effect::Latency { .. });
            let outdone = verdict.effect.is_some() && !is_latency;
            if set.spent() || outdone || !set.fault.matches(method, path, streamed) {
                continue;
            }
            if set.fault.probability < 1.0 && set.random.f64() >= set.fault.probability {
                continue;
            }
            set.hits += 1;
            verdict.applied.push(set.fault.effect.name());
            match set.fault.effect {
                Effect::Latency { ms, jitter_ms } => {
                    verdict.delay += Duration::from_millis(ms + set.random.u64(0..=jitter_ms));
                }
                ref effect => verdict.effect = Some(effect.clone()),
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(table: &mut FaultTable) -> Option<Effect> {
        table.judge(&Method::GET, "/repos/a/b", false).effect
    }

    #[test]
    fn a_fault_with_times_is_spent_after_so_many_hits() {
        let mut table = FaultTable::default();
        table.add(Fault::new(Effect::Malformed).times(2)).unwrap();
        let hits = (0..5).filter(|_| judge(&mut table).is_some()).count();
        assert_eq!(hits, 2);
    }

    #[test]
    fn method_path_and_stream_narrow_what_is_hit() {
        let mut table = FaultTable::default();
        table
            .add(
                Fault::new(Effect::Malformed)
                    .method(&Method::POST)
                    .path_prefix("/repos"),
            )
            .unwrap();
        table.add(Fault::new(Effect::StreamError { after_frames: 1 })).unwrap();
        assert_eq!(judge(&mut table), None);
        assert_eq!(table.judge(&Method::POST, "/user", false).effect, None);
        assert_eq!(
            table.judge(&Method::POST, "/repos/a/b", false).effect,
            Some(Effect::Malformed)
        );
        let streamed = table.judge(&Method::GET, "/chat", true).effect;
        assert_eq!(streamed, Some(Effect::StreamError { after_frames: 1 }));
    }

    #[test]
    fn latencies_add_up_and_the_first_other_effect_wins() {
        let mut table = FaultTable::default();
        table.add(Fault::new(Effect::Latency { ms: 5, jitter_ms: 0 })).unwrap();
        table.add(Fault::new(Effect::ExpiredToken)).unwrap();
        table.add(Fault::new(Effect::Malformed)).unwrap();
        table.add(Fault::new(Effect::Latency { ms: 7, jitter_ms: 0 })).unwrap();
        let verdict = table.judge(&Method::GET, "/", false);
        assert_eq!(verdict.delay, Duration::from_millis(12));
        assert_eq!(verdict.effect, Some(Effect::ExpiredToken));
        assert_eq!(verdict.applied, ["latency", "expired_token", "latency"]);
        assert_eq!(table.list()[2].hits, 0, "an effect that was outdone is no hit");
    }

    #[test]
    fn the_same_seed_hits_the_same_requests_at_about_the_asked_rate() {
        let pattern = |seed| {
            let mut table = FaultTable::default();
            table
                .add(Fault::new(Effect::Error { status: 503 }).probability(0.3, seed))
                .unwrap();
            (0..1000).map(|_| judge(&mut table).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(pattern(7), pattern(7));
        assert_ne!(pattern(7), pattern(8));
        let hits = pattern(7).into_iter().filter(|hit| *hit).count();
        assert!((240..360).contains(&hits), "{hits} of 1000 at 0.3");
    }

    #[test]
    fn the_table_is_bounded_and_spent_faults_make_room() {
        let mut table = FaultTable::default();
        table.add(Fault::new(Effect::Malformed).times(1)).unwrap();
        for _ in 1..MAX_FAULTS {
            table.add(Fault::new(Effect::Truncated)).unwrap();
        }
        assert_eq!(table.add(Fault::new(Effect::Malformed)), Err(FaultError::TooMany));
        judge(&mut table);
        assert!(table.add(Fault::new(Effect::Malformed)).is_ok());
    }
}
