//! The free settings of a driver, checked.
//!
//! Invariant: a setting that the driver does not know is refused by its name: a misspelt one never has no effect.

use mosaic_actors::error::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::wording::{self, Form, list, nearest, offered};

/// A setting of a kind's own, as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name in `[providers.NAME.settings]`.
    pub name: &'static str,
    /// What holds where it is left out, in words where no one value does.
    pub default: &'static str,
    /// Its unit, or what it is: a date, a text.
    pub unit: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Reads a driver's settings into its own type, which denies unknown fields; `known` tells what each may be.
///
/// # Errors
/// `invalid_input` naming `settings.<name>`.
pub fn settings<T: DeserializeOwned>(table: &Map<String, Value>, known: &[Setting]) -> Result<T, Failure> {
    serde_path_to_error::deserialize(Value::Object(table.clone())).map_err(|error| {
        let words = error.inner().to_string();
        let wrong = wording::wrong(Form::Toml, &error.path().to_string(), &words);
        let field = format!("settings.{}", wrong.place);
        let own = known.iter().find(|setting| setting.name == wrong.place);
        let is_top = !wrong.place.contains(['.', '[']);
        let what = match own {
            // A choice among words tells them itself, where a word was given.
            Some(setting) if !wrong.what.starts_with("must be one of ") || wrong.what.contains(", not ") => {
                format!("{}; it is: {}", wrong.what, setting.unit)
            }
            None if is_top && wrong.what.starts_with("is not known") => unknown(&wrong.place, &offered(&words)),
            _ => wrong.what,
        };
        Failure::invalid(&field, format!("{field} {what}"))
    })
}

/// What is wrong with a setting that this provider has not, whose driver reads those of these `names`.
fn unknown(name: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return "is not a setting of this provider, which has none".to_owned();
    }
    let meant = nearest(name, names.iter().copied()).map(|name| format!("; did you mean {name}?"));
    let has = list(names, "and");
    format!(
        "is not a setting of this provider, which has {has}{}",
        meant.unwrap_or_default()
    )
}

/// The refusal of a setting that names one of several, and none of them.
pub fn none_of(setting: &str, name: &str, names: &[&str]) -> Failure {
    let field = format!("settings.{setting}");
    let meant = nearest(name, names.iter().copied()).map(|name| format!("; did you mean {name}?"));
    let sentence = format!(
        "{field} must be one of {}{}",
        list(names, "and"),
        meant.unwrap_or_default()
    );
    Failure::invalid(field, sentence)
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
        pause_s: Option<u64>,
        way: Option<Way>,
        map: Option<Mapping>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Way {
        Adaptive,
        Budget,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read by Debug only")]
    struct Mapping {
        labels: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    const fn setting(name: &'static str, unit: &'static str) -> Setting {
        Setting {
            name,
            default: "",
            unit,
            meaning: "",
        }
    }

    const SETTINGS: &[Setting] = &[
        setting("project", "id"),
        setting("pause_s", "seconds, 0 to 86400"),
        setting("way", "adaptive or budget"),
        setting("map", "table"),
    ];

    #[test]
    fn settings_are_refused_by_name_and_without_their_value() {
        let read = |text: &str| settings::<Known>(&toml::from_str(text).expect("TOML"), SETTINGS);
        assert!(read("project = \"p\"").is_ok());
        assert!(read("").is_ok());
        for (text, field, sentence) in [
            (
                "colour = 5501",
                "settings.colour",
                "is not a setting of this provider, which has project, pause_s, way and map",
            ),
            (
                "porject = 5501",
                "settings.porject",
                "is not a setting of this provider, which has project, pause_s, way and map; did you mean project?",
            ),
            (
                "project = 5501",
                "settings.project",
                "must be a string, not a whole number; it is: id",
            ),
            (
                "pause_s = \"5501s\"",
                "settings.pause_s",
                "must be a whole number of 0 or more, not a string; it is: seconds, 0 to 86400",
            ),
            (
                "way = \"adaptve\"",
                "settings.way",
                "must be one of adaptive and budget; did you mean adaptive?",
            ),
            (
                "way = 5501",
                "settings.way",
                "must be one of its words, not a whole number; it is: adaptive or budget",
            ),
            (
                "map = 5501",
                "settings.map",
                "must be a table, not a whole number; it is: table",
            ),
            (
                "map = { lables = 5501 }",
                "settings.map.lables",
                "is not known; did you mean labels?",
            ),
        ] {
            let failure = read(text).expect_err("refused");
            assert_eq!(failure.field.as_deref(), Some(field));
            assert_eq!(failure.message(), format!("{field} {sentence}"));
            assert!(!failure.message().contains("5501"), "{failure}");
        }
        let none = settings::<Nothing>(&toml::from_str("x = 1").expect("TOML"), &[]).expect_err("refused");
        assert!(none.message().ends_with("which has none"), "{none}");
    }

    #[test]
    fn what_is_none_of_several_is_told_the_nearest() {
        let failure = none_of("profile", "olama", &["ollama", "vllm"]);
        assert_eq!(failure.field.as_deref(), Some("settings.profile"));
        assert!(
            failure
                .message()
                .ends_with("one of ollama and vllm; did you mean ollama?"),
            "{failure}"
        );
    }
}
