//! The error flow: what follows a failed attempt.
//!
//! Invariant: a write that may have reached its provider is never repeated, nor is what may have been billed; what cannot
//! succeed again is not sent there again; and no plan outlives the deadline.

use std::time::Duration;

use super::retry_budget::BudgetSettings;
use crate::error::{Failure, Kind};

/// Bounds of the error flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecoverSettings {
    /// Attempts in all, the first included (at least 1).
    pub max_attempts: u32,
    /// The first back-off between two attempts at one instance; doubled each time.
    pub backoff: Duration,
    /// The longest back-off of our own.
    pub backoff_max: Duration,
    /// The longest that we wait because a provider told us to, instead of failing over.
    pub wait_max: Duration,
    /// What retries and failovers may be on top of what callers ask for, at each instance.
    pub budget: BudgetSettings,
}

impl Default for RecoverSettings {
    /// Three attempts, as the vendors' own SDKs (two retries); back-off from 50 ms to 2 s.
    fn default() -> Self {
        RecoverSettings {
            max_attempts: 3,
            backoff: Duration::from_millis(50),
            backoff_max: Duration::from_secs(2),
            wait_max: Duration::from_secs(2),
            budget: BudgetSettings::default(),
        }
    }
}

/// Where a call stands after a failed attempt.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Attempts so far (1 or more).
    pub attempts: u32,
    /// Attempts so far at the instance that just failed (0 where no instance was reached).
    pub attempts_here: u32,
    /// The operation changes nothing.
    pub safe: bool,
    /// Repeating is harmless: the operation is safe or idempotent, or a key makes it so.
    pub repeatable: bool,
    /// An attempt that was served is billed.
    pub paid: bool,
    /// The input can be sent (again): a stream that was read cannot.
    pub sendable: bool,
    /// Other candidates have not been tried.
    pub others: bool,
    /// The circuit of the instance that just failed is open: it would be refused there.
    pub open: bool,
    /// For how long an instance still asks not to be asked that was left for another because of that.
    pub limited: Option<Duration>,
    /// Until the deadline.
    pub remaining: Duration,
    /// A random number in [0, 1), for jitter.
    pub chance: f64,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// The same instance again, after a wait.
    Retry(Duration),
    /// Another candidate, at once.
    Failover,
    /// Back to the instance that was left because of its rate limit, after a wait: no other could be asked.
    Return(Duration),
    /// The failure is the answer.
    GiveUp,
}

/// Decides what follows `failure`.
pub fn next(failure: &Failure, standing: &Standing, settings: &RecoverSettings) -> Next {
    let repeatable = standing.repeatable || is_refusal(failure);
    let harmless = repeatable && (!standing.paid || failure.unbilled);
    if standing.attempts >= settings.max_attempts || !standing.sendable || !(harmless || failure.unsent) {
        return Next::GiveUp;
    }
    if let Some(wait) = standing.limited
        && refused_by_us(failure, standing)
        && fits(wait, standing)
    {
        return Next::Return(wait);
    }
    if failure.unreadable {
        // It was served there, and would be answered the same: only a read may be asked for elsewhere.
        return elsewhere(standing.safe && standing.others);
    }
    match failure.kind {
        Kind::Network | Kind::UpstreamFailed | Kind::Internal
            if failure.retryable || failure.kind == Kind::Internal =>
        {
            again_once_then_elsewhere(failure, standing, settings)
        }
        // The provider's own word that a repetition makes no sense holds for it alone.
        Kind::Network | Kind::UpstreamFailed | Kind::Timeout => elsewhere(standing.others),
        // Its quota is used up as far as we know, and nobody was asked: whoever else could be was looked at.
        Kind::UpstreamRateLimited if refused_by_us(failure, standing) => Next::GiveUp,
        Kind::UpstreamRateLimited if failure.retryable => wait_or_elsewhere(failure, standing, settings),
        // Its account is spent; an equivalent's may not be.
        Kind::UpstreamRateLimited => elsewhere(standing.others),
        // Its actor is being restarted: a matter of microseconds, or of its back-off.
        Kind::NoProvider => {
            let wait = backoff(standing, settings);
            if fits(wait, standing) {
                Next::Retry(wait)
            } else {
                Next::GiveUp
            }
        }
        // A refusal that its provider takes back itself, such as a lock that was held.
        kind if failure.retryable && !kind.retryable() => again_once_then_elsewhere(failure, standing, settings),
        // The provider refused this call for what it is; what the gateway itself refuses is final, too.
        _ => Next::GiveUp,
    }
}

/// Its provider has too much to do, and did not do this.
fn is_refusal(failure: &Failure) -> bool {
    failure.kind == Kind::UpstreamRateLimited && !failure.unreadable
}

/// Whether nothing would follow `failure` wherever else may be asked, however few attempts were made: no other's outcome needs
/// to be waited for.
pub fn is_final(failure: &Failure, standing: &Standing, settings: &RecoverSettings) -> bool {
    let at_first = Standing {
        attempts: 0,
        others: true,
        ..*standing
    };
    next(failure, &at_first, settings) == Next::GiveUp
}

/// No provider was reached: those that are left are failing, busy or away.
fn refused_by_us(failure: &Failure, standing: &Standing) -> bool {
    let ours = matches!(
        failure.kind,
        Kind::CircuitOpen | Kind::Overloaded | Kind::NoProvider | Kind::UpstreamRateLimited
    );
    ours && failure.unsent && standing.attempts_here == 0
}

fn elsewhere(possible: bool) -> Next {
    if possible { Next::Failover } else { Next::GiveUp }
}

/// How much of the time until the deadline one attempt may take. Where another could follow, a third is left to it;
/// where none can, just enough for the failure to arrive as this attempt's, and not as a passed deadline.
pub fn share(remaining: Duration, another_could_follow: bool) -> Duration {
    if another_could_follow {
        remaining * 2 / 3
    } else {
        remaining - to_arrive(remaining)
    }
}

/// What is kept of the time until the deadline, so that what is at hand arrives before it.
pub fn to_arrive(remaining: Duration) -> Duration {
    (remaining / 20).min(Duration::from_millis(50))
}

fn again_once_then_elsewhere(failure: &Failure, standing: &Standing, settings: &RecoverSettings) -> Next {
    let wait = failure.retry_after.unwrap_or_else(|| backoff(standing, settings));
    let here = standing.attempts_here < 2 && wait <= settings.wait_max && !standing.open;
    match (here || !standing.others, fits(wait, standing)) {
        (true, true) => Next::Retry(wait),
        _ if standing.others => Next::Failover,
        _ => Next::GiveUp,
    }
}

fn wait_or_elsewhere(failure: &Failure, standing: &Standing, settings: &RecoverSettings) -> Next {
    let wait = failure.retry_after.unwrap_or_else(|| backoff(standing, settings));
    // A long wait is the last resort, and so is a second one: an equivalent that is asked at once comes before either.
    let here = (wait <= settings.wait_max && standing.attempts_here < 2) || !standing.others;
    match here && fits(wait, standing) {
        true => Next::Retry(wait),
        false => elsewhere(standing.others),
    }
}

/// A wait must leave at least half of the time for the attempt after it.
fn fits(wait: Duration, standing: &Standing) -> bool {
    wait <= standing.remaining / 2
}

/// Exponential with full jitter: uniform between zero and the doubled base.
fn backoff(standing: &Standing, settings: &RecoverSettings) -> Duration {
    let doubled = settings
        .backoff
        .saturating_mul(1 << standing.attempts.saturating_sub(1).min(16));
    doubled
        .min(settings.backoff_max)
        .mul_f64(standing.chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
