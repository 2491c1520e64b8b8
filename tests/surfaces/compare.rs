//! Where two documents differ.

use serde_json::Value;

/// The places at which two documents differ, with what each has there.
pub fn differences(one: &Value, other: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look("", one, other, &mut found);
    found
}

fn look(place: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(fields), Value::Object(others)) => {
            let names = fields
                .keys()
                .chain(others.keys().filter(|name| !fields.contains_key(*name)));
            for name in names {
                let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                look(&format!("{place}/{name}"), &of(fields), &of(others), found);
            }
        }
        (Value::Array(values), Value::Array(others)) if values.len() == others.len() => {
            for (at, (value, other)) in values.iter().zip(others).enumerate() {
                look(&format!("{place}/{at}"), value, other, found);
            }
        }
        _ if one == other => {}
        _ => found.push(format!("{place}: {one} and {other}")),
    }
}
