//! What each metric says, for those who read an exposition.
//!
//! Invariant: a metric that the engine registers is described here.

use metrics::{KeyName, Recorder, SharedString, Unit};

/// Counters, by name.
const COUNTERS: &[(&str, &str)] = &[
    (
        "mosaic_tenant_calls_total",
        "Calls by tenant and outcome, for as many tenants as are told apart.",
    ),
    ("mosaic_attempts_total", "Attempts by provider instance and outcome."),
    (
        "mosaic_attempts_paced_total",
        "Times that a call was kept back so that a provider's quota lasts, by provider instance.",
    ),
    (
        "mosaic_attempts_shed_total",
        "Attempts that found no place in time, or none to wait in, by provider instance and priority.",
    ),
    (
        "mosaic_balancer_observations_dropped_total",
        "Ends of attempts that a balancer did not learn from, because the router was too far behind.",
    ),
    (
        "mosaic_decisions_dropped_total",
        "Calls whose decision record was not kept, as there was none left or no room.",
    ),
    (
        "mosaic_decisions_recorded_total",
        "Decision records that were kept: of all calls that memory did not serve, and of a sample of hits.",
    ),
    ("mosaic_breaker_opened_total", "Times that a circuit breaker opened."),
    (
        "mosaic_breaker_class_opened_total",
        "Times that the circuit of a cost class opened, by provider instance and class.",
    ),
    (
        "mosaic_cache_breaker_opened_total",
        "Times that a cache tier's circuit breaker opened.",
    ),
    (
        "mosaic_cache_errors_total",
        "Operations of a cache tier that failed, by tier and code.",
    ),
    ("mosaic_cache_fills_total", "Entries written, by tier."),
    ("mosaic_cache_invalidated_total", "Entries dropped by tag, by tier."),
    (
        "mosaic_cache_revalidated_total",
        "Kept answers that their provider said have not changed, by provider instance.",
    ),
    ("mosaic_cache_requests_total", "Cache lookups by tier and result."),
    (
        "mosaic_call_cost_nanodollars_total",
        "What calls cost in billionths of a US dollar, where it is known, by operation.",
    ),
    (
        "mosaic_call_estimated_input_tokens_total",
        "Tokens that were guessed to be read, of calls whose tokens were counted, by operation.",
    ),
    ("mosaic_call_events_total", "Events of streams, by operation."),
    (
        "mosaic_call_tokens_total",
        "Tokens that providers counted, by operation and direction.",
    ),
    ("mosaic_calls_total", "Calls by operation and outcome."),
    (
        "mosaic_coalesced_total",
        "Callers that shared another caller's equal miss.",
    ),
    (
        "mosaic_failovers_total",
        "Attempts after which another instance was asked, by the provider instance that failed.",
    ),
    (
        "mosaic_panic_attempts_total",
        "Attempts for which ejections were ignored, because too few equivalent instances were left.",
    ),
    (
        "mosaic_provider_ejections_total",
        "Times that a provider instance was ejected from among its equivalents.",
    ),
    (
        "mosaic_hedges_total",
        "Calls of which another instance was asked the same, by the provider instance that took too long.",
    ),
    (
        "mosaic_hedges_won_total",
        "Those of them that the other instance answered first.",
    ),
    (
        "mosaic_retries_refused_total",
        "Retries and failovers that the retry budget did not allow, by the provider instance that failed.",
    ),
    ("mosaic_refused_total", "Calls refused, by the bound that refused them."),
    (
        "mosaic_route_shadow_total",
        "Calls that a rule in shadow would have sent where they went, or elsewhere, by rule and result.",
    ),
    (
        "mosaic_retries_total",
        "Attempts after which the same instance was asked again, by provider instance.",
    ),
];

/// Gauges, by name.
const GAUGES: &[(&str, &str)] = &[
    (
        "mosaic_max_attempts_in_flight",
        "The bound on attempts in flight, by provider instance.",
    ),
    ("mosaic_max_calls_in_flight", "The bound on calls in flight."),
    (
        "mosaic_breaker_class_state",
        "Circuit of a cost class: 0 closed, 1 half open, 2 open; by provider instance and class.",
    ),
    (
        "mosaic_provider_ejected",
        "1 while a provider instance is ejected from among its equivalents.",
    ),
    (
        "mosaic_provider_healthy",
        "1 where a provider instance is known to be well, 0 where it is known not to be.",
    ),
    (
        "mosaic_provider_rate_limit_limit",
        "What a provider grants in a window, by provider instance and resource.",
    ),
    (
        "mosaic_provider_rate_limit_remaining",
        "What is left of it; not a number once the window has passed.",
    ),
    (
        "mosaic_provider_rate_limit_reset_timestamp_seconds",
        "When the next window begins, since the Unix epoch.",
    ),
    (
        "mosaic_attempts_limit",
        "Attempts that may be in flight now, by provider instance.",
    ),
    (
        "mosaic_attempts_waiting",
        "Attempts that wait for a place, by provider instance.",
    ),
    ("mosaic_attempts_in_flight", "Attempts in flight, by provider instance."),
    (
        "mosaic_breaker_state",
        "Circuit breaker: 0 closed, 1 half open, 2 open.",
    ),
    (
        "mosaic_cache_breaker_state",
        "A cache tier's circuit breaker: 0 closed, 1 half open, 2 open.",
    ),
    (
        "mosaic_credits_left_calls",
        "Calls that are left of a provider's credits in this period, by provider instance.",
    ),
    (
        "mosaic_credits_left_nanodollars",
        "What is left of a provider's credits in this period, in billionths of a US dollar, by provider instance.",
    ),
    ("mosaic_cache_bytes", "Bytes held, by tier."),
    ("mosaic_cache_entries", "Entries held, by tier."),
    (
        "mosaic_calls_in_flight",
        "Calls past the lookup whose reply has not ended.",
    ),
    ("mosaic_tenants_active", "Tenants with a live quota actor."),
];

/// Histograms of seconds, by name.
const SECONDS: &[(&str, &str)] = &[
    (
        "mosaic_attempt_duration_seconds",
        "Seconds of an attempt to its answer's head, by provider instance.",
    ),
    (
        "mosaic_attempt_wait_seconds",
        "Seconds that an attempt waited for a place, by provider instance.",
    ),
    (
        "mosaic_cache_duration_seconds",
        "Seconds of an operation of a cache tier, by tier and operation.",
    ),
    (
        "mosaic_call_duration_seconds",
        "Seconds from admission to the end of the answer's body, by operation.",
    ),
    (
        "mosaic_call_first_event_seconds",
        "Seconds from admission to a stream's first event, by operation.",
    ),
    (
        "mosaic_phase_duration_seconds",
        "Seconds of a call's phases; those that never wait are timed for one call in sixteen.",
    ),
];

/// Tells a recorder what each metric says.
pub(super) fn describe(recorder: &dyn Recorder) {
    let help = |rows: &'static [(&str, &str)]| {
        let row = |(name, text): &(&'static str, &'static str)| {
            (KeyName::from_const_str(name), SharedString::const_str(text))
        };
        rows.iter().map(row)
    };
    for (name, text) in help(COUNTERS) {
        recorder.describe_counter(name, None, text);
    }
    for (name, text) in help(GAUGES) {
        recorder.describe_gauge(name, None, text);
    }
    for (name, text) in help(SECONDS) {
        recorder.describe_histogram(name, Some(Unit::Seconds), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_registered_is_described() {
        let known = [COUNTERS, GAUGES, SECONDS].concat();
        let written = concat!(
            include_str!("../telemetry.rs"),
            include_str!("flow.rs"),
            include_str!("rate_limits.rs"),
            include_str!("standing.rs")
        )
        .split('"');
        let is_name = |text: &&str| text.starts_with("mosaic_") && !text.contains('{');
        let registered: Vec<_> = written.filter(is_name).collect();
        assert!(registered.len() > 20, "{registered:?}");
        for name in registered {
            assert!(known.iter().any(|(described, _)| *described == name), "{name}");
        }
    }
}
