//! A decision record for people: from how its call was routed to what it cost, in the order in which it happened.
//!
//! Invariant: what the record does not tell is left out, never guessed; one that this program is too old to read is shown as
//! any document is.

use mosaic_actors::decision::{
    AttemptExplained, Awaited, CandidateExplained, CostExplained, Explained, LimitsExplained, OutcomeExplained,
};
use serde_json::Value;

use super::reasons::{chosen_by, dollars, scored, significant, tried, word};
use super::render;
use super::screen::{Screen, clean};
use super::times::since_unix;

/// The columns of a bar.
const BAR: u64 = 24;
/// How wide the words are that stand before each part.
const HEAD: usize = 11;

/// The record as text.
pub fn waterfall(document: &Value, screen: &Screen) -> String {
    match serde_json::from_value::<Explained>(document.clone()) {
        Ok(told) => clean(&text(&told, document, screen)),
        Err(_) => render::document(document, None, screen),
    }
}

fn text(told: &Explained, document: &Value, screen: &Screen) -> String {
    let mut lines = vec![head(told)];
    lines.extend(stands_for(document).map(|models| line("models", &models)));
    lines.push(line("route", &route(told, document)));
    lines.extend(rules(told, document));
    if !told.candidates.is_empty() {
        lines.push(line("candidates", &left_out(told.candidates_left_out)));
        lines.push(indented(&candidates(&told.candidates, screen)));
        lines.extend(scored(told).map(|words| format!("  score: {words}; lower is better")));
    }
    if let Some(first) = &told.first_choice {
        let asked = if told.dry_run {
            "would be asked first"
        } else {
            "was asked first"
        };
        lines.push(line("choice", &format!("{first} {asked}")));
    }
    if !told.attempts.is_empty() {
        lines.push(line("attempts", &left_out(told.attempts_left_out)));
        lines.push(indented(&attempts(told, screen)));
    }
    lines.push(line("cache", &cache(told)));
    lines.extend(told.limits.as_ref().map(|limits| line("limits", &limits_of(limits))));
    lines.extend(cost(&told.cost, expected_cost(told)).map(|cost| line("cost", &cost)));
    lines.extend(
        told.outcome
            .as_ref()
            .map(|outcome| line("outcome", &outcome_of(outcome, told))),
    );
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// The models of a name for several, with what refuses those that could not be asked.
fn stands_for(document: &Value) -> Option<String> {
    let row = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        match (text("verdict"), text("code")) {
            (_, code) if !code.is_empty() => format!("{} ({code})", text("model")),
            ("asked", _) => format!("{} (this one)", text("model")),
            _ => text("model").to_owned(),
        }
    };
    let rows: Vec<String> = document["stands_for"].as_array()?.iter().map(row).collect();
    Some(rows.join(", then "))
}

fn line(head: &str, rest: &str) -> String {
    format!("{head:<HEAD$}{rest}").trim_end().to_owned()
}

fn indented(table: &str) -> String {
    let lines: Vec<String> = table.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

fn left_out(count: u32) -> String {
    match count {
        0 => String::new(),
        count => format!("and {count} more, for which there was no room"),
    }
}

fn head(told: &Explained) -> String {
    let call = &told.call;
    let resource = match &call.instance {
        Some(instance) => format!("{instance}~{}", call.resource),
        None => call.resource.to_string(),
    };
    let cut = if call.resource_cut { "…" } else { "" };
    let when = match told.dry_run {
        true => "not made".to_owned(),
        false => since_unix(told.at_unix_ms),
    };
    let id = match told.id.is_empty() {
        true => String::new(),
        false => format!("  [{}]", told.id),
    };
    format!(
        "{} {resource}{cut}, of tenant {}, {when}{id}",
        call.operation, call.tenant
    )
}

fn route(told: &Explained, document: &Value) -> String {
    let mut parts = vec![match (told.route.rule, document["route"]["words"].as_str()) {
        (Some(rule), Some(words)) => format!("rule {rule} ({words})"),
        (Some(rule), None) => format!("rule {rule}"),
        (None, _) => word(told.route.by),
    }];
    if let Some(provider) = &told.call.provider {
        parts.push(format!("{provider} was asked for"));
    }
    if told.candidates.len() > 1 {
        parts.push(chosen_by(told.route.basis).to_owned());
    }
    parts.join(", ")
}

fn rules(told: &Explained, document: &Value) -> Vec<String> {
    let rows = told.route.rules.iter().enumerate().map(|(at, rule)| {
        let words = document["route"]["rules"][at]["words"].as_str();
        let words = words.map(|words| format!(" ({words})")).unwrap_or_default();
        let expected = rule.expected_cost_nano_usd.map(dollars);
        let expected = expected
            .map(|dollars| format!(" ({dollars} expected)"))
            .unwrap_or_default();
        format!("  rule {}{words}: {}{expected}", rule.rule, tried(rule))
    });
    let more = left_out(told.route.rules_left_out);
    let more = (!more.is_empty()).then(|| format!("  {more}"));
    rows.chain(more).collect()
}

/// What the call was expected to cost at whoever is asked first.
fn expected_cost(told: &Explained) -> Option<u64> {
    let first = told.first_choice.as_ref()?;
    let mut rows = told.candidates.iter();
    rows.find(|row| row.instance == *first)?.expected_cost_nano_usd
}

fn candidates(rows: &[CandidateExplained], screen: &Screen) -> String {
    let columns = ["provider", "verdict", "asked", "in-flight", "expected", "cost", "score"].map(str::to_owned);
    let rows = rows.iter().map(|row| {
        let asked = match row.asked {
            0 => String::new(),
            times => times.to_string(),
        };
        let expected = row.expected_us.map(|us| millis(us.into())).unwrap_or_default();
        let in_flight = row.in_flight.to_string();
        vec![
            row.instance.to_string(),
            word(row.verdict),
            asked,
            in_flight,
            expected,
            row.expected_cost_nano_usd.map(dollars).unwrap_or_default(),
            row.score.map(significant).unwrap_or_default(),
        ]
    });
    render::table(&columns, rows.collect(), screen)
}

fn attempts(told: &Explained, screen: &Screen) -> String {
    let ends = told.attempts.iter().map(|row| row.ended_us.unwrap_or(row.began_us));
    let whole = told.outcome.map_or(0, |outcome| outcome.took_us);
    let whole = ends.chain([whole]).max().unwrap_or(0).max(1);
    let columns = ["provider", "why", "from", "took", "result", "when"].map(str::to_owned);
    let rows = told.attempts.iter().map(|row| {
        let took = row.ended_us.map(|end| millis(end.saturating_sub(row.began_us)));
        vec![
            row.instance.as_deref().unwrap_or("nobody").to_owned(),
            word(row.why),
            millis(row.began_us),
            took.unwrap_or_default(),
            result(row),
            bar(row, whole),
        ]
    });
    render::table(&columns, rows.collect(), screen)
}

fn result(row: &AttemptExplained) -> String {
    match row.code {
        Some(code) => format!("{}: {code}", word(row.result)),
        None => word(row.result),
    }
}

/// Where in the whole time an attempt lies.
fn bar(row: &AttemptExplained, whole: u64) -> String {
    let at = |us: u64| u64::try_from(u128::from(us.min(whole)) * u128::from(BAR) / u128::from(whole)).unwrap_or(BAR);
    let began = at(row.began_us).min(BAR - 1);
    let ended = at(row.ended_us.unwrap_or(whole)).max(began + 1);
    let column = |at| if (began..ended).contains(&at) { '█' } else { '·' };
    (0..BAR).map(column).collect()
}

fn millis(us: u64) -> String {
    format!("{}.{} ms", us / 1_000, us % 1_000 / 100)
}

fn cache(told: &Explained) -> String {
    let Some(status) = told.cache.status else {
        return "not reached".to_owned();
    };
    let tier = told.cache.tier.as_ref().map(|tier| format!(", by {tier}"));
    let shared = if told.cache.coalesced {
        ", shared with an equal call"
    } else {
        ""
    };
    format!("{}{}{shared}", status.as_str(), tier.unwrap_or_default())
}

fn limits_of(limits: &LimitsExplained) -> String {
    let left = limits.remaining.map(|left| format!("{left} calls left, "));
    let most = limits.max_in_flight.map(|most| format!(" of {most}"));
    let (left, most) = (left.unwrap_or_default(), most.unwrap_or_default());
    format!("{left}{}{most} in flight", limits.in_flight)
}

fn cost(cost: &CostExplained, expected: Option<u64>) -> Option<String> {
    let tokens = |count: Option<u64>, what: &str| count.map(|count| format!("{count} tokens {what}"));
    let parts = [
        tokens(cost.input_tokens, "read"),
        tokens(cost.output_tokens, "written"),
        tokens(
            cost.estimated_input_tokens.filter(|_| cost.input_tokens.is_none()),
            "expected",
        ),
        cost.cost_nano_usd.map(dollars),
        expected.map(|nano| format!("{} at most expected", dollars(nano))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn outcome_of(outcome: &OutcomeExplained, told: &Explained) -> String {
    let first = told.first_choice.as_deref().unwrap_or("a provider");
    match (outcome.code, told.dry_run) {
        (Some(code), true) => format!("it would be refused now: {code}"),
        (None, true) => match outcome.waits {
            None => "it would be tried".to_owned(),
            Some(Awaited::Place) => format!("it would wait for a place at {first}"),
            Some(Awaited::Turn) => format!("it would wait for its turn at {first}, so that the quota there lasts"),
        },
        (Some(code), false) => format!("{code} after {}", millis(outcome.took_us)),
        (None, false) => format!("served in {}, {} bytes", millis(outcome.took_us), outcome.bytes),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bar_lies_where_its_attempt_lay_and_is_never_empty() {
        let row = |began_us: u64, ended_us: Option<u64>| -> AttemptExplained {
            let row = json!({ "why": "first", "began_us": began_us, "ended_us": ended_us, "result": "failed" });
            serde_json::from_value(row).unwrap()
        };
        let shown = |began, ended| bar(&row(began, ended), 100);
        assert_eq!(shown(0, Some(50)), format!("{}{}", "█".repeat(12), "·".repeat(12)));
        assert_eq!(shown(100, Some(100)), format!("{}█", "·".repeat(23)));
        assert_eq!(shown(50, None), format!("{}{}", "·".repeat(12), "█".repeat(12)));
        assert!(bar(&row(u64::MAX, Some(u64::MAX)), 1).ends_with('█'));
    }

    #[test]
    fn rules_in_shadow_and_what_would_be_waited_for_are_told_in_words() {
        let record = json!({
            "id": "", "at_unix_ms": 0, "dry_run": true, "phases": {}, "attempts": [], "cache": {}, "cost": {},
            "call": { "tenant": "t", "operation": "git.repo.get", "resource": "acme/api" },
            "route": { "by": "rule", "rule": 2, "basis": "tier", "rules": [
                { "rule": 0, "result": "cost", "expected_cost_nano_usd": 70 },
                { "rule": 2, "result": "matched" },
                { "rule": 1, "result": "otherwise", "shadow": true },
            ] },
            "candidates": [
                { "instance": "a", "verdict": "full", "expected_cost_nano_usd": 70, "score": 0.000_5 },
                { "instance": "b", "verdict": "no_credits" },
                { "instance": "c", "verdict": "lower_tier" },
            ],
            "first_choice": "a",
            "outcome": { "took_us": 7, "bytes": 0, "waits": "place" },
            "stands_for": [
                { "model": "x~m", "verdict": "refused", "code": "no_provider" },
                { "model": "a~m", "verdict": "asked" },
                { "model": "n", "verdict": "behind" },
            ],
        });
        let shown = waterfall(&record, &Screen::default());
        for words in [
            "models     x~m (no_provider), then a~m (this one), then n",
            "rule 0: no: cost ($0.00000007 expected)",
            "rule 1: in shadow: matched, would decide otherwise",
            "chosen because the rule prefers it",
            "no credits",
            "lower tier",
            "0.000500",
            "lower is better",
            "$0.00000007 at most expected",
            "it would wait for a place at a",
        ] {
            assert!(shown.contains(words), "{words}:\n{shown}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_shown_all_the_same() {
        let newer = json!({ "id": "7", "route": { "by": "the stars" } });
        assert!(waterfall(&newer, &Screen::default()).contains("the stars"));
    }
}
