//! The words and numbers of a decision record, for people.
//!
//! Invariant: every word of the engine's has one here, whatever a newer one may add.

use mosaic_actors::decision::{Explained, RuleExplained, RuleResult};
use mosaic_actors::policy::balance::Basis;
use serde::Serialize;
use serde_json::Value;

/// A word of the engine's as its JSON has it.
pub(super) fn word(word: impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(Value::String(text)) => text.replace('_', " "),
        _ => String::new(),
    }
}

/// What trying a rule came to.
pub(super) fn tried(rule: &RuleExplained) -> String {
    match (rule.result, rule.shadow) {
        (RuleResult::Matched, _) => "matched".to_owned(),
        (RuleResult::NobodyAble, false) => "matched, and none of its providers can do this".to_owned(),
        (RuleResult::AsDecided, _) => "in shadow: matched, would decide the same".to_owned(),
        (RuleResult::Otherwise, _) => "in shadow: matched, would decide otherwise".to_owned(),
        (differs, true) => format!("in shadow: no: {}", word(differs)),
        (differs, false) => format!("no: {}", word(differs)),
    }
}

/// What the choice among the candidates went by.
pub(super) const fn chosen_by(basis: Basis) -> &'static str {
    match basis {
        Basis::Only => "chosen because there was no other",
        Basis::Turn => "chosen by turn",
        Basis::Load => "chosen by the fewest attempts in flight",
        Basis::ResponseTime => "chosen by response time",
        Basis::Affinity => "chosen by affinity: what belongs together goes to one",
        Basis::Learned => "chosen by what was learned",
        Basis::Explored => "chosen to learn more: little was known of it lately",
        Basis::Fallback => "chosen by response time, as too little was learned so far",
        Basis::Nearest => "chosen as the nearest",
        Basis::Canary => "chosen as a trial takes its share of calls",
        Basis::Tier => "chosen because the rule prefers it",
        Basis::Again => "chosen because it was asked, or waited for, before",
    }
}

/// What the scores are, where there are some.
pub(super) fn scored(told: &Explained) -> Option<&'static str> {
    let scored = told.candidates.iter().any(|row| row.score.is_some());
    let learned = told.candidates.iter().any(|row| row.predicted_failure.is_some());
    scored.then_some(match (told.route.basis, learned) {
        (_, true) => "expected seconds, failures and money, as the rule weighs them",
        (Basis::Nearest | Basis::Explored, false) => "seconds that an answer was measured to take",
        _ => "expected seconds times the attempts that would be in flight, for its weight",
    })
}

/// With three significant digits.
pub(super) fn significant(number: f32) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let places = (2.0 - number.abs().log10().floor()).clamp(0.0, 12.0);
    format!("{number:.*}", places as usize)
}

/// Billionths of a dollar.
pub(super) fn dollars(nano: u64) -> String {
    let digits = format!("{:09}", nano % 1_000_000_000);
    let cents = digits.trim_end_matches('0');
    format!("${}.{cents:0<2}", nano / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_what_they_say() {
        let shown = [0.000_123_456, 0.02, 1.5, 123.456, 98_765.0, 0.0].map(significant);
        assert_eq!(shown, ["0.000123", "0.0200", "1.50", "123", "98765", "0"]);
        let shown = [70, 1_500_000_000, 12_345_678_901, 0].map(dollars);
        assert_eq!(shown, ["$0.00000007", "$1.50", "$12.345678901", "$0.00"]);
    }
}
