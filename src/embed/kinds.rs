//! The kinds of providers and the operations that a gateway knows.
//!
//! Invariant: a kind is known here or nowhere.

use crate::catalogue::Catalogue;
use crate::config::{Config, ConfigErrors, Known, KnownKind};
use crate::providers::{KINDS, Kind};

/// What is built in.
pub(super) fn known() -> Known {
    let owned = |names: Vec<&'static str>| names.into_iter().map(str::to_owned).collect();
    let kind = |kind: &Kind| KnownKind {
        name: kind.name.to_owned(),
        operations: owned((kind.operations)()),
    };
    let operations = Catalogue::built_in().operations().clone();
    Known {
        kinds: KINDS.iter().map(kind).collect(),
        operations: owned(operations.iter().map(|operation| operation.name).collect()),
    }
}

/// Checks a configuration against it.
pub(super) fn check(config: &Config) -> Result<(), ConfigErrors> {
    config.check(&known())
}
