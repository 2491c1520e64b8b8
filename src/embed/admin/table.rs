//! The table of a provider as an order brings it.
//!
//! Invariant: it is checked as the configuration's are, and every fault is told with its field.

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::plugin::PluginSpec;
use serde_json::{Map, Value};

use super::super::error::StartError;
use super::super::instances::Instances;
use super::super::native::{self, Manifest};
use crate::config::ConfigErrors;
use crate::surfaces::problem::{FieldError, Problem};

impl Instances {
    /// Checks a table as the configuration's are checked, and that a driver can be made of it.
    pub(in crate::embed) fn spec(&self, name: &str, table: Map<String, Value>) -> Result<PluginSpec, Problem> {
        let provider = self.native.read(name, table).map_err(faults)?;
        let manifest = Manifest {
            provider,
            credential: self.credentials.get(name).cloned(),
        };
        self.native.check(name, &manifest).map_err(|error| unfit(name, error))?;
        Ok(native::spec(name, manifest))
    }
}

fn faults(errors: ConfigErrors) -> Problem {
    let fields = errors
        .iter()
        .map(|error| FieldError {
            field: error.path.clone(),
            message: error.message.clone(),
            suggestion: error.suggestion.clone(),
        })
        .collect();
    Problem::from(Failure::new(Kind::InvalidInput, "the provider's table cannot be used")).with_errors(fields)
}

fn unfit(name: &str, error: StartError) -> Problem {
    let (field, message) = match error {
        StartError::Provider { failure, .. } => {
            let field = failure
                .field
                .as_deref()
                .map_or(String::new(), |field| format!(".{field}"));
            (format!("providers.{name}{field}"), failure.message().to_owned())
        }
        StartError::Credential { error, .. } => (format!("providers.{name}.token"), error.to_string()),
        other => (format!("providers.{name}"), other.to_string()),
    };
    let failure = Failure::new(Kind::InvalidInput, "the provider's table cannot be used");
    Problem::from(failure).with_errors(vec![FieldError {
        field,
        message,
        suggestion: None,
    }])
}
