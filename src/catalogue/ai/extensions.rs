//! Fields that only one dialect of providers has.
//!
//! Invariant: one reaches a provider of its dialect untouched, and is refused by its name everywhere else.

use std::collections::BTreeMap;

use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most types of a list that a refusal names.
const MOST_KINDS: usize = 8;

/// Fields of a request by the dialect that knows them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Extensions(pub BTreeMap<String, Map<String, Value>>);

impl Extensions {
    /// No fields.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Map::is_empty)
    }

    /// The fields for `dialect`, whose `own` fields are written from what the input says elsewhere.
    ///
    /// # Errors
    /// `unsupported` on the first field of another dialect, `invalid_input` on one of `own`.
    pub fn of(&self, dialect: &str, own: &[&str]) -> Result<Map<String, Value>, Failure> {
        let mut its = Map::new();
        for (of, fields) in &self.0 {
            for (name, value) in fields {
                let place = format!("extensions.{of}.{name}");
                if of != dialect {
                    let sentence = format!("{place}{} is of another dialect than the provider's", kinds(value));
                    return Err(Failure::unsupported_field(place, sentence).never_sent());
                }
                if own.contains(&name.as_str()) {
                    let sentence = format!("{place} is said by a field of the input's own");
                    return Err(Failure::invalid(place, sentence).never_sent());
                }
                its.insert(name.clone(), value.clone());
            }
        }
        Ok(its)
    }
}

/// What a list holds, such as tools that only one provider has, by their types.
fn kinds(value: &Value) -> String {
    let plain = |kind: &&str| kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let rows = value.as_array().into_iter().flatten();
    let mut kinds: Vec<&str> = rows.filter_map(|row| row["type"].as_str()).filter(plain).collect();
    kinds.truncate(MOST_KINDS);
    match kinds.is_empty() {
        true => String::new(),
        false => format!(" ({})", kinds.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_actors::error::Kind;
    use serde_json::json;

    #[test]
    fn a_field_goes_to_its_dialect_alone() {
        let said: Extensions =
            serde_json::from_value(json!({"one": {"seed": 7, "model": "m"}, "two": {}})).expect("read");
        let its = said.of("one", &["messages"]).expect("its own");
        assert_eq!(Value::from(its), json!({"seed": 7, "model": "m"}));
        for (dialect, own, kind, field) in [
            ("one", "model", Kind::InvalidInput, "extensions.one.model"),
            ("two", "model", Kind::Unsupported, "extensions.one.seed"),
        ] {
            let failure = said.of(dialect, &[own]).expect_err("refused");
            assert_eq!((failure.kind, failure.field.as_deref()), (kind, Some(field)));
            assert!(failure.unsent);
        }
        let tools = json!({"one": {"tools": [{"type": "web_search_1"}, {"type": "<b>"}, {"type": "run_code"}]}});
        let said: Extensions = serde_json::from_value(tools).expect("read");
        let refused = said.of("two", &[]).expect_err("refused");
        assert!(
            refused.message().contains("tools (web_search_1, run_code) is"),
            "{refused}"
        );
    }
}
