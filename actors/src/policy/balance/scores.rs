//! Scores: what a choice went by, for whoever has to explain it.
//!
//! Invariant: of fixed size; of more candidates than fit, the best are kept.

use serde::{Deserialize, Serialize};

/// Candidates whose scores are kept.
const MOST: usize = 8;

/// What a choice went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// There was nothing to choose.
    #[default]
    Only,
    /// Whose turn it was.
    Turn,
    /// Who had the fewest attempts in flight.
    Load,
    /// Whose measured response time was lower.
    ResponseTime,
    /// Whom the call's key belongs to.
    Affinity,
    /// What was learned of the candidates.
    Learned,
    /// To learn more: a candidate of which little is known lately.
    Explored,
    /// Too little is known so far: measured response times decided.
    Fallback,
    /// Who was measured to answer soonest.
    Nearest,
    /// It is on trial, and the call is within its share.
    Canary,
    /// A rule prefers it to all others that could be asked.
    Tier,
    /// It was asked before: an attempt there is repeated, or what it answered then is asked about, or it was waited for.
    Again,
}

impl Basis {
    /// As documents have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Basis::Only => "only",
            Basis::Turn => "turn",
            Basis::Load => "load",
            Basis::ResponseTime => "response_time",
            Basis::Affinity => "affinity",
            Basis::Learned => "learned",
            Basis::Explored => "explored",
            Basis::Fallback => "fallback",
            Basis::Nearest => "nearest",
            Basis::Canary => "canary",
            Basis::Tier => "tier",
            Basis::Again => "again",
        }
    }
}

/// What a balancer thought of one candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// The candidate, by its index.
    pub index: usize,
    /// The seconds that it was expected to take; of a balancer that does not tell them apart, nothing.
    pub latency: Option<f32>,
    /// The probability of a failure.
    pub failure: Option<f32>,
    /// The dollars that it was expected to cost.
    pub money: Option<f32>,
    /// What all that came to: the lowest is the best.
    pub cost: f64,
}

impl Score {
    /// Of a balancer that knows but one number.
    pub(crate) fn of_cost(index: usize, cost: f64) -> Self {
        Score {
            index,
            cost,
            ..Score::default()
        }
    }
}

/// The scores of one choice. Lives on the stack of whoever asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    basis: Basis,
    entries: [Score; MOST],
    len: usize,
}

impl Scores {
    /// What the choice went by.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The scores, the best first: of all candidates that were scored, or of the best of them.
    pub fn entries(&self) -> &[Score] {
        &self.entries[..self.len]
    }

    /// Says what the choice goes by.
    pub fn by(&mut self, basis: Basis) {
        self.basis = basis;
    }

    /// Counts the candidates from another one on: those of a part of a set, as the whole set counts them.
    pub(crate) fn shift(&mut self, start: usize) {
        for score in &mut self.entries[..self.len] {
            score.index += start;
        }
    }

    /// Notes what was thought of a candidate.
    pub fn note(&mut self, score: Score) {
        let at = self.entries().partition_point(|known| known.cost <= score.cost);
        if at == MOST {
            return;
        }
        self.len = (self.len + 1).min(MOST);
        self.entries[at..self.len].rotate_right(1);
        self.entries[at] = score;
    }
}
