//! What a refusal's body says.
//!
//! Invariant: its sentences are looked at here, and told on by [`forge::saying`](crate::providers::forge::saying) alone.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// `basic-error`, `validation-error` and `validation-error-simple`.
#[derive(Debug, Default, Deserialize)]
pub struct Error {
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    errors: Faults,
}

/// Mostly a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Faults {
    Many(Vec<Fault>),
    One(Fault),
}

impl Default for Faults {
    fn default() -> Self {
        Faults::Many(vec![])
    }
}

/// One entry of `errors`: an object, or a sentence.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Fault {
    Sentence(String),
    Object {
        #[serde(default)]
        field: Option<String>,
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
    },
    Odd(IgnoredAny),
}

impl Error {
    /// What is wrong, one by one.
    pub fn faults(&self) -> &[Fault] {
        match &self.errors {
            Faults::Many(faults) => faults,
            Faults::One(fault) => std::slice::from_ref(fault),
        }
    }

    /// Whether one of its faults has this code.
    pub fn says(&self, word: &str) -> bool {
        let is = |fault: &Fault| matches!(fault, Fault::Object { code: Some(code), .. } if code == word);
        self.faults().iter().any(is)
    }

    /// All its sentences, in lower case.
    pub fn sentences(&self) -> String {
        let sentence = |fault: &Fault| match fault {
            Fault::Sentence(sentence) => Some(sentence.clone()),
            Fault::Object { message, .. } => message.clone(),
            Fault::Odd(_) => None,
        };
        let mut all = vec![self.message.clone()];
        all.extend(self.faults().iter().filter_map(sentence));
        all.join("\n").to_ascii_lowercase()
    }
}
