//! Where a pair of tokens is kept that its provider replaces.
//!
//! Invariant: what was kept is durable when the future ends, and of several gateways on one store one at a time renews.

use std::time::Duration;

use futures_util::future::BoxFuture;
use mosaic_actors::error::Failure;
use secrecy::SecretString;

/// The right to renew, until it is given back or its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim(pub i64);

/// A durable place for one credential, encrypted.
pub trait Keep: Send + Sync {
    /// What is kept; `None`: nothing yet.
    ///
    /// # Errors
    /// Where the place cannot be read.
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, Failure>>;

    /// Keeps this in place of what is there.
    ///
    /// # Errors
    /// Where it is not durable.
    fn save(&self, kept: SecretString) -> BoxFuture<'_, Result<(), Failure>>;

    /// Asks for the right to renew, for at most so long; `None`: another has it.
    ///
    /// # Errors
    /// Where nobody can have it: the place cannot be written.
    fn claim(&self, lease: Duration) -> BoxFuture<'_, Result<Option<Claim>, Failure>>;

    /// Gives the right back. One that was lost meanwhile is no error.
    ///
    /// # Errors
    /// Where the place cannot be written; the right ends with its time then.
    fn release(&self, claim: Claim) -> BoxFuture<'_, Result<(), Failure>>;
}
