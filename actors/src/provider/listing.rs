//! The list of what an instance offers by name, kept up to date.
//!
//! Invariant: it bears on nothing else: whether it can be had, hangs or panics, the instance is as well as its health
//! check says.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::driver::Driver;
use crate::instance::Instance;
use crate::policy::offers::ListingSettings;

/// When a list that could not be had is asked for again, unless the next time is sooner.
const AGAIN: Duration = Duration::from_secs(30);

/// Starts to ask with one driver, now and from time to time, for as long as the task is held.
pub(super) fn start(
    instance: Arc<Instance>,
    driver: Arc<dyn Driver>,
    settings: ListingSettings,
) -> AbortOnDropHandle<()> {
    let asking = async move {
        loop {
            let known = ask(&instance, &driver, settings.timeout).await;
            instance.listed();
            let wait = match known {
                Ok(()) => settings.every,
                // Not before its provider says.
                Err(told) => settings.every.min(AGAIN).max(told.unwrap_or_default()),
            };
            sleep(wait.mul_f64(1.0 + fastrand::f64() / 10.0)).await;
        }
    };
    AbortOnDropHandle::new(tokio::spawn(asking))
}

/// Asks once. Where the list could not be had the former one holds.
///
/// # Errors
/// How long to wait, where it was told.
async fn ask(instance: &Instance, driver: &Arc<dyn Driver>, limit: Duration) -> Result<(), Option<Duration>> {
    // Within the catch: a driver may panic before it has given its future.
    let driver = driver.clone();
    let asking = AssertUnwindSafe(async move { driver.offers().await }).catch_unwind();
    let provider = &*instance.spec.name;
    match timeout(limit, asking).await {
        Ok(Ok(Ok(names))) => {
            instance.offer(names);
            return Ok(());
        }
        Ok(Ok(Err(failure))) => {
            tracing::debug!(provider, %failure, "its list could not be had");
            return Err(failure.retry_after);
        }
        Ok(Err(_panic)) => tracing::warn!(provider, "its driver panicked when it was asked for its list"),
        Err(_) => tracing::debug!(provider, "its list took too long"),
    }
    Err(None)
}
