//! The state in a file, with SQLite.
//!
//! Invariant: a file is opened as its configuration says; whoever looks at it changes nothing.

use std::path::Path;
use std::sync::Arc;

use super::{OpenError, StateStore, Vault, vault};
use crate::config::StateConfig;

pub(super) use super::place::check as check_place;

pub use super::backup::{backup, restore};
pub use super::sqlite::{SqliteOptions, SqliteStore};

/// Opens the file, or makes it.
pub(super) async fn open_file(
    config: &StateConfig,
    vault: Option<Vault>,
    alone: bool,
) -> Result<Arc<dyn StateStore>, OpenError> {
    check_place(&config.path)?;
    let store = match alone {
        true => SqliteStore::open_alone(&config.path, vault, options(config)).await?,
        false => SqliteStore::open(&config.path, vault, options(config)).await?,
    };
    Ok(Arc::new(store))
}

/// Looks at a file of state: whether it is whole, and opens with the configured key.
pub(super) async fn look(config: &StateConfig, path: &Path) -> Result<(), OpenError> {
    opened(config, path).await?.close().await;
    Ok(())
}

/// Opens a file to be read alone.
pub(super) async fn opened(config: &StateConfig, path: &Path) -> Result<Arc<dyn StateStore>, OpenError> {
    let store = SqliteStore::inspect(path, vault(config)?, options(config)).await?;
    // One is enough to tell a wrong key.
    let sealed = store.list_credentials("", 1).await?;
    let opened = match sealed.first() {
        Some(name) => store.get_credential(name).await.map(drop),
        None => Ok(()),
    };
    if let Err(error) = opened {
        store.close().await;
        return Err(error.into());
    }
    Ok(Arc::new(store))
}

pub(super) fn options(config: &StateConfig) -> SqliteOptions {
    SqliteOptions {
        read_connections: config.read_connections,
        acquire_timeout: config.acquire_timeout,
        ..SqliteOptions::default()
    }
}
