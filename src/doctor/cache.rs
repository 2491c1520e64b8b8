//! Whether the cache that nodes share is there, where one is configured.
//!
//! Invariant: nothing is written there, and its password is not quoted.

use mosaic_actors::cache::tier::TierError;

use crate::config::Config;
use crate::secret::SecretRef;
use crate::stores;

use super::{Finding, PATIENCE};

pub(super) async fn check(config: &Config) -> Option<Finding> {
    let finding = Finding::of("cache", "cache.l2");
    // A missing one is told by the tier; one that cannot be read, by the check of secrets.
    let key = config.server.cluster_key.as_ref().map(SecretRef::resolve);
    let key = key.and_then(Result::ok);
    let asked = stores::ping_cache(&config.cache.l2, key.as_ref());
    let Ok(asked) = tokio::time::timeout(PATIENCE, asked).await else {
        return Some(finding.failed(
            "Redis does not answer in time",
            "Check cache.l2.url, and that Redis is up.",
        ));
    };
    Some(match asked {
        Ok(None) => return None,
        Ok(Some(Ok(()))) => finding.ok("Redis answers and takes the password"),
        Ok(Some(Err(TierError::Refused))) => finding.failed(
            "Redis refuses: a wrong password, or a server that is not ready",
            "Check cache.l2.password, and Redis' own log.",
        ),
        // The gateway works without it, from memory alone.
        Ok(Some(Err(error))) => finding.warning(
            format!(
                "Redis cannot be used ({}); answers are kept in memory alone",
                error.code()
            ),
            "Check cache.l2.url, and that Redis is up.",
        ),
        Err(error) => finding.failed(error.to_string(), "Correct the configuration's key."),
    })
}
