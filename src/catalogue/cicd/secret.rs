//! Secrets of projects: what runs may know and nobody may read.
//!
//! Invariant: a value goes in and never comes out.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::catalogue::confidential::Confidential;
use crate::catalogue::fields::{Name, ProjectRef};
use crate::catalogue::op::{Declaration, Op, Output};

/// Input of `cicd.secret.put`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretPutInput {
    pub project: ProjectRef,
    /// The name that steps know it by.
    pub name: Name,
    /// The value.
    pub value: Confidential,
    /// Only for runs that one of these started, in the provider's own words; default: whatever the provider's own
    /// surface preselects. Not every provider can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Name>,
}

/// What became of a secret.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretWritten {
    /// Its name, as the provider keeps it.
    pub name: String,
    /// Whether there was none of this name before, where the provider tells.
    pub created: Option<bool>,
}

impl<I> Output<I> for SecretWritten {}

/// `cicd.secret.put`
pub struct SecretPut;

impl Op for SecretPut {
    type Input = SecretPutInput;
    type Output = SecretWritten;
    const DECLARATION: &'static Declaration =
        &Declaration::put::<Self>("cicd.secret.put", "/cicd/secrets/{name}", "Set a secret of a project")
            .args(&["project", "name"])
            .invalidates_nothing("no answer holds a secret, nor tells that there is one");
    fn resource(input: &SecretPutInput) -> Resource {
        input.project.resource()
    }
    fn check(input: &SecretPutInput) -> Result<(), Failure> {
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
        let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !input.name.starts_with(begins) || !input.name.chars().all(goes_on) {
            let sentence = "name must begin with a letter or _, and hold only letters, digits, _ and -";
            return Err(Failure::invalid("name", sentence));
        }
        match input.events.len() > 32 {
            true => Err(Failure::invalid("events", "at most 32 events")),
            false => Ok(()),
        }
    }
}
