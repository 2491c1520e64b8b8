//! Decision records: what was decided for a call, and why.
//!
//! Every call that memory does not serve has one, and of those that it serves each that it refuses and a sample of the
//! rest. A record is a struct of a fixed size out of a bounded pool; the call's path writes to it as it goes, and it is rendered only when it is read.
//!
//! Invariant: no call waits for its record. Where there is none left, a call goes without, and that is counted.

mod explained;
mod few;
mod look;
mod pool;
mod record;
mod render;
mod replay;
mod ring;
mod rows;
mod rules;
mod store;
mod words;

pub use explained::{
    AttemptExplained, CacheExplained, CandidateExplained, CostExplained, Explained, LimitsExplained, OutcomeExplained,
    Phases, Route, RuleExplained,
};
pub use replay::{Change, Difference, Recorded, Routing, compare};
pub use rows::{CANDIDATES, RESOURCE_BYTES, ROWS, Rules};
pub use store::{DecisionCounts, DecisionSettings};
pub use words::{AttemptResult, Awaited, RoutedBy, RuleResult, Verdict, Why};

pub(crate) use look::seen;
pub(crate) use pool::Trace;
pub(crate) use record::micros;
pub(crate) use rows::{Ended, Every, Seen, TenantStanding};
pub(crate) use store::Decisions;
pub(crate) use words::Phase;

#[cfg(test)]
mod tests;
