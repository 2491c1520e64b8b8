//! A decision record in OpenAPI documents: its schema, and one of them.
//!
//! Invariant: whatever a record may hold is in the schema by its name.

use serde_json::{Value, json};

/// The schemas of a record and of a list of them.
pub(crate) fn schemas() -> [(String, Value); 2] {
    let list = json!({
        "type": "object",
        "required": ["decisions"],
        "properties": {
            "decisions": { "type": "array", "items": { "$ref": "#/components/schemas/Decision" } },
        },
    });
    [("Decision".to_owned(), decision()), ("Decisions".to_owned(), list)]
}

fn text(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

fn count(about: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": about })
}

fn number(about: &str) -> Value {
    json!({ "type": "number", "description": about })
}

fn flag(about: &str) -> Value {
    json!({ "type": "boolean", "description": about })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn list(items: &Value, about: &str) -> Value {
    json!({ "type": "array", "items": items, "description": about })
}

fn decision() -> Value {
    let mut decision = object(
        &[
            "id",
            "at_unix_ms",
            "call",
            "phases",
            "route",
            "candidates",
            "attempts",
            "cache",
            "cost",
        ],
        json!({
            "id": text("The call's request id. Callers may choose it, so several calls may have the same."),
            "at_unix_ms": count("When the call came, in milliseconds since the Unix epoch."),
            "at": { "type": "string", "format": "date-time", "description": "The same." },
            "dry_run": flag("The call was not made."),
            "call": call(),
            "stands_for": list(&model(), "Of a dry run of a name for several models: those, in their order."),
            "phases": phases(),
            "route": route(),
            "candidates": list(&candidate(), "Who could have been asked; at most 16, those that were asked among them."),
            "candidates_left_out": count("Candidates that there was no room for."),
            "first_choice": text("Who was asked first, or would be."),
            "attempts": list(&attempt(), "The attempts in their order; at most 8."),
            "attempts_left_out": count("Attempts that there was no room for."),
            "cache": object(&[], json!({
                "status": text("What the cache did: hit, miss, stale, revalidated, bypass or collapsed."),
                "tier": text("The tier that served it."),
                "coalesced": flag("It shared what another caller's equal call came to."),
            })),
            "limits": object(&["in_flight"], json!({
                "remaining": count("Calls of the tenant that would have passed after this one."),
                "in_flight": count("The tenant's calls in flight, without this one."),
                "max_in_flight": count("The bound on them; absent: none."),
            })),
            "cost": object(&[], json!({
                "estimated_input_tokens": count("Tokens to be read, as guessed before."),
                "max_output_tokens": count("The most that may be written, as asked for."),
                "input_tokens": count("Tokens that were read, as the provider counted them."),
                "output_tokens": count("Tokens that were written."),
                "cost_nano_usd": count("What the call did cost, in billionths of a US dollar."),
            })),
            "outcome": object(&["took_us", "bytes"], json!({
                "code": text("The code of its failure; absent: it was served."),
                "waits": text("Of a call that was not made: what it would wait for, a place or its turn."),
                "took_us": count("Until the end of its body."),
                "first_event_us": count("Until the first event of its stream."),
                "bytes": count("Bytes of its body, where they are known."),
            })),
        }),
    );
    decision["description"] =
        "What was decided for one call, and why. Times are microseconds since the call came, where a name \
                               does not say otherwise. What is not known is absent."
            .into();
    decision
}

fn call() -> Value {
    object(
        &["tenant", "operation", "resource", "priority", "payload_bytes"],
        json!({
            "tenant": text("Who pays."),
            "operation": text("The operation."),
            "resource": text("What it is about: its first 96 bytes."),
            "resource_cut": flag("The resource is longer."),
            "instance": text("The instance that the resource names."),
            "provider": text("The instance that the caller insists on."),
            "priority": text("How urgent it is."),
            "performance": text("What it needs most."),
            "payload_bytes": count("The size of its input, in bytes."),
            "model": text("The model that it names."),
            "labels": list(&list(&text("A name, or its value."), "A label."), "Its labels; at most 8."),
            "model_left_out": flag("It names a model whose name is too long to be kept."),
            "labels_left_out": count("Labels that there was no room for."),
            "estimate": object(&["input_tokens"], json!({
                "input_tokens": count("Tokens to be read, as guessed before."),
                "max_output_tokens": count("The most that may be written."),
            })),
            "affinity": count("Equal for calls that are best served by one provider."),
        }),
    )
}

fn model() -> Value {
    object(
        &["model", "verdict"],
        json!({
            "model": text("The model."),
            "verdict": text("asked: what is told here is of it; refused: it could not be asked now; behind: its turn does not come."),
            "code": text("The code of what refuses it."),
        }),
    )
}

fn phases() -> Value {
    object(
        &[],
        json!({
            "admitted_us": count("Admission had ended."),
            "routed_us": count("Routing had ended."),
            "looked_up_us": count("The lookup in memory had ended."),
        }),
    )
}

fn route() -> Value {
    let rule = object(
        &["rule", "result"],
        json!({
            "rule": count("Its place in the configuration, from 0."),
            "result": text("What trying it came to: matched, or what of it the call does not meet."),
            "shadow": flag("It is only looked at, not applied."),
            "expected_cost_nano_usd":
                count("What the call was expected to cost at the dearest of its providers, where it looks at that."),
            "words": text("What it is called, or asks of calls; to those who run the gateway alone."),
        }),
    );
    object(
        &["by", "rules"],
        json!({
            "by": text("How candidates were found: not_routed, resource, provider, rule, home or refused."),
            "rule": count("The rule that matched."),
            "words": text("What the rule that matched is called, or what it asks of calls."),
            "basis": text("What the last choice among the candidates went by."),
            "rules": list(
                &rule,
                "The rules that were tried, in order; at most 8, the one that decided among them. Of a call that was not \
                 made, all.",
            ),
            "rules_left_out": count("Rules that there was no room for."),
        }),
    )
}

fn candidate() -> Value {
    object(
        &["instance", "verdict"],
        json!({
            "instance": text("The provider instance."),
            "verdict": text(
                "How it stood: available, asked, circuit_open, limited, full, paced, no_credits, lower_tier and so on.",
            ),
            "asked": count("How often it was asked."),
            "score": number("What its balancer made of it: the lower, the better."),
            "predicted_seconds": number("What an attempt there was expected to take."),
            "predicted_failure": number("The probability of a failure that was expected."),
            "predicted_dollars": number("The money that was expected."),
            "in_flight": count("Attempts that were in flight there."),
            "expected_us": count("What an attempt there was measured to take."),
            "expected_cost_nano_usd": count("What an attempt there would cost at most, in billionths of a US dollar."),
        }),
    )
}

fn attempt() -> Value {
    object(
        &["why", "began_us", "result"],
        json!({
            "instance": text("Who was asked; absent: nobody could be."),
            "why": text("Why it was made: first, retry, failover, anew or hedge."),
            "waited_us": count("How long was waited before it."),
            "began_us": count("When it began."),
            "ended_us": count("When it ended; of a stream: when its head came."),
            "result": text("How it ended: answered, unchanged, failed or unfinished."),
            "code": text("The code of its failure."),
            "upstream_remaining": count("The least that was left of the limits that its provider tells of."),
        }),
    )
}

/// A call that was served by the second of two mirrors.
pub(super) fn example() -> Value {
    json!({
        "id": "0197a2f0-7c1e-7b3a-9d52-3c1f0e6f9a11",
        "at_unix_ms": 1_790_000_000_000_u64,
        "at": "2026-09-21T14:13:20Z",
        "call": {
            "tenant": "acme", "operation": "git.repo.get", "resource": "acme/api", "priority": "normal", "payload_bytes": 19,
        },
        "phases": { "looked_up_us": 21 },
        "route": {
            "by": "rule", "rule": 1, "words": "service git, resource acme/*", "basis": "turn",
            "rules": [{ "rule": 0, "result": "resource" }, { "rule": 1, "result": "matched" }],
        },
        "candidates": [
            { "instance": "forge", "verdict": "excluded_after_failure", "asked": 1 },
            { "instance": "mirror", "verdict": "asked", "asked": 1, "expected_us": 41_000 },
        ],
        "first_choice": "forge",
        "attempts": [
            { "instance": "forge", "why": "first", "began_us": 40, "ended_us": 5_300, "result": "failed", "code": "network" },
            { "instance": "mirror", "why": "failover", "began_us": 5_400, "ended_us": 44_100, "result": "answered" },
        ],
        "cache": { "status": "miss" },
        "limits": { "remaining": 99, "in_flight": 0, "max_in_flight": 100 },
        "cost": {},
        "outcome": { "took_us": 44_300, "bytes": 412 },
    })
}

#[cfg(test)]
mod tests {
    use mosaic_actors::decision::Explained;

    use super::*;

    /// Each name in `value`, at whatever depth, is a property of the schema there.
    fn is_described(value: &Value, schema: &Value, at: &str) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let place = format!("{at}/{name}");
                    let schema = schema["properties"].get(name);
                    is_described(value, schema.unwrap_or_else(|| panic!("{place}")), &place);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| is_described(item, &schema["items"], at)),
            _ => {}
        }
    }

    #[test]
    fn the_example_is_a_record_and_is_described() {
        let read: Explained = serde_json::from_value(example()).expect("a record");
        assert_eq!(read.attempts.len(), 2);
        is_described(&example(), &decision(), "");
        is_described(&json!(read), &decision(), "");
        let validator = jsonschema::validator_for(&decision()).expect("a schema");
        assert!(validator.is_valid(&example()) && validator.is_valid(&json!(read)));
    }

    #[test]
    fn a_record_of_everything_is_described() {
        let mut all = json!({
            "id": "i", "at_unix_ms": 1, "dry_run": true, "candidates_left_out": 1, "first_choice": "a", "attempts_left_out": 1,
            "call": {
                "tenant": "t", "operation": "o", "resource": "r", "resource_cut": true, "instance": "a", "provider": "a",
                "priority": "low", "performance": "low_latency", "payload_bytes": 1, "model": "m", "labels": [["a", "b"]],
                "labels_left_out": 1, "affinity": 7, "model_left_out": true, "estimate": { "input_tokens": 1, "max_output_tokens": 2 },
            },
            "phases": { "admitted_us": 1, "routed_us": 2, "looked_up_us": 3 },
            "route": {
                "by": "rule", "rule": 1, "rules": [{ "rule": 0, "result": "matched", "shadow": true, "expected_cost_nano_usd": 7 }], "rules_left_out": 1,
            },
            "candidates": [{
                "instance": "a", "verdict": "asked", "asked": 1, "score": 1.5, "predicted_seconds": 0.5, "predicted_failure": 0.5,
                "predicted_dollars": 0.5, "in_flight": 1, "expected_us": 1, "expected_cost_nano_usd": 7,
            }],
            "attempts": [{
                "instance": "a", "why": "retry", "waited_us": 1, "began_us": 1, "ended_us": 2, "result": "failed",
                "code": "network", "upstream_remaining": 1,
            }],
            "cache": { "status": "miss", "tier": "l1", "coalesced": true },
            "limits": { "remaining": 1, "in_flight": 1, "max_in_flight": 1 },
            "cost": {
                "estimated_input_tokens": 1, "max_output_tokens": 1, "input_tokens": 1, "output_tokens": 1, "cost_nano_usd": 1,
            },
            "outcome": { "code": "network", "waits": "place", "took_us": 1, "first_event_us": 1, "bytes": 1 },
        });
        let read: Explained = serde_json::from_value(all.clone()).expect("a record");
        let written = json!(read);
        is_described(&written, &decision(), "");
        // Nothing of it was dropped: what it has beside is what a record always has.
        all["route"]["basis"] = written["route"]["basis"].clone();
        assert_eq!(written, all);
    }
}
