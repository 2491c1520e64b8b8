//! What a caller was not granted, told so that a surface can say how to be granted it.
//!
//! Invariant: a refusal for want of a scope names the scope beneath it, whichever way it came.

use std::error::Error as _;

use mosaic_actors::call::{Caller, Operation};
use mosaic_actors::error::Failure;
use mosaic_actors::policy::scopes::Action;
use thiserror::Error;

/// The scope that a caller lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the scope {service}:{} is missing", .action.as_str())]
pub struct MissingScope {
    /// The operation's service.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// What was asked to be done.
    pub action: Action,
}

impl MissingScope {
    /// The one that a failure is for want of.
    pub fn of(failure: &Failure) -> Option<Self> {
        failure.source()?.downcast_ref().copied()
    }
}

/// Refuses what a caller was not granted.
///
/// # Errors
/// `forbidden`, with the [`MissingScope`] beneath it.
pub(super) fn check(caller: &Caller, operation: &Operation, action: Action) -> Result<(), Failure> {
    let missing = MissingScope {
        service: operation.service,
        operation: operation.name,
        action,
    };
    let checked = caller.check(operation, action);
    checked.map_err(|failure| failure.because(missing))
}
