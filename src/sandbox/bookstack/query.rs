//! How lists are asked for: filtered, sorted, and in parts.
//!
//! Invariant: as with BookStack itself, a filter of a field that the list does not have is ignored, and so is a strange
//! order.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{Response, Uri};
use serde_json::{Value, json};
use url::form_urlencoded::parse;

const DEFAULT_COUNT: usize = 100;
const MAX_COUNT: usize = 500;

/// The part of a list that a query asks for. `fields`: those of a row that it can be filtered and sorted by.
pub(super) fn listing(uri: &Uri, fields: &[&str], mut rows: Vec<Value>) -> Response<Body> {
    let query: Vec<(String, String)> = parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let text = |name: &str| {
        query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    };
    for (name, wanted) in &query {
        let inner = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']'));
        let Some((field, operator)) = inner.map(|inner| inner.split_once(':').unwrap_or((inner, "eq"))) else {
            continue;
        };
        if fields.contains(&field) {
            rows.retain(|row| holds(&plain(&row[field]), operator, wanted));
        }
    }
    let sort = text("sort").unwrap_or_default();
    let field = sort.trim_start_matches(['+', '-', ' ']);
    if fields.contains(&field) {
        rows.sort_by_cached_key(|row| (row[field].as_u64(), plain(&row[field])));
        if sort.starts_with('-') {
            rows.reverse();
        }
    }
    let number = |name: &str| text(name).and_then(|value| value.parse::<usize>().ok());
    let total = rows.len();
    let count = number("count").unwrap_or(DEFAULT_COUNT).clamp(1, MAX_COUNT);
    let rows: Vec<Value> = rows
        .into_iter()
        .skip(number("offset").unwrap_or(0))
        .take(count)
        .collect();
    Json(json!({ "data": rows, "total": total })).into_response()
}

/// As a database compares it: truth is a number there.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(truth) => u8::from(*truth).to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn holds(value: &str, operator: &str, wanted: &str) -> bool {
    let order = match (value.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(value), Ok(wanted)) => value.partial_cmp(&wanted),
        _ => Some(value.cmp(wanted)),
    };
    match operator {
        "eq" => value == wanted,
        "ne" => value != wanted,
        "gt" => order.is_some_and(std::cmp::Ordering::is_gt),
        "gte" => order.is_some_and(std::cmp::Ordering::is_ge),
        "lt" => order.is_some_and(std::cmp::Ordering::is_lt),
        "lte" => order.is_some_and(std::cmp::Ordering::is_le),
        "like" => value.to_lowercase().contains(&wanted.trim_matches('%').to_lowercase()),
        // Ignored, too.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_compare_as_a_database_does() {
        for (value, operator, wanted, held) in [
            ("10", "gt", "9", true),
            ("10", "lte", "9", false),
            ("a", "eq", "a", true),
            ("a", "ne", "a", false),
            ("Cats", "like", "%cat%", true),
            ("2026-01-02", "gte", "2026-01-01", true),
            ("2026-01-02", "lt", "2026-01-01", false),
            ("x", "between", "y", true),
        ] {
            assert_eq!(holds(value, operator, wanted), held, "{value} {operator} {wanted}");
        }
        assert_eq!(plain(&json!(false)), "0");
    }
}
