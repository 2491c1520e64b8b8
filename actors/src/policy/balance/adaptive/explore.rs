//! Exploration: now and then one is asked that is not the best, because little is known of it lately.
//!
//! Invariant: what it costs in all stays below a small share of what all calls cost, and so does how often it happens; the
//! share falls with what is known.

/// The share of all expected cost that may be spent on it, in the long run and at first.
const SHARE: f64 = 0.01;
const AT_FIRST: f64 = 0.04;

/// Observations after which the additional share has halved.
const LEARNED: f64 = 200.0;

/// One call in so many at most.
const APART: u32 = 20;

/// Costs of the best that may be saved up at most: who is a hundred times worse is looked at all the same, in time.
const SAVED: f64 = 300.0;

/// One is not looked at for the sake of knowledge twice within a second, and one that is expected to cost so many times as
/// much more than the best, not within so many seconds. As nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// What may be spent on exploration.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Purse {
    saved: f64,
    since: u32,
}

impl Purse {
    /// A call comes, whose best candidate is expected to cost `best`, after so many observations.
    pub(super) fn earn(&mut self, best: f64, observations: u64) {
        let share = SHARE + AT_FIRST * LEARNED / (LEARNED + observations as f64);
        self.saved = (self.saved + share * best).min(SAVED * best.max(1e-9));
        self.since = self.since.saturating_add(1);
    }

    /// How much one is worth looking at that costs `more` than the best and was chosen or seen last `age` nanoseconds ago;
    /// `None`: not now.
    pub(super) fn worth(&self, best: f64, more: f64, age: u64) -> Option<f64> {
        let patient = best * age as f64 / SECOND as f64;
        let affordable = self.since >= APART && more <= self.saved.min(patient);
        (affordable && age >= SECOND).then(|| age as f64 * best / (best + more))
    }

    /// It is looked at.
    pub(super) fn spend(&mut self, more: f64) {
        self.saved -= more;
        self.since = 0;
    }
}
