//! Parameters: what a job defines, and what a trigger makes of what it is given.
//!
//! Invariant: a build has a value of every parameter that its job defines, and of no other; a secret's is never kept.

use serde_json::{Value, json};

use super::problem::Problem;
use super::stage::{Course, Ending};
use crate::sandbox::ci;
use crate::sandbox::ci::outcome::{OUTCOME, Outcome};

/// What the parameter [`OUTCOME`] may be; `hold` works until it is stopped.
pub(crate) const OUTCOMES: [&str; 6] = ["success", "failure", "unstable", "error", "skipped", "hold"];
/// What it may be of a Pipeline, which can also ask: for a word (`approval`), or for more (`input`).
pub(crate) const OUTCOMES_OF_PIPELINE: [&str; 8] = [
    "success", "failure", "unstable", "error", "skipped", "hold", "approval", INPUT,
];
const INPUT: &str = "input";
/// Where something is deployed to.
pub(crate) const ENVIRONMENT: Definition = Definition::Choice {
    name: "ENVIRONMENT",
    choices: &["staging", "production"],
};
/// Whether that is only tried.
pub(crate) const DRY_RUN: Definition = Definition::Flag {
    name: "DRY_RUN",
    default: true,
};
/// What a build asks for that asks for more than a word.
const ASKED: &[Definition] = &[
    ENVIRONMENT,
    DRY_RUN,
    Definition::Text {
        name: "REASON",
        default: "none",
    },
];

/// A parameter of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Definition {
    Text {
        name: &'static str,
        default: &'static str,
    },
    Choice {
        name: &'static str,
        choices: &'static [&'static str],
    },
    Flag {
        name: &'static str,
        default: bool,
    },
    Secret {
        name: &'static str,
    },
}

/// What a build has for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub name: &'static str,
    class: &'static str,
    /// None of a secret.
    value: Option<Value>,
}

impl Definition {
    pub fn name(&self) -> &'static str {
        match self {
            Definition::Text { name, .. }
            | Definition::Choice { name, .. }
            | Definition::Flag { name, .. }
            | Definition::Secret { name } => name,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Definition::Text { .. } | Definition::Choice { .. } => "String",
            Definition::Flag { .. } => "Boolean",
            Definition::Secret { .. } => "Password",
        }
    }

    /// The value that a text stands for, and the default for none.
    fn fill(&self, text: Option<&str>) -> Result<Parameter, Problem> {
        let value = match (self, text) {
            (Definition::Secret { .. }, _) => None,
            (Definition::Text { default, .. }, text) => Some(text.unwrap_or(default).into()),
            (Definition::Flag { default, .. }, text) => Some(
                text.map_or(*default, |text| text.eq_ignore_ascii_case("true") || text == "on")
                    .into(),
            ),
            (Definition::Choice { choices, .. }, None) => Some(choices[0].into()),
            (Definition::Choice { name, choices }, Some(text)) => match choices.contains(&text) {
                true => Some(text.into()),
                false => return Err(Problem::oops(format!("Illegal choice for parameter {name}: {text}"))),
            },
        };
        Ok(Parameter {
            name: self.name(),
            class: match self.kind() {
                "Boolean" => "hudson.model.BooleanParameterValue",
                "Password" => "hudson.model.PasswordParameterValue",
                _ => "hudson.model.StringParameterValue",
            },
            value,
        })
    }

    /// As the stage view shows it of an input.
    pub fn shown_as_input(&self) -> Value {
        let job = self.shown();
        let mut definition = json!({ "defaultVal": job["defaultParameterValue"]["value"] });
        if let Definition::Choice { choices, .. } = self {
            definition["choices"] = json!(choices);
        }
        json!({ "type": job["type"], "name": self.name(), "description": "", "definition": definition })
    }

    /// As a job shows it.
    pub fn shown(&self) -> Value {
        let kind = match self {
            Definition::Choice { .. } => "Choice",
            _ => self.kind(),
        };
        // The default alone: it fits whatever is defined.
        let default = self.fill(None).ok().map(|parameter| parameter.shown());
        let mut object = json!({
            "_class": format!("hudson.model.{kind}ParameterDefinition"),
            "defaultParameterValue": default,
            "description": "",
            "name": self.name(),
            "type": format!("{kind}ParameterDefinition"),
        });
        if let Definition::Choice { choices, .. } = self {
            object["choices"] = json!(choices);
        }
        object
    }
}

impl Parameter {
    /// As a build shows it; a secret has no value there.
    pub fn shown(&self) -> Value {
        let mut object = json!({ "_class": self.class, "name": self.name });
        if let Some(value) = &self.value {
            object["value"] = value.clone();
        }
        object
    }

    /// As a queue item writes it.
    pub fn line(&self) -> String {
        match &self.value {
            None => format!("\n{}=****", self.name),
            Some(Value::String(text)) => format!("\n{}={text}", self.name),
            Some(value) => format!("\n{}={value}", self.name),
        }
    }
}

/// The parameters of a build. What the job does not define is dropped without a word; what is given twice fails.
pub(crate) fn fill(definitions: &[Definition], given: &[(String, String)]) -> Result<Vec<Parameter>, Problem> {
    let one = |definition: &Definition| {
        let mut values = given.iter().filter(|(name, _)| name == definition.name());
        let first = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            None => definition.fill(first),
            Some((name, _)) => Err(Problem::oops(format!(
                "Illegal number of parameter values for {name}: 2"
            ))),
        }
    };
    definitions.iter().map(one).collect()
}

fn word(parameters: &[Parameter]) -> Option<&str> {
    let chosen = parameters.iter().find(|parameter| parameter.name == OUTCOME)?;
    chosen.value.as_ref()?.as_str()
}

/// What a build with these parameters asks of somebody, beside a word.
pub(crate) fn asked(parameters: &[Parameter]) -> &'static [Definition] {
    match word(parameters) {
        Some(INPUT) => ASKED,
        _ => &[],
    }
}

/// How a build with these parameters ends, and whether it goes on by itself.
pub(crate) fn outcome(parameters: &[Parameter]) -> (Ending, Course) {
    let word = word(parameters);
    if word == Some(INPUT) {
        return (Ending::Success, Course::Asks);
    }
    let words = word.map(|word| (OUTCOME.to_owned(), word.to_owned()));
    match Outcome::of(&words.into_iter().collect()) {
        Outcome::Ends(ci::Ending::Failure | ci::Ending::Error) => (Ending::Failure, Course::Goes),
        Outcome::Ends(ci::Ending::Unstable) => (Ending::Unstable, Course::Goes),
        Outcome::Ends(ci::Ending::Skipped) => (Ending::NotBuilt, Course::Goes),
        Outcome::Holds => (Ending::Success, Course::Holds),
        Outcome::Waits => (Ending::Success, Course::Asks),
        _ => (Ending::Success, Course::Goes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINED: [Definition; 3] = [
        Definition::Choice {
            name: "ENV",
            choices: &["staging", "production"],
        },
        Definition::Flag {
            name: "DRY",
            default: true,
        },
        Definition::Secret { name: "KEY" },
    ];

    fn given(pairs: &[(&str, &str)]) -> Result<Vec<Parameter>, Problem> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        fill(&DEFINED, &pairs)
    }

    #[test]
    fn unknown_ones_are_dropped_and_absent_ones_take_defaults() {
        let filled = given(&[("ENV", "production"), ("COLOUR", "red"), ("KEY", "planted")]).unwrap();
        let lines: String = filled.iter().map(Parameter::line).collect();
        assert_eq!(lines, "\nENV=production\nDRY=true\nKEY=****");
        assert!(!format!("{filled:?}").contains("planted"));
    }

    #[test]
    fn another_word_than_the_choices_and_a_second_value_fail() {
        assert!(given(&[("ENV", "moon")]).is_err());
        assert!(given(&[("DRY", "true"), ("DRY", "true")]).is_err());
    }
}
