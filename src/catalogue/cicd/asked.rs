//! What is asked of people: the values that a pipeline takes when it is started, and what a blocked run waits for.
//!
//! Invariant: what a provider does not tell is absent, and what it proposes for a secret is never told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A value that is asked for: what `variables` may hold.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Parameter {
    /// Its name among the `variables`.
    pub name: String,
    /// What it may be.
    pub kind: ParameterKind,
    /// What it may be, in the provider's own word.
    pub raw_kind: String,
    /// What it means, in the words of who asks for it.
    pub description: Option<String>,
    /// The only values that it may have, where there are such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What it is where nothing is said; absent where it must be said.
    pub default: Option<String>,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// One of its choices.
    Choice,
    /// `true` or `false`.
    Flag,
    /// A text that nobody is shown.
    Secret,
    /// A file, which cannot be given here.
    File,
    /// What the provider's own word says; a text stands for it.
    Other,
}

/// What a blocked run waits for.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Awaited {
    /// What it is called: an environment, or a question of the pipeline's.
    pub name: String,
    /// What people are asked.
    pub message: Option<String>,
    /// Whether our credential may let it go on, where the provider tells.
    pub ours: Option<bool>,
    /// What is asked for beside a yes: `cicd.run.approve` takes it as `variables`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
}
