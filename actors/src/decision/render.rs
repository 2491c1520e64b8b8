//! Rendering: from a record of a fixed size to what people read.
//!
//! Invariant: whatever was written, rendering comes to an end without a panic; only here are lists made.

use std::sync::Arc;

use super::explained::{
    AttemptExplained, CacheExplained, CandidateExplained, CostExplained, Explained, LimitsExplained, OutcomeExplained,
    Phases, Route, RuleExplained,
};
use super::record::Decision;
use super::replay::Recorded;
use super::rows::{Attempted, Candidate, UNPRICED};
use super::words::AttemptResult;

/// The record as it is now.
pub(super) fn render(decision: &Decision) -> Explained {
    let subject = decision.subject.as_ref();
    Explained {
        id: subject.map_or_else(|| Arc::from(""), |subject| subject.id.clone()),
        at_unix_ms: decision.at_unix_ms,
        dry_run: false,
        call: recorded(decision),
        phases: Phases {
            admitted_us: decision.marks.admitted_us,
            routed_us: decision.marks.routed_us,
            looked_up_us: decision.marks.looked_up_us,
        },
        route: route(decision),
        candidates: decision
            .candidates
            .items()
            .iter()
            .filter_map(|row| candidate(decision, row))
            .collect(),
        candidates_left_out: decision.candidates.left_out(),
        first_choice: name(decision, decision.first_choice),
        attempts: decision
            .attempts
            .items()
            .iter()
            .map(|row| attempt(decision, row))
            .collect(),
        attempts_left_out: decision.attempts.left_out(),
        cache: CacheExplained {
            status: decision.cached.status,
            tier: decision.cached.tier.map(Arc::from),
            coalesced: decision.cached.coalesced,
        },
        limits: decision.tenant.map(|standing| LimitsExplained {
            remaining: standing.remaining,
            in_flight: standing.in_flight,
            max_in_flight: Some(standing.max_in_flight).filter(|most| *most > 0),
        }),
        cost: cost(decision),
        outcome: decision.ended.map(|ended| OutcomeExplained {
            code: ended.code,
            waits: ended.waits,
            took_us: ended.took_us,
            first_event_us: ended.first_event_us,
            bytes: ended.bytes,
        }),
    }
}

fn name(decision: &Decision, index: Option<u16>) -> Option<Arc<str>> {
    let set = decision.set.as_ref()?;
    set.instances.get(usize::from(index?)).cloned()
}

fn recorded(decision: &Decision) -> Recorded {
    let mut recorded = Recorded {
        resource: Arc::from(decision.resource.text()),
        resource_cut: decision.resource.is_cut(),
        labels: decision.labels.iter().flatten().cloned().collect(),
        labels_left_out: decision.labels_left_out,
        ..Recorded::default()
    };
    if let Some(subject) = &decision.subject {
        recorded.tenant = subject.tenant.clone();
        recorded.operation = Arc::from(subject.operation.name);
        recorded.instance = subject.pinned.clone();
        recorded.provider = subject.provider.clone();
        recorded.priority = subject.priority;
        recorded.performance = subject.performance;
        recorded.payload_bytes = subject.payload_bytes;
        recorded.model = subject.model.clone();
        recorded.model_left_out = subject.model_left_out;
        recorded.estimate = subject.estimate;
        recorded.affinity = subject.affinity;
    }
    recorded
}

fn route(decision: &Decision) -> Route {
    let rules = &decision.rules.0;
    let tried: Vec<_> = rules.items().iter().map(RuleExplained::from).collect();
    let matched = rules.items().iter().find(|tried| tried.decides());
    let of_set = decision.set.as_ref().and_then(|set| u32::try_from(set.rule?).ok());
    Route {
        by: decision.routed_by,
        // The set knows; where there is none, what was tried may tell.
        rule: of_set.or(matched.map(|tried| u32::from(tried.number))),
        basis: decision.basis,
        rules_left_out: rules.left_out(),
        rules: tried,
    }
}

fn finite(number: f32) -> Option<f32> {
    Some(number).filter(|number| number.is_finite())
}

fn candidate(decision: &Decision, row: &Candidate) -> Option<CandidateExplained> {
    Some(CandidateExplained {
        instance: name(decision, Some(row.index))?,
        verdict: row.verdict,
        asked: row.asked,
        score: finite(row.score),
        predicted_seconds: finite(row.seconds),
        predicted_failure: finite(row.failure),
        predicted_dollars: finite(row.dollars),
        in_flight: row.in_flight,
        expected_us: Some(row.expected_us).filter(|expected| *expected > 0),
        expected_cost_nano_usd: Some(row.cost).filter(|cost| *cost != UNPRICED),
    })
}

fn attempt(decision: &Decision, row: &Attempted) -> AttemptExplained {
    AttemptExplained {
        instance: name(decision, row.index),
        why: row.why,
        waited_us: row.waited_us,
        began_us: row.began_us,
        ended_us: (row.result != AttemptResult::Unfinished).then_some(row.ended_us),
        result: row.result,
        code: row.code,
        upstream_remaining: row.upstream_remaining,
    }
}

fn cost(decision: &Decision) -> CostExplained {
    let estimate = decision.subject.as_ref().and_then(|subject| subject.estimate);
    let usage = decision.ended.and_then(|ended| ended.usage);
    CostExplained {
        estimated_input_tokens: estimate.map(|estimate| estimate.input_tokens),
        max_output_tokens: estimate.and_then(|estimate| estimate.max_output_tokens),
        input_tokens: usage.map(|usage| usage.input_tokens),
        output_tokens: usage.map(|usage| usage.output_tokens),
        cost_nano_usd: decision.ended.and_then(|ended| ended.cost),
    }
}
