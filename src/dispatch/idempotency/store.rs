//! The record of keyed writes, as the dispatcher needs one.
//!
//! Invariant: the store decides who may do a write and keeps what came of it; what that means it does not know.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;

/// Where keyed writes are recorded. Durable, and shared by the nodes that serve the same tenants.
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Claims `key` within `scope` for a request with this fingerprint, in one atomic step.
    ///
    /// A claim that is neither completed nor abandoned is in flight for `lease`, or until its process dies; then its
    /// outcome is unknown: nobody knows whether its write arrived.
    fn begin(
        &self,
        scope: &str,
        key: &str,
        fingerprint: [u8; 32],
        lease: Duration,
    ) -> BoxFuture<Result<Begun, Failure>>;

    /// Records the outcome of a claim. A lease that is no longer the key's changes nothing.
    fn complete(&self, lease: Lease, outcome: Outcome) -> BoxFuture<Result<(), Failure>>;

    /// Frees the key of a write that surely did not happen. A lease that is no longer the key's changes nothing.
    fn abandon(&self, lease: Lease) -> BoxFuture<Result<(), Failure>>;
}

/// What a claim met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The key is ours: do the write, then complete or abandon.
    New(Lease),
    /// The same request is being carried out.
    InFlight,
    /// The same request was begun, and nobody knows what came of it.
    Unknown,
    /// The same request was carried out; this came of it.
    Replay(Outcome),
    /// The key belongs to another request.
    Mismatch,
}

/// The right to complete or abandon one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// As given to `begin`.
    pub scope: Arc<str>,
    /// As given to `begin`.
    pub key: Arc<str>,
    /// The store's own mark of this claim, so that an expired lease cannot touch its successor.
    pub token: Arc<str>,
}

/// What came of a write. Opaque to the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcome {
    /// 200: the body is the answer; anything else: the body is a recorded failure.
    pub status: u16,
    /// The media type of the body.
    pub content_type: String,
    /// The bytes.
    pub body: Bytes,
}

// The body is a payload and stays out of logs.
impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outcome({}, {} B)", self.status, self.body.len())
    }
}
