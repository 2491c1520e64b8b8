//! What a decision record is made of: rows and rules of a fixed size.
//!
//! Invariant: plain data, copied; the only texts are shared with whoever made them.

use std::sync::Arc;
use std::time::Duration;

use super::few::Few;
use super::words::{AttemptResult, Awaited, RuleResult, Verdict, Why};
use crate::attributes::{Performance, Priority};
use crate::call::{CacheStatus, Estimate};
use crate::error::Kind;
use crate::operation::OperationRef;
use crate::stream::Usage;

/// Bytes of a resource that are kept.
pub const RESOURCE_BYTES: usize = 96;
/// Rules, attempts and labels that are kept of one call each.
pub const ROWS: usize = 8;
/// Candidates that are kept of one call; those that were asked are always among them.
pub const CANDIDATES: usize = 16;
/// A rule that was tried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RuleTried {
    pub(crate) number: u16,
    pub(crate) result: RuleResult,
    pub(crate) shadow: bool,
    /// What the call was expected to cost, in billionths of a US dollar; none: the rule does not look at that.
    pub(crate) cost: Option<u64>,
}

impl RuleTried {
    /// A rule by its number, and what trying it came to. A rule in shadow is only looked at.
    pub(crate) fn new(number: usize, result: RuleResult, shadow: bool) -> Self {
        RuleTried {
            number: u16::try_from(number).unwrap_or(u16::MAX),
            result,
            shadow,
            cost: None,
        }
    }

    /// Whether it decides.
    pub(crate) fn decides(&self) -> bool {
        !self.shadow && matches!(self.result, RuleResult::Matched | RuleResult::NobodyAble)
    }
}

/// The rules that routing tried for one call, in their order. Routing writes into it while it routes; what does not fit is
/// counted, but for the rule that decides: it takes the place of another. A rule of another tenant must never be written:
/// who may read the record may read of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules(pub(super) Few<RuleTried, ROWS>);

/// All of them, of a call that is not made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Every(pub(super) Vec<RuleTried>);

/// A candidate: its place in the set, and how it stood when it was looked at last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) index: u16,
    pub(crate) asked: u8,
    pub(crate) verdict: Verdict,
    /// What its balancer made of it; not a number: nothing.
    pub(crate) score: f32,
    /// The seconds, the probability of a failure and the dollars that it expected; not a number: it did not.
    pub(crate) seconds: f32,
    pub(crate) failure: f32,
    pub(crate) dollars: f32,
    pub(crate) in_flight: u32,
    /// Microseconds; 0: nothing was measured.
    pub(crate) expected_us: u32,
    /// In billionths of a US dollar; [`UNPRICED`]: no price is known.
    pub(crate) cost: u64,
}

/// No price is known.
pub(super) const UNPRICED: u64 = u64::MAX;

impl Candidate {
    /// The first of its set, of which nothing is known.
    pub(crate) const NEW: Candidate = Candidate {
        index: 0,
        asked: 0,
        verdict: Verdict::NotLookedAt,
        score: f32::NAN,
        seconds: f32::NAN,
        failure: f32::NAN,
        dollars: f32::NAN,
        in_flight: 0,
        expected_us: 0,
        cost: UNPRICED,
    };
}

impl Default for Candidate {
    fn default() -> Self {
        Candidate::NEW
    }
}

/// What the router saw of a candidate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) verdict: Verdict,
    pub(crate) in_flight: usize,
    pub(crate) expected: Option<Duration>,
    /// What an attempt there would cost at most, in billionths of a US dollar; none: no price is known.
    pub(crate) cost: Option<u64>,
}

/// An attempt. Times are microseconds since the call came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempted {
    /// Who was asked, as a place in the set; none: nobody could be.
    pub(crate) index: Option<u16>,
    pub(crate) why: Why,
    pub(crate) began_us: u64,
    pub(crate) ended_us: u64,
    pub(crate) waited_us: u64,
    pub(crate) result: AttemptResult,
    pub(crate) code: Option<Kind>,
    /// The least that is left of the limits that its provider told of.
    pub(crate) upstream_remaining: Option<u64>,
}

/// What its tenant's limits said when a call came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TenantStanding {
    /// Calls that would pass; none: no limit.
    pub(crate) remaining: Option<u64>,
    pub(crate) in_flight: u32,
    /// 0: no bound.
    pub(crate) max_in_flight: u32,
}

/// What the cache did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cached {
    pub(crate) status: Option<CacheStatus>,
    pub(crate) tier: Option<&'static str>,
    /// Another caller's flight was waited for.
    pub(crate) coalesced: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    /// None: with an answer.
    pub(crate) code: Option<Kind>,
    /// Of a call that is not made: what it would wait for.
    pub(crate) waits: Option<Awaited>,
    pub(crate) took_us: u64,
    pub(crate) first_event_us: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) usage: Option<Usage>,
    /// In billionths of a US dollar; none: not known.
    pub(crate) cost: Option<u64>,
}

/// Who calls for what: what a call is routed by.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) id: Arc<str>,
    pub(crate) tenant: Arc<str>,
    pub(crate) operation: OperationRef,
    pub(crate) provider: Option<Arc<str>>,
    pub(crate) pinned: Option<Arc<str>>,
    pub(crate) priority: Priority,
    pub(crate) performance: Option<Performance>,
    pub(crate) payload_bytes: u64,
    pub(crate) model: Option<Arc<str>>,
    /// It names one that is too long to be kept.
    pub(crate) model_left_out: bool,
    pub(crate) affinity: Option<u64>,
    pub(crate) estimate: Option<Estimate>,
}

/// Times at which the first phases ended, in microseconds since the call came; not all of them are read for every call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) admitted_us: Option<u64>,
    pub(crate) routed_us: Option<u64>,
    pub(crate) looked_up_us: Option<u64>,
}
