//! Stores of this product: the durable state, and the cache tiers outside of the process.
//!
//! Invariant: what is here knows SQL and Redis, and nobody else does.

mod backup;
mod codec;
mod place;
mod redis;
mod sqlite;
mod state;
mod vault;

use std::path::Path;
use std::sync::Arc;

use mosaic_actors::cache::tier::{TierError, TierSettings, TierSpec};
use thiserror::Error;

pub use backup::{backup, restore};
pub use redis::{RedisOptions, RedisTier};
pub use sqlite::{SqliteOptions, SqliteStore};
pub use state::*;
pub use vault::{Vault, WeakKey};

use crate::config::{L2Config, StateConfig};
use crate::secret::{Secret, SecretError};

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

impl OpenError {
    /// The configuration's key to look at.
    pub fn key(&self) -> &'static str {
        match self {
            OpenError::Secret(_) | OpenError::Key(_) => "state.encryption_key",
            OpenError::Store(_) => "state.path",
        }
    }

    /// What is wrong there, without the key.
    pub fn sentence(&self) -> String {
        match self {
            OpenError::Secret(error) => error.to_string(),
            OpenError::Key(error) => error.to_string(),
            OpenError::Store(error) => error.to_string(),
        }
    }

    /// What mends it, for those who run the gateway.
    pub fn remedy(&self) -> &'static str {
        match self {
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

/// Opens the store that the configuration asks for.
///
/// # Errors
/// [`OpenError`] names the key of the configuration at fault.
pub async fn open(config: &StateConfig) -> Result<Arc<dyn StateStore>, OpenError> {
    let path = (!config.in_memory()).then_some(config.path.as_path());
    path.map(place::check).transpose()?;
    Ok(Arc::new(
        SqliteStore::open(path, vault(config)?, options(config)).await?,
    ))
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
pub async fn look_at(config: &StateConfig) -> Result<Option<SqliteStore>, OpenError> {
    let key = vault(config)?;
    if config.in_memory() {
        return Ok(None);
    }
    place::check(&config.path)?;
    if !config.path.exists() {
        return Ok(None);
    }
    drop(key);
    Ok(Some(opened(config, &config.path).await?))
}

/// Looks at a file of state: whether it is whole, and opens with the configured key.
async fn look(config: &StateConfig, path: &Path) -> Result<(), OpenError> {
    opened(config, path).await?.close().await;
    Ok(())
}

async fn opened(config: &StateConfig, path: &Path) -> Result<SqliteStore, OpenError> {
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
    Ok(store)
}

fn options(config: &StateConfig) -> SqliteOptions {
    SqliteOptions {
        read_connections: config.read_connections,
        acquire_timeout: config.acquire_timeout,
        ..SqliteOptions::default()
    }
}

/// Why a cache tier cannot be made.
#[derive(Debug, Error)]
pub enum TierOpenError {
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

/// The cache tiers behind the memory that the configuration asks for, for the nodes that share `cluster_key`.
///
/// # Errors
/// [`TierOpenError`] names the key of the configuration at fault.
pub fn cache_tiers(config: &L2Config, cluster_key: Option<&Secret>) -> Result<Vec<TierSpec>, TierOpenError> {
    let tier = redis(config, cluster_key)?.map(|store| TierSpec {
        name: "l2",
        distrusted: false,
        store,
        settings: TierSettings {
            get_within: config.get_timeout,
            put_within: config.put_timeout,
            max_entry: config.max_entry,
            ..TierSettings::default()
        },
    });
    Ok(tier.into_iter().collect())
}

/// Asks the shared cache whether it is there; `None` where none is configured.
///
/// # Errors
/// [`TierOpenError`] as [`cache_tiers`]; within it, why the server is not as it should be.
pub async fn ping_cache(
    config: &L2Config,
    cluster_key: Option<&Secret>,
) -> Result<Option<Result<(), TierError>>, TierOpenError> {
    let Some(redis) = redis(config, cluster_key)? else {
        return Ok(None);
    };
    Ok(Some(redis.ping().await))
}

fn redis(config: &L2Config, cluster_key: Option<&Secret>) -> Result<Option<Arc<RedisTier>>, TierOpenError> {
    let Some(url) = &config.url else {
        return Ok(None);
    };
    let options = RedisOptions {
        url: url.to_string(),
        password: config
            .password
            .as_ref()
            .map(|reference| reference.resolve())
            .transpose()?,
        prefix: config.prefix.clone(),
        respond_within: config.put_timeout.max(config.get_timeout),
    };
    let tier = RedisTier::new(options, cluster_key.ok_or(TierOpenError::NoClusterKey)?);
    tier.map(Some).map_err(|_| TierOpenError::Url)
}
