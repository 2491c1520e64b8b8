//! How a candidate stands, in one word.
//!
//! Invariant: it looks at what the instance publishes, and takes no permit.

use super::rows::Seen;
use super::words::Verdict;
use crate::call::Call;
use crate::instance::Instance;

/// What a call that looks for a candidate at `now` sees of an instance. `excluded`: it failed this call before; `ejected`: it is
/// passed over because it is ejected; `uncovered`: it is to be asked on credits, and lacks them.
pub(crate) fn seen(
    instance: Option<&Instance>,
    (excluded, ejected, uncovered): (bool, bool, bool),
    call: &Call,
    now: u64,
) -> Seen {
    let Some(instance) = instance else {
        return Seen {
            verdict: Verdict::NotRunning,
            in_flight: 0,
            expected: None,
            cost: None,
        };
    };
    let view = instance.view(call, now);
    let verdict = if excluded {
        Verdict::ExcludedAfterFailure
    } else if !instance.accepting() {
        Verdict::Drained
    } else if instance.breaker.of(call).wait(now).is_some() {
        match instance.breaker.forced() {
            Some(_) => Verdict::ForcedOpen,
            None => Verdict::CircuitOpen,
        }
    } else if ejected {
        Verdict::Ejected
    } else if !instance.has_room() {
        Verdict::Full
    } else if uncovered {
        Verdict::NoCredits
    } else if view.limited_until > 0 {
        Verdict::Limited
    } else if view.scarce {
        Verdict::Scarce
    } else {
        Verdict::Available
    };
    Seen {
        verdict,
        in_flight: view.in_flight,
        expected: view.latency.map(|latency| latency.expected),
        cost: instance.spec.billing.prices.expected(call),
    }
}
