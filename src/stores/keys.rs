//! Idempotency keys as a store knows them.
//!
//! Invariant: what was asked and answered under a key shows to nobody but who comes again with it.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

/// A call under an idempotency key, about to start.
#[derive(Clone, Copy, Debug)]
pub struct IdempotentCall<'a> {
    /// Whose key it is: tenant and operation.
    pub scope: &'a str,
    /// The key as the caller gave it.
    pub key: &'a str,
    /// A hash of the request; a key with another request is a mistake.
    pub fingerprint: &'a str,
    /// How long the answer is replayed.
    pub ttl: Duration,
    /// How long the caller may take. Afterwards, or once its process has ended, its outcome is unknown.
    pub lease: Duration,
}

/// The right, and duty, to answer an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(crate) scope: String,
    pub(crate) key: String,
    pub(crate) token: String,
}

/// An answer to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// What is known of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: this caller makes the call, and completes or abandons the lease.
    New(Lease),
    /// Another caller is making the call now.
    InFlight,
    /// A caller made the call, and what came of it was never recorded: its process died, or could not write.
    Unknown,
    /// It was answered.
    Replay(StoredAnswer),
    /// It was used for another request.
    Mismatch,
}

impl StoredAnswer {
    /// The status of a call that failed so that nobody knows whether it was done.
    pub const IN_DOUBT: u16 = 504;

    /// Whether nobody knows what came of the call.
    pub fn is_in_doubt(&self) -> bool {
        self.status == Self::IN_DOUBT
    }
}

/// What is known of the call under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is being made.
    Pending,
    /// What came of it is known, and replayed.
    Confirmed,
    /// Nobody knows whether it was done.
    InDoubt,
}

/// An idempotency key, without what was asked and answered under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Whose it is: tenant and operation.
    pub scope: String,
    /// The key as the caller gave it.
    pub key: String,
    /// What is known of its call.
    pub state: KeyState,
    /// When it was claimed, where the claim's mark tells.
    pub claimed_at: Option<Timestamp>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// When a claim was made: its mark ends in an identifier that begins with that time (UUID version 7).
pub(crate) fn claimed_at(token: &str) -> Option<Timestamp> {
    let id = token.rsplit('/').next()?;
    let (seconds, nanos) = uuid::Uuid::parse_str(id).ok()?.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

/// What became of an order to free a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is free.
    Done,
    /// Its call is under way.
    UnderWay,
    /// There is no such key whose outcome is unknown.
    NotUnknown,
}
