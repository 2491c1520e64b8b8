//! The cache that nodes share, in Redis.
//!
//! Invariant: nothing connects before it is asked, and the password goes into the connection and nowhere else.

use std::sync::Arc;

use mosaic_actors::cache::tier::{TierError, TierSettings, TierSpec};

use super::TierOpenError;
use crate::config::L2Config;
use crate::secret::Secret;

pub use super::redis::{RedisOptions, RedisTier};

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
