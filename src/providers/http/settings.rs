//! The free settings of a driver, checked.
//!
//! Invariant: a setting that the driver does not know is refused by its name: a misspelt one never has no effect.

use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads a driver's settings into its own type, which denies unknown fields.
///
/// # Errors
/// `invalid_input` naming `settings.<name>`.
pub fn settings<T: DeserializeOwned>(table: &Map<String, Value>) -> Result<T, Failure> {
    serde_path_to_error::deserialize(Value::Object(table.clone())).map_err(|error| {
        let sentence = error.inner().to_string();
        // The parser quotes the name of an unknown setting between backticks. Its sentence is not passed on: for a
        // wrong type it quotes the value.
        let name = match error.path().to_string() {
            path if path == "." => sentence.split('`').nth(1).unwrap_or("").to_owned(),
            path => path,
        };
        let what = if sentence.starts_with("unknown field") {
            // The names that it lists are the driver's own.
            let known: Vec<&str> = sentence.split('`').skip(3).step_by(2).collect();
            match known[..] {
                [] => "is not a setting of this provider, which has none".to_owned(),
                _ => format!("is not a setting of this provider, which has {}", known.join(", ")),
            }
        } else {
            "is missing or of the wrong type".to_owned()
        };
        Failure::invalid(format!("settings.{name}"), format!("settings.{name} {what}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read by Debug only")]
    struct Known {
        project: Option<String>,
    }

    #[test]
    fn settings_are_refused_by_name_and_without_their_value() {
        let read = |text: &str| settings::<Known>(&toml::from_str(text).expect("TOML"));
        assert!(read("project = \"p\"").is_ok());
        assert!(read("").is_ok());
        for (text, field, word) in [
            (
                "colour = 5501",
                "settings.colour",
                "not a setting of this provider, which has project",
            ),
            ("project = 5501", "settings.project", "wrong type"),
        ] {
            let failure = read(text).expect_err("refused");
            assert_eq!(failure.field.as_deref(), Some(field));
            assert!(failure.message().contains(word), "{failure}");
            assert!(!failure.message().contains("5501"), "{failure}");
        }
    }
}
