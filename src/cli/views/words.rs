//! What stands in the cells of those who run a gateway, in people's words.
//!
//! Invariant: unknown words are shown as they are, and count as well.

use serde_json::Value;

use crate::cli::render::cell;
use crate::cli::times;

/// 0 for what is out of service, 1 for what is ill or on its way, 2 for the rest; unknown words are well.
pub fn wellness(row: &Value) -> u8 {
    let word = |place| row.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let words = [
        "/life",
        "/health/state",
        "/state",
        "/breaker/state",
        "/traffic/breaker/state",
    ]
    .map(word);
    let any = |ill: &[&str]| words.iter().any(|word| ill.contains(word));
    if any(&["failed", "unhealthy", "open", "forced_open", "gave_up"]) || word("/traffic/outcome") == "failed" {
        0
    } else if any(&[
        "half_open",
        "stopped",
        "stopping",
        "updating",
        "discovered",
        "validated",
        "loaded",
    ]) {
        1
    } else {
        2
    }
}

/// A breaker's state, and why it was forced where it was.
pub fn breaker(breaker: &Value) -> String {
    let text = |name| breaker.get(name).and_then(Value::as_str);
    let state = text("state").unwrap_or_default();
    match text("reason").or_else(|| text("why")) {
        Some(why) => format!("{state} ({why})"),
        None => state.to_owned(),
    }
}

/// A sentence as it is; a failure with its code and its age.
pub fn error(value: &Value) -> String {
    let text = |name| value.get(name).and_then(Value::as_str);
    let age = value
        .get("ago_ms")
        .map(|ms| format!(", {}", ago(ms)))
        .unwrap_or_default();
    match (text("code"), text("message")) {
        (Some(code), Some(message)) => format!("{code}{age}: {message}"),
        _ => cell(value),
    }
}

/// Of several limits that of which the least part is left: `12/5000 core`.
pub fn tightest(limits: &Value) -> String {
    let known = limits.as_array().into_iter().flatten().filter_map(|limit| {
        let number = |name| limit.get(name).and_then(Value::as_u64);
        let (remaining, granted) = (number("remaining")?, number("limit"));
        let resource = limit.get("resource").and_then(Value::as_str).unwrap_or_default();
        let shown = match granted {
            Some(granted) => format!("{remaining}/{granted} {resource}"),
            None => format!("{remaining} {resource}"),
        };
        Some((remaining as f64 / granted.unwrap_or(remaining).max(1) as f64, shown))
    });
    let least = known.min_by(|(one, _), (other, _)| one.total_cmp(other));
    least.map(|(_, shown)| shown).unwrap_or_default()
}

/// A share of less than all, in percent.
pub fn part(share: &Value) -> String {
    let less = share.as_f64().filter(|share| *share < 1.0);
    less.map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default()
}

/// A span for people.
pub fn span(ms: &Value) -> String {
    ms.as_u64().map(times::span).unwrap_or_default()
}

/// How long ago something was.
pub fn ago(ms: &Value) -> String {
    ms.as_u64().map(times::ago).unwrap_or_default()
}

/// The same of a time since the Unix epoch.
pub fn since_unix(ms: &Value) -> String {
    ms.as_u64().map(times::since_unix).unwrap_or_default()
}

/// The same of a time of RFC 3339.
pub fn since_text(text: &Value) -> String {
    text.as_str().map(times::since_text).unwrap_or_default()
}
