//! The health of an instance, asked for while it serves.
//!
//! Invariant: it changes what is known of the instance's health, heeds a rate limit, and does nothing else: whether it fails,
//! hangs or panics, nothing is restarted, and calls go on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::driver::{Credential, Driver};
use crate::error::{Failure, Kind};
use crate::instance::{CheckSettings, Instance};
use crate::policy::health::{Beat, Pulse};

/// The longest pause between two looks at what the next check goes by.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Starts to ask with one driver from time to time, for as long as the task is held; none where that is turned off. The
/// first time is an interval away: that it starts is for others to find.
pub(super) fn start(
    instance: Arc<Instance>,
    driver: Arc<dyn Driver>,
    settings: CheckSettings,
) -> Option<AbortOnDropHandle<()>> {
    settings.every?;
    let asking = async move {
        let started = instance.now();
        let mut chance = (settings.chance)();
        loop {
            let pulse = Pulse {
                scarce: driver.is_scarce(),
                chance,
                ..instance.pulse(started)
            };
            match pulse.beat(instance.now()) {
                Beat::Never => return,
                Beat::Wait(wait) => sleep(wait.min(LONGEST_PAUSE)).await,
                Beat::Ask => {
                    instance.checked(ask(&driver, settings.timeout).await);
                    chance = (settings.chance)();
                }
            }
        }
    };
    Some(AbortOnDropHandle::new(tokio::spawn(asking)))
}

async fn ask(driver: &Arc<dyn Driver>, limit: Duration) -> Result<Credential, Failure> {
    let driver = driver.clone();
    // Within the catch: a driver may panic before it has given its future.
    let asking = AssertUnwindSafe(async move { driver.health().await }).catch_unwind();
    match timeout(limit, asking).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Failure::new(Kind::Internal, "the driver failed in its health check")),
        Err(_) => Err(Failure::new(Kind::Timeout, "the health check took too long")),
    }
}
