//! A decision record as people and programs read it. Its JSON is stable: names and words in snake case, times in
//! microseconds since the call came, where a name does not say otherwise. What is not known is absent.
//!
//! Invariant: plain data that holds no input, no answer, no credential and no failure's sentence.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::replay::Recorded;
use crate::policy::balance::Basis;

use super::words::{AttemptResult, Awaited, RoutedBy, RuleResult, Verdict, Why};
use crate::call::CacheStatus;
use crate::error::Kind;

/// A decision record, rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The call's request id. Callers may choose it, so several calls may have the same.
    pub id: Arc<str>,
    /// When the call came, in milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// The call was not made: what follows is what would have been decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What it was routed by.
    pub call: Recorded,
    /// Times of the phases before anybody is asked.
    pub phases: Phases,
    /// How its candidates were found.
    pub route: Route,
    /// Who could have been asked, and how each stood when it was looked at last. At most 16; those that were asked are
    /// among them.
    pub candidates: Vec<CandidateExplained>,
    /// Candidates that there was no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub candidates_left_out: u32,
    /// Who was asked first, or would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_choice: Option<Arc<str>>,
    /// The attempts, in order; at most 8.
    pub attempts: Vec<AttemptExplained>,
    /// Attempts that there was no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_left_out: u32,
    /// What the cache did.
    pub cache: CacheExplained,
    /// What the tenant's limits said when the call came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsExplained>,
    /// Tokens and money.
    pub cost: CostExplained,
    /// How the call ended; absent where it had not when this was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeExplained>,
}

/// When the first phases ended. Admission and routing are timed where the record was there from the beginning: of calls
/// that asked for it, and of samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Admission had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted_us: Option<u64>,
    /// Routing had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed_us: Option<u64>,
    /// The lookup in memory had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_up_us: Option<u64>,
}

/// How the candidates were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// By what.
    pub by: RoutedBy,
    /// The number of the rule that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u32>,
    /// What the last choice among the candidates went by.
    #[serde(default)]
    pub basis: Basis,
    /// The rules that were tried, in order; at most 8, the one that decided among them. Of a call that was not made, all.
    pub rules: Vec<RuleExplained>,
    /// Rules that there was no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rules_left_out: u32,
}

/// A rule that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleExplained {
    /// Its place in the configuration, from 0.
    pub rule: u16,
    /// What trying it came to.
    pub result: RuleResult,
    /// It is only looked at, not applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// What the call was expected to cost at the dearest of its instances, in billionths of a US dollar; absent where it does
    /// not look at that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_cost_nano_usd: Option<u64>,
}

/// A candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateExplained {
    /// The instance.
    pub instance: Arc<str>,
    /// How it stood.
    pub verdict: Verdict,
    /// How often it was asked.
    #[serde(default, skip_serializing_if = "is_zero_u8")]
    pub asked: u8,
    /// What its balancer made of it: the lower, the better. Seconds that are expected, for the attempts in flight where it
    /// weighs those; where it learned, with what failures and money weigh beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The seconds that a balancer that learns expected an attempt there to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_seconds: Option<f32>,
    /// The probability of a failure that it expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_failure: Option<f32>,
    /// The dollars that it expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_dollars: Option<f32>,
    /// Attempts that were in flight there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_flight: u32,
    /// What an attempt there was expected to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_us: Option<u32>,
    /// What an attempt there was expected to cost at most, in billionths of a US dollar; absent where no price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_cost_nano_usd: Option<u64>,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptExplained {
    /// Who was asked; absent: nobody could be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Arc<str>>,
    /// Why it was made.
    pub why: Why,
    /// How long was waited before it.
    #[serde(default, skip_serializing_if = "is_zero_u64")]
    pub waited_us: u64,
    /// When it began.
    pub began_us: u64,
    /// When it ended; of a stream: when its head came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_us: Option<u64>,
    /// How it ended.
    pub result: AttemptResult,
    /// The code of its failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Kind>,
    /// The least that was left of the limits that its provider tells of, when it had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_remaining: Option<u64>,
}

/// What the cache did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheExplained {
    /// As in the answer; absent where there was none. Of a call that was not made: `hit`, `miss`, `stale` (it would be
    /// asked for, and served if that fails) or `bypass`, by the memory tier alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CacheStatus>,
    /// The tier that served it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Arc<str>>,
    /// It shared what another caller's equal call came to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coalesced: bool,
}

/// What the tenant's limits said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsExplained {
    /// Calls that would have passed after this one; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// The tenant's calls in flight, without this one.
    pub in_flight: u32,
    /// The bound on them; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
}

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostExplained {
    /// Tokens to be read, as guessed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_input_tokens: Option<u64>,
    /// The most that may be written, as asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Tokens that were read, as the provider counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens that were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// What the call did cost, in billionths of a US dollar: as the provider says, else by its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_nano_usd: Option<u64>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeExplained {
    /// The code of its failure; absent: it was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Kind>,
    /// Of a call that was not made, and would be sent after a wait: what for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Awaited>,
    /// Until the end of its body.
    pub took_us: u64,
    /// Until the first event of its stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event_us: Option<u64>,
    /// Bytes of its body, where they are known.
    pub bytes: u64,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_zero_u8(number: &u8) -> bool {
    *number == 0
}

fn is_zero_u64(number: &u64) -> bool {
    *number == 0
}
