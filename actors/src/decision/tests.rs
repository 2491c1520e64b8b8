//! Tests of records: whatever is written, their bounds hold, and they can be rendered and read back.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::record::Decision;
use super::render::render;
use super::rows::RuleTried;
use super::*;
use crate::call::{CacheStatus, Call, Estimate, Operation, Operations};
use crate::error::{Failure, Kind};
use crate::policy::balance::{Basis, Score, Scores};
use crate::policy::routing::{CandidateSet, Tier};
use crate::stream::Usage;

static READ: Operation = Operation::read("t", "t.read");

fn call(resource: &str) -> Call {
    let operation = Operations::new([&READ]).get("t.read").unwrap();
    Call::example(operation, resource, "t")
}

fn set(count: usize, rule: Option<usize>) -> Arc<CandidateSet> {
    Arc::new(CandidateSet {
        id: 7,
        order: 7,
        rule,
        instances: (0..count).map(|n| Arc::from(format!("i{n}"))).collect(),
        places: (0..count).collect(),
        identities: (0..count as u64).collect(),
        tags: Vec::new(),
        credited: Vec::new(),
        tiers: Vec::new(),
        canaries: Vec::new(),
    })
}

/// Something that the path of a call may write.
#[derive(Clone, Debug)]
enum Write {
    Passed(u8, u64),
    Limits(u64),
    Routed(usize, Option<usize>),
    Refused,
    Tried(usize),
    Coalesced,
    Attempt(u64),
    Then(bool, u64),
    Look(u8),
    Asked(usize),
    Declined(usize),
    WouldAsk(usize),
    Left(u64),
    EndedWell(u32, u64),
    Failed(u32, u64),
    Served,
    End(u64),
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let index = 0usize..40;
    let write = prop_oneof![
        (0u8..3, any::<u64>()).prop_map(|(phase, at)| Write::Passed(phase, at)),
        any::<u64>().prop_map(Write::Limits),
        (0usize..40, proptest::option::of(0usize..100_000)).prop_map(|(count, rule)| Write::Routed(count, rule)),
        Just(Write::Refused),
        (0usize..100_000).prop_map(Write::Tried),
        Just(Write::Coalesced),
        any::<u64>().prop_map(Write::Attempt),
        (any::<bool>(), any::<u64>()).prop_map(|(again, wait)| Write::Then(again, wait)),
        any::<u8>().prop_map(Write::Look),
        index.clone().prop_map(Write::Asked),
        index.clone().prop_map(Write::Declined),
        index.prop_map(Write::WouldAsk),
        any::<u64>().prop_map(Write::Left),
        (0u32..12, any::<u64>()).prop_map(|(number, at)| Write::EndedWell(number, at)),
        (0u32..12, any::<u64>()).prop_map(|(number, at)| Write::Failed(number, at)),
        Just(Write::Served),
        any::<u64>().prop_map(Write::End),
    ];
    proptest::collection::vec(write, 0..80)
}

/// A time after `started` that is no more than the clock can tell.
fn after(started: Instant, micros: u64) -> Instant {
    started + Duration::from_micros(micros % 1_000_000_000_000)
}

fn apply(decision: &mut Decision, call: &Call, started: Instant, write: &Write) {
    match *write {
        Write::Passed(phase, at) => {
            let phase = [Phase::Admit, Phase::Route, Phase::Lookup][usize::from(phase)];
            decision.passed(phase, after(started, at));
        }
        Write::Limits(number) => decision.limits(TenantStanding {
            remaining: Some(number),
            in_flight: number as u32,
            max_in_flight: 0,
        }),
        Write::Routed(count, rule) => decision.routed(call, &set(count, rule), Rules::default()),
        Write::Refused => decision.refused(Rules::default()),
        Write::Tried(number) => {
            let tried = RuleTried::new(number, RuleResult::Tenant, number % 2 == 0);
            decision.rules.tried(tried);
        }
        Write::Coalesced => decision.coalesced(),
        Write::Attempt(at) => decision.attempt(after(started, at)),
        Write::Then(again, wait) => {
            let why = if again { Why::Retry } else { Why::Failover };
            decision.then(why, Duration::from_nanos(wait));
        }
        Write::Look(number) => {
            decision.look(|index| Seen {
                verdict: if index % 2 == 0 {
                    Verdict::Available
                } else {
                    Verdict::Full
                },
                in_flight: usize::MAX,
                expected: Some(Duration::MAX),
                cost: Some(u64::from(number)),
            });
            let mut scores = Scores::default();
            scores.by(Basis::Learned);
            scores.note(Score {
                index: usize::from(number),
                // Of some, none that JSON could tell.
                cost: f64::from(number) / f64::from(number % 2),
                latency: Some(f32::from(number)),
                ..Score::default()
            });
            decision.scored(&scores);
        }
        Write::Asked(index) => decision.asked(index),
        Write::Declined(index) => decision.declined(index, Verdict::Declined),
        Write::WouldAsk(index) => decision.would_ask(index),
        Write::Left(left) => decision.upstream_left(left as u32, Some(left)),
        Write::EndedWell(number, at) => decision.attempt_ended(number, after(started, at), Ok(AttemptResult::Answered)),
        Write::Failed(number, at) => {
            let failure = Failure::new(Kind::Network, "as told");
            decision.attempt_ended(number, after(started, at), Err(&failure));
        }
        Write::Served => decision.served(CacheStatus::Stale, Some("l2")),
        Write::End(number) => decision.end(Ended {
            code: Some(Kind::Timeout),
            waits: None,
            took_us: number,
            first_event_us: Some(number),
            bytes: number,
            usage: Some(Usage {
                input_tokens: number,
                cached_input_tokens: number,
                output_tokens: number,
                cost_nano_usd: Some(number),
            }),
            cost: Some(number),
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_written_the_bounds_hold_and_rendering_comes_back_as_it_was(
        writes in writes(),
        resource in "\\PC{0,120}",
        labels in proptest::collection::vec(("[a-z]{1,9}", "[a-z]{0,400}"), 0..12),
    ) {
        let started = Instant::now();
        let mut call = call(&resource);
        let texts = |(name, value): &(String, String)| (Arc::from(&**name), Arc::from(&**value));
        call.attributes.labels = labels.iter().map(texts).collect();
        call.estimate = Some(Estimate::default());
        let mut decision = Decision::default();
        decision.begin(&call, started, 5);
        let mut attempts = 0;
        for write in &writes {
            apply(&mut decision, &call, started, write);
            attempts += usize::from(matches!(write, Write::Attempt(_)));
        }
        let explained = render(&decision);
        prop_assert!(explained.candidates.len() <= CANDIDATES);
        prop_assert!(explained.route.rules.len() <= ROWS);
        prop_assert!(explained.attempts.len() <= ROWS && explained.call.labels.len() <= ROWS);
        prop_assert_eq!(explained.attempts.len() + explained.attempts_left_out as usize, attempts);
        prop_assert_eq!(explained.call.labels.len() + explained.call.labels_left_out as usize, labels.len());
        if let Some(Write::Routed(count, _)) = writes.iter().rev().find(|write| matches!(write, Write::Routed(..))) {
            prop_assert_eq!(explained.candidates.len() + explained.candidates_left_out as usize, *count);
        }
        let names: std::collections::BTreeSet<_> = explained.candidates.iter().map(|one| &one.instance).collect();
        prop_assert_eq!(names.len(), explained.candidates.len(), "each candidate stands there once");
        let json = serde_json::to_string(&explained).unwrap();
        let back: Explained = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back, explained);
        decision.clear();
        let nothing = serde_json::to_value(render(&decision)).unwrap();
        prop_assert_eq!(nothing, serde_json::to_value(render(&Decision::default())).unwrap());
    }
}

#[test]
fn who_is_asked_is_among_the_candidates_that_are_kept() {
    let started = Instant::now();
    let call = call("acme/thing");
    let mut decision = Decision::default();
    decision.begin(&call, started, 0);
    decision.routed(&call, &set(1_000, Some(3)), Rules::default());
    for (number, asked) in [(1, 999), (2, 15), (3, 500)] {
        decision.attempt(started);
        decision.look(|_| Seen {
            verdict: Verdict::Available,
            in_flight: 2,
            expected: None,
            cost: None,
        });
        decision.asked(asked);
        decision.attempt_ended(number, started, Err(&Failure::new(Kind::Network, "as told")));
        decision.then(Why::Failover, Duration::ZERO);
    }
    let explained = render(&decision);
    assert_eq!(explained.first_choice.as_deref(), Some("i999"));
    assert_eq!((explained.candidates.len(), explained.candidates_left_out), (16, 984));
    let asked = explained.candidates.iter().filter(|candidate| candidate.asked > 0);
    let asked: std::collections::BTreeSet<_> = asked.map(|candidate| &*candidate.instance).collect();
    assert_eq!(asked, ["i15", "i500", "i999"].into());
    let of: Vec<_> = explained
        .attempts
        .iter()
        .map(|attempt| attempt.instance.as_deref())
        .collect();
    assert_eq!(of, [Some("i999"), Some("i15"), Some("i500")]);
    assert_eq!((explained.route.by, explained.route.rule), (RoutedBy::Rule, Some(3)));
}

#[test]
fn one_that_could_not_take_the_attempt_was_not_asked() {
    let started = Instant::now();
    let call = call("acme/thing");
    let mut decision = Decision::default();
    decision.begin(&call, started, 0);
    decision.routed(&call, &set(2, None), Rules::default());
    decision.attempt(started);
    decision.asked(0);
    decision.declined(0, Verdict::Declined);
    assert_eq!(render(&decision).first_choice, None);
    decision.asked(1);
    decision.attempt_ended(1, started, Ok(AttemptResult::Answered));
    let explained = render(&decision);
    assert_eq!(
        (explained.candidates[0].verdict, explained.candidates[0].asked),
        (Verdict::Declined, 0)
    );
    assert_eq!(
        (explained.candidates[1].verdict, explained.candidates[1].asked),
        (Verdict::Asked, 1)
    );
    assert_eq!(explained.first_choice.as_deref(), Some("i1"));
    assert_eq!(explained.attempts[0].instance.as_deref(), Some("i1"));
}

#[test]
fn the_rule_that_decides_is_among_those_that_are_kept() {
    let tried = |number, result, shadow| RuleTried::new(number, result, shadow);
    for decides in [RuleResult::Matched, RuleResult::NobodyAble] {
        let mut every = Every::default();
        every
            .0
            .extend((0..11).map(|number| tried(number, RuleResult::Resource, false)));
        every.0.push(tried(11, decides, false));
        every.0.push(tried(4, RuleResult::Otherwise, true));
        let mut decision = Decision::default();
        decision.refused(every.few());
        let told = render(&decision).route;
        let rules: Vec<_> = told.rules.iter().map(|rule| rule.rule).collect();
        assert_eq!((rules, told.rules_left_out), (vec![0, 1, 2, 3, 4, 5, 6, 11], 5));
        assert_eq!(told.rule, Some(11));
        assert_eq!(every.explained().len(), 13);
    }
}

#[test]
fn those_of_a_later_tier_are_told_apart_while_an_earlier_one_can_be_asked() {
    let call = call("acme/thing");
    let tier = |range| Tier { range, credits: false };
    let mut tiered = set(4, Some(0));
    Arc::get_mut(&mut tiered).unwrap().tiers = vec![tier(0..1), tier(1..4)];
    let mut decision = Decision::default();
    decision.begin(&call, Instant::now(), 0);
    decision.routed(&call, &tiered, Rules::default());
    let seen = [
        Verdict::NoCredits,
        Verdict::Available,
        Verdict::Scarce,
        Verdict::CircuitOpen,
    ];
    let look = |decision: &mut Decision| {
        decision.look(|index| Seen {
            verdict: seen[index],
            in_flight: 0,
            expected: None,
            cost: None,
        });
    };
    let verdicts = |decision: &Decision| -> Vec<_> {
        let candidates = render(decision).candidates;
        candidates.iter().map(|candidate| candidate.verdict).collect()
    };
    look(&mut decision);
    decision.would_ask(1);
    assert_eq!(
        verdicts(&decision),
        seen,
        "of its own tier and of an earlier one, nothing is said"
    );
    decision.would_ask(0);
    let lower = [
        Verdict::NoCredits,
        Verdict::LowerTier,
        Verdict::LowerTier,
        Verdict::CircuitOpen,
    ];
    assert_eq!(verdicts(&decision), lower);
}

/// What is documented of the shape: a program that reads it relies on each word.
#[test]
fn the_shape_is_stable() {
    let started = Instant::now();
    let mut call = call("b~acme/thing");
    call.id = Arc::from("one");
    let mut decision = Decision::default();
    decision.begin(&call, started, 1_700_000_000_000);
    decision.routed(&call, &set(1, None), Rules::default());
    decision.passed(Phase::Lookup, started + Duration::from_micros(3));
    decision.attempt(started + Duration::from_micros(4));
    decision.asked(0);
    decision.attempt_ended(1, started + Duration::from_micros(9), Ok(AttemptResult::Answered));
    decision.served(CacheStatus::Miss, None);
    decision.end(Ended {
        took_us: 10,
        bytes: 2,
        ..Ended::default()
    });
    let expected = serde_json::json!({
        "id": "one",
        "at_unix_ms": 1_700_000_000_000_u64,
        "call": {
            "tenant": "t", "operation": "t.read", "resource": "acme/thing", "instance": "b",
            "priority": "normal", "payload_bytes": 0,
        },
        "phases": { "looked_up_us": 3 },
        "route": { "by": "resource", "basis": "only", "rules": [] },
        "candidates": [{ "instance": "i0", "verdict": "asked", "asked": 1 }],
        "first_choice": "i0",
        "attempts": [{ "instance": "i0", "why": "first", "began_us": 4, "ended_us": 9, "result": "answered" }],
        "cache": { "status": "miss" },
        "cost": {},
        "outcome": { "took_us": 10, "bytes": 2 },
    });
    assert_eq!(serde_json::to_value(render(&decision)).unwrap(), expected);
}

#[test]
fn a_record_is_as_small_as_is_said() {
    let kept = DecisionSettings::default();
    let bytes = std::mem::size_of::<Decision>() * (kept.kept + kept.under_way);
    assert!(bytes <= 16 << 20, "{bytes} bytes when all are in use");
}
