//! Stores of this product: the durable state, and the cache tiers outside of the process.
//!
//! Invariant: what is here knows SQL and Redis, and nobody else does. What a build lacks is refused where the configuration
//! asks for it, never done without.

#[cfg(feature = "sqlite")]
mod backup;
#[cfg(feature = "redis")]
mod codec;
mod credits;
#[cfg_attr(not(feature = "sqlite"), path = "no_sqlite.rs")]
mod durable;
mod events;
mod keys;
#[cfg_attr(not(feature = "redis"), path = "no_redis.rs")]
mod l2;
#[cfg(feature = "sqlite")]
mod lock;
mod memory;
mod owners;
#[cfg(feature = "sqlite")]
mod place;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod replace;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod vault;

use std::sync::Arc;

use thiserror::Error;

pub use credits::StoredCredits;
pub use durable::*;
pub use l2::*;
pub use memory::MemoryStore;
pub use state::*;
pub use vault::{Vault, WeakKey};

use crate::config::{L2Config, StateConfig};
use crate::secret::SecretError;

/// A part that the configuration asks for, and that this build lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{key}: needs the cargo feature `{feature}`, without which this program was built")]
pub struct NotBuilt {
    /// The configuration's key.
    pub key: &'static str,
    /// The cargo feature.
    pub feature: &'static str,
}

const SQLITE: NotBuilt = NotBuilt {
    key: "state.path",
    feature: "sqlite",
};
const REDIS: NotBuilt = NotBuilt {
    key: "cache.l2.url",
    feature: "redis",
};

/// Refuses what the configuration asks for and this build lacks.
///
/// # Errors
/// [`NotBuilt`] names the key and the cargo feature.
pub fn check_built(state: &StateConfig, l2: &L2Config) -> Result<(), NotBuilt> {
    if !cfg!(feature = "sqlite") && !state.in_memory() {
        return Err(SQLITE);
    }
    if !cfg!(feature = "redis") && l2.url.is_some() {
        return Err(REDIS);
    }
    Ok(())
}

/// Why the state store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// This build has no SQLite.
    #[error(transparent)]
    NotBuilt(#[from] NotBuilt),
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

/// Why a copy was not made, or not put back.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The state in use is the matter.
    #[error(transparent)]
    State(#[from] OpenError),
    /// The copy is.
    #[error("{}: {sentence}", file.display())]
    Copy {
        /// Where it is, or was to be.
        file: std::path::PathBuf,
        /// What is wrong with it.
        sentence: String,
    },
}

impl OpenError {
    /// The configuration's key to look at.
    pub fn key(&self) -> &'static str {
        match self {
            OpenError::NotBuilt(lacking) => lacking.key,
            OpenError::Secret(_) | OpenError::Key(_) => "state.encryption_key",
            OpenError::Store(_) => "state.path",
        }
    }

    /// What is wrong there, without the key.
    pub fn sentence(&self) -> String {
        match self {
            OpenError::NotBuilt(lacking) => format!("needs the cargo feature `{}`", lacking.feature),
            OpenError::Secret(error) => error.to_string(),
            OpenError::Key(error) => error.to_string(),
            OpenError::Store(error) => error.to_string(),
        }
    }

    /// What mends it, for those who run the gateway.
    pub fn remedy(&self) -> &'static str {
        match self {
            OpenError::NotBuilt(_) => "Leave state.path out, or build with the feature.",
            OpenError::Store(error) => error.remedy(),
            OpenError::Secret(_) | OpenError::Key(_) => {
                "Set state.encryption_key to the key that the state was made with."
            }
        }
    }
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

/// Opens the store that the configuration asks for, beside others that use it.
///
/// # Errors
/// [`OpenError`] names the key of the configuration at fault.
pub async fn open(config: &StateConfig) -> Result<Arc<dyn StateStore>, OpenError> {
    open_as(config, false).await
}

/// As [`open`], to serve with it as the only one at a time.
///
/// # Errors
/// [`StoreError::Served`] where another process does, or as [`open`].
pub async fn open_alone(config: &StateConfig) -> Result<Arc<dyn StateStore>, OpenError> {
    open_as(config, true).await
}

async fn open_as(config: &StateConfig, alone: bool) -> Result<Arc<dyn StateStore>, OpenError> {
    let vault = vault(config)?;
    match config.in_memory() {
        true => Ok(Arc::new(MemoryStore::new(vault))),
        false => open_file(config, vault, alone).await,
    }
}

/// What [`inspect`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// State is kept in memory.
    InMemory,
    /// There is no file yet; a start makes it.
    New,
    /// The file is there and can be read, its credentials with the configured key.
    Sound,
}

/// Looks at the store that the configuration asks for, and changes nothing: another process may be using it.
///
/// # Errors
/// What a start would fail with, or a credential that the configured key does not open.
pub async fn inspect(config: &StateConfig) -> Result<Inspected, OpenError> {
    match look_at(config).await? {
        Some(store) => {
            store.close().await;
            Ok(Inspected::Sound)
        }
        None if config.in_memory() => Ok(Inspected::InMemory),
        None => Ok(Inspected::New),
    }
}

/// Opens the store that the configuration asks for to be read alone; `None` where there is none yet, and one could be made.
///
/// # Errors
/// As [`inspect`].
pub async fn look_at(config: &StateConfig) -> Result<Option<Arc<dyn StateStore>>, OpenError> {
    let key = vault(config)?;
    if config.in_memory() {
        return Ok(None);
    }
    if !cfg!(feature = "sqlite") {
        return Err(SQLITE.into());
    }
    check_place(&config.path)?;
    if !config.path.exists() {
        return Ok(None);
    }
    drop(key);
    Ok(Some(opened(config, &config.path).await?))
}

/// Why a cache tier cannot be made.
#[derive(Debug, Error)]
pub enum TierOpenError {
    /// This build has no Redis.
    #[error(transparent)]
    NotBuilt(#[from] NotBuilt),
    /// The password cannot be read.
    #[error("cache.l2.password: {0}")]
    Password(#[from] SecretError),
    /// The address cannot be used. The library's own words are left out: they may quote it.
    #[error("cache.l2.url: cannot be used as the address of a Redis")]
    Url,
    /// The nodes' shared secret is missing.
    #[error("server.cluster_key: is required with cache.l2.url")]
    NoClusterKey,
}
