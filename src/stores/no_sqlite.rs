//! The state in a file, in a build without SQLite.
//!
//! Invariant: whatever asks for a file is refused; nothing is kept in memory instead.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CopyError, OpenError, SQLITE, StateStore, StoreError, Vault};
use crate::config::StateConfig;

/// Refuses.
///
/// # Errors
/// Always: [`OpenError::NotBuilt`], or [`StoreError::InMemory`].
pub async fn backup(config: &StateConfig, _to: &Path) -> Result<(), CopyError> {
    Err(refused(config).into())
}

/// Refuses.
///
/// # Errors
/// Always: [`OpenError::NotBuilt`], or [`StoreError::InMemory`].
pub async fn restore(config: &StateConfig, _from: &Path) -> Result<Option<PathBuf>, CopyError> {
    Err(refused(config).into())
}

pub(super) async fn open_file(
    _config: &StateConfig,
    _vault: Option<Vault>,
    _alone: bool,
) -> Result<Arc<dyn StateStore>, OpenError> {
    Err(SQLITE.into())
}

pub(super) async fn opened(_config: &StateConfig, _path: &Path) -> Result<Arc<dyn StateStore>, OpenError> {
    Err(SQLITE.into())
}

pub(super) fn check_place(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}

fn refused(config: &StateConfig) -> OpenError {
    match config.in_memory() {
        true => StoreError::InMemory.into(),
        false => SQLITE.into(),
    }
}
