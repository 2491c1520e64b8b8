//! The Redis tier against a real redis-server.
//!
//! Invariant: every test has a server of its own; without one it says so, and under CI it fails.

mod node;
mod outage;
mod server;
mod sharing;

use std::time::Duration;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"));
}
