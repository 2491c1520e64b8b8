//! The capability matrix, as people read it.
//!
//! Invariant: it shows the rows that the drivers' declarations make, and none of its own.

use serde_json::{Map, Value};

use super::screen::{Screen, Stop};
use super::show;

/// Shows the rows of one service, or all: for programs as they are, for people with a column for each kind.
///
/// # Errors
/// A terminal that cannot show it.
pub fn show(rows: &Value, service: Option<&str>, screen: &Screen) -> Result<(), Stop> {
    let of_service = |row: &&Value| {
        let name = row["name"].as_str().unwrap_or_default();
        service.is_none_or(|service| name.split('.').next() == Some(service))
    };
    let rows: Vec<&Value> = rows.as_array().into_iter().flatten().filter(of_service).collect();
    let document = match screen.json {
        true => rows.into_iter().cloned().collect(),
        false => columns(&rows),
    };
    show::document(document.to_string().as_bytes(), screen)
}

/// A column for each kind that can do anything here.
fn columns(rows: &[&Value]) -> Value {
    let words = |row: &Value, field: &str| -> Vec<String> {
        let words = row[field].as_array().into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut kinds: Vec<String> = rows.iter().flat_map(|row| words(row, "kinds")).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let columns = |row: &&Value| {
        let (able, emulated) = (words(row, "kinds"), words(row, "emulated"));
        let cell = |kind: &String| match (able.contains(kind), emulated.contains(kind)) {
            (_, true) => "emulated",
            (true, false) => "yes",
            (false, false) => "-",
        };
        let cells = kinds.iter().map(|kind| (kind.clone(), cell(kind).into()));
        let all: Map<String, Value> = [("operation".to_owned(), row["name"].clone())]
            .into_iter()
            .chain(cells)
            .collect();
        Value::Object(all)
    };
    rows.iter().map(columns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_has_a_cell_for_each_kind() {
        let rows = [
            json!({"name": "git.x.get", "kinds": ["a", "b"], "emulated": ["b"]}),
            json!({"name": "git.x.put", "kinds": ["a"], "emulated": []}),
        ];
        let shown = columns(&rows.iter().collect::<Vec<_>>());
        assert_eq!(
            shown,
            json!([
                {"operation": "git.x.get", "a": "yes", "b": "emulated"},
                {"operation": "git.x.put", "a": "yes", "b": "-"},
            ])
        );
    }
}
