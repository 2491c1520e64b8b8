//! A value in one cell of a table.
//!
//! Invariant: whatever has a name for people is shown by it, and nothing is lost without a word: what has none is JSON.

use serde_json::Value;

use crate::cli::screen::clean;

/// A value in one cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => (if *yes { "yes" } else { "no" }).to_owned(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Array(values) if !values.is_empty() && values.iter().all(|value| value["flagged"].is_boolean()) => {
            let hit = values.iter().filter(|value| value["flagged"] == true);
            let names: Vec<&str> = hit.filter_map(|value| value["name"].as_str()).collect();
            crate::wording::list(&names, "and")
        }
        Value::Array(values) if values.iter().all(|value| standing(value).is_some()) => {
            values.iter().filter_map(standing).collect::<Vec<_>>().join(", ")
        }
        Value::Array(values) if values.iter().all(|value| known_as(value).is_some()) => {
            values.iter().filter_map(known_as).collect::<Vec<_>>().join(", ")
        }
        person if known_as(person).is_some() => known_as(person).unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}

/// What is called something and stands somewhere, as steps do: both.
fn standing(value: &Value) -> Option<String> {
    Some(format!("{} ({})", value["name"].as_str()?, value["status"].as_str()?))
}

/// What somebody is known as; none where the value is more than a person.
fn known_as(value: &Value) -> Option<&str> {
    let person = value.as_object()?;
    let is_told = |name: &String| matches!(name.as_str(), "id" | "login" | "name" | "email" | "web_url");
    let mut names = ["login", "name", "id"]
        .iter()
        .filter_map(|name| person.get(*name)?.as_str());
    person.keys().all(is_told).then(|| names.next())?
}

/// A text in one line.
pub(super) fn one_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_in_a_cell_are_named() {
        let people = json!([{"login": "kim", "web_url": "https://h/kim"}, {"name": "Ada"}]);
        assert_eq!(cell(&people), "kim, Ada");
        assert_eq!(cell(&people[0]), "kim");
        assert!(cell(&json!([{"name": "a", "state": "running"}])).contains("running"));
    }
}
