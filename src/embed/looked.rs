//! Providers for those who look at them without serving.
//!
//! Invariant: what is looked at is what a start would make, and nothing is kept of it.

use std::sync::Arc;

use mosaic_actors::driver::Driver;
use mosaic_actors::error::Failure;

use crate::providers::http::credential::CredentialStanding;
use crate::providers::{Connection, Kind};

/// A provider that is looked at without serving.
pub struct Looked {
    /// Its driver.
    pub driver: Arc<dyn Driver>,
    pub(super) connection: Connection,
    pub(super) kind: Kind,
}

impl Looked {
    /// Asks what is known of its credential; `None`: it has none.
    ///
    /// # Errors
    /// What a call would fail with.
    pub async fn standing(&self) -> Result<Option<CredentialStanding>, Failure> {
        if self.connection.credential.is_none() {
            return Ok(None);
        }
        (self.kind.standing)(&self.connection).await.map(Some)
    }

    /// Asks what of its settings does not fit what is there.
    ///
    /// # Errors
    /// What a call would fail with.
    pub async fn examined(&self) -> Result<Vec<Failure>, Failure> {
        (self.kind.examined)(&self.connection).await
    }
}
