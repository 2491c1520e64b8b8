//! The table of a provider as an order brings it.
//!
//! Invariant: it is checked as the configuration's are, and every fault is told with its field.

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::plugin::PluginSpec;
use serde_json::{Map, Value};

use super::super::error::StartError;
use super::super::instances::Instances;
use super::super::manifest::Manifest;
use super::super::native;
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
        let unfit: Vec<_> = self.native.faults(name, &manifest).iter().map(field_error).collect();
        if !unfit.is_empty() {
            return Err(unusable(unfit));
        }
        Ok(native::spec(name, manifest))
    }
}

fn faults(errors: ConfigErrors) -> Problem {
    let fields = errors.iter().map(|error| FieldError {
        field: error.path.clone(),
        message: error.message.clone(),
        suggestion: error.suggestion.clone(),
    });
    unusable(fields.collect())
}

fn field_error(error: &StartError) -> FieldError {
    let (field, message) = error.place();
    FieldError {
        field,
        message,
        suggestion: None,
    }
}

fn unusable(fields: Vec<FieldError>) -> Problem {
    Problem::from(Failure::new(Kind::InvalidInput, "the provider's table cannot be used")).with_errors(fields)
}
