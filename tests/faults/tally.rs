//! What is reported of a run: shares and times.
//!
//! Invariant: nothing here decides a test.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::load::{Ended, Issue, Seen};

/// Calls of one kind, of one part of a run.
#[derive(Default)]
pub struct Tally {
    calls: usize,
    in_time: usize,
    late: usize,
    failed: BTreeMap<String, usize>,
    took: Vec<Duration>,
}

impl Tally {
    pub fn of<'a>(ended: impl Iterator<Item = &'a Ended>, deadline: Duration) -> Tally {
        let mut tally = Tally::default();
        for call in ended {
            tally.calls += 1;
            tally.took.push(call.took);
            match &call.failed {
                Some(code) => *tally.failed.entry(code.clone()).or_default() += 1,
                None if call.took <= deadline => tally.in_time += 1,
                None => tally.late += 1,
            }
        }
        tally.took.sort_unstable();
        tally
    }

    /// The time within which this share of the calls had their replies.
    fn within(&self, share: f64) -> Duration {
        let last = self.took.len().saturating_sub(1);
        let at = (self.took.len() as f64 * share) as usize;
        self.took.get(at.min(last)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.in_time as f64 / self.calls.max(1) as f64;
        let times = [0.5, 0.99, 0.999, 1.0].map(|share| self.within(share).as_millis());
        write!(
            f,
            "{share:7.3} % of {} in time; late {}, failed {:?}; p50/p99/p99.9/max {times:?} ms",
            self.calls, self.late, self.failed
        )
    }
}

/// A run's report: reads and writes, in the warm-up and after it.
pub fn report(seen: &Seen, deadline: Duration) -> String {
    let rows = [("reads", &seen.reads), ("writes", &seen.writes)];
    let rows = rows.iter().flat_map(|(name, ended)| {
        [("warm-up", false), ("measured", true)].map(|(part, warm)| {
            let tally = Tally::of(ended.iter().filter(|call| call.warm == warm), deadline);
            format!("  {name:6} {part:8} {tally}\n")
        })
    });
    let known = |issue| seen.issues.iter().filter(|(_, known)| *known == issue).count();
    let (made, not_made, in_doubt) = (known(Issue::Made), known(Issue::NotMade), known(Issue::InDoubt));
    let issues = format!("  issues made {made}, not made {not_made}, in doubt {in_doubt}\n");
    rows.chain([issues]).collect()
}
