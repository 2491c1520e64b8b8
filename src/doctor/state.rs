//! Whether the state store opens, and whether its key is the right one.
//!
//! Invariant: a database that exists is opened to be read, and one that does not is not made.

use crate::config::StateConfig;
use crate::stores::{self, Inspected};

use super::{Finding, PATIENCE};

pub(super) async fn check(config: &StateConfig) -> Finding {
    let finding = Finding::of("state", config.path.display().to_string());
    let inspected = match tokio::time::timeout(PATIENCE, stores::inspect(config)).await {
        Ok(inspected) => inspected,
        Err(_) => return finding.unknown("the store did not answer in time; another process may hold it"),
    };
    match inspected {
        Ok(Inspected::InMemory) => finding.ok("kept in memory; it is gone when the gateway stops"),
        Ok(Inspected::Sound) => finding.ok("it opens, and the key fits"),
        Ok(Inspected::New) => finding.ok("there is none yet; a start makes it"),
        Err(error) => finding.failed(error.to_string(), error.remedy()),
    }
}
