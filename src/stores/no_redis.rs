//! The cache that nodes share, in a build without Redis.
//!
//! Invariant: a configured one is refused, never left out.

use mosaic_actors::cache::tier::{TierError, TierSpec};

use super::{REDIS, TierOpenError};
use crate::config::L2Config;
use crate::secret::Secret;

/// No tier, where none is configured.
///
/// # Errors
/// [`TierOpenError::NotBuilt`] where one is.
pub fn cache_tiers(config: &L2Config, _cluster_key: Option<&Secret>) -> Result<Vec<TierSpec>, TierOpenError> {
    match config.url {
        None => Ok(vec![]),
        Some(_) => Err(REDIS.into()),
    }
}

/// `None`, where none is configured.
///
/// # Errors
/// [`TierOpenError::NotBuilt`] where one is.
pub async fn ping_cache(
    config: &L2Config,
    cluster_key: Option<&Secret>,
) -> Result<Option<Result<(), TierError>>, TierOpenError> {
    cache_tiers(config, cluster_key).map(|_| None)
}
