//! One thing that an operator should know of a configuration.
//!
//! Invariant: it says what was seen and what to do about it, and quotes no value.

/// Something that works, and should be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What was looked at: `routes`, `health`, `base_url`, `models` or `config`.
    pub check: &'static str,
    /// Of what: a service, a key of the configuration.
    pub subject: String,
    /// What was seen.
    pub sentence: String,
    /// What to do about it.
    pub remedy: String,
}

impl Notice {
    /// The whole in one line, which begins with what it is about.
    pub fn line(&self) -> String {
        let Notice { sentence, remedy, .. } = self;
        match sentence.starts_with(&self.subject) || sentence.starts_with("providers.") {
            true => format!("{sentence}. {remedy}"),
            false => format!("{}: {sentence}. {remedy}", self.subject),
        }
    }
}
