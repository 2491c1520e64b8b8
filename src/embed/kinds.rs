//! The kinds of providers that a gateway knows.
//!
//! Invariant: a kind is known here or nowhere.

use crate::config::{Config, ConfigErrors};
use crate::providers::KINDS;

/// The names of the kinds that are built in.
pub(super) fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// Checks a configuration against them.
pub(super) fn check(config: &Config) -> Result<(), ConfigErrors> {
    config.check(&names())
}
