//! Stores of this product: the durable state.
//!
//! Invariant: what is here knows SQL, and nobody else does.

mod sqlite;
mod state;
mod vault;

use std::sync::Arc;

use thiserror::Error;

pub use sqlite::{SqliteOptions, SqliteStore};
pub use state::*;
pub use vault::{Vault, WeakKey};

use crate::config::StateConfig;
use crate::secret::SecretError;

/// Why the state store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The encryption key cannot be read.
    #[error("state.encryption_key: {0}")]
    Secret(#[from] SecretError),
    /// The encryption key is unfit.
    #[error("state.encryption_key: {0}")]
    Key(#[from] WeakKey),
    /// The database cannot be opened.
    #[error("state.path: {0}")]
    Store(#[from] StoreError),
}

/// The vault that the configuration asks for; without a key there is one only in memory.
///
/// # Errors
/// [`OpenError`] names the key of the configuration at fault.
pub fn vault(config: &StateConfig) -> Result<Option<Vault>, OpenError> {
    Ok(match &config.encryption_key {
        Some(reference) => Some(Vault::new(&reference.resolve()?)?),
        None if config.in_memory() => Some(Vault::ephemeral()?),
        None => None,
    })
}

/// Opens the store that the configuration asks for.
///
/// # Errors
/// [`OpenError`] names the key of the configuration at fault.
pub async fn open(config: &StateConfig) -> Result<Arc<dyn StateStore>, OpenError> {
    let vault = vault(config)?;
    let path = (!config.in_memory()).then_some(config.path.as_path());
    let options = SqliteOptions {
        read_connections: config.read_connections,
        acquire_timeout: config.acquire_timeout,
    };
    Ok(Arc::new(SqliteStore::open(path, vault, options).await?))
}
