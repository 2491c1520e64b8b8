//! The record of keyed writes, kept in the state store.
//!
//! Invariant: a claim whose process died is unknown until its time is over, because nobody knows whether its write
//! arrived.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;

use crate::dispatch::idempotency::{Begun, IN_DOUBT, IdempotencyStore, Lease, Outcome};
use crate::stores::{self, IdempotentCall, StateStore, StoredAnswer};

// The store knows by it what an operator may free.
const _: () = assert!(IN_DOUBT == StoredAnswer::IN_DOUBT);

/// Keyed writes in a state store.
pub(super) struct Record {
    store: Arc<dyn StateStore>,
    ttl: Duration,
}

impl Record {
    /// Remembers outcomes for `ttl`.
    pub(super) fn new(store: Arc<dyn StateStore>, ttl: Duration) -> Self {
        Record { store, ttl }
    }
}

impl IdempotencyStore for Record {
    fn begin(
        &self,
        scope: &str,
        key: &str,
        fingerprint: [u8; 32],
        lease: Duration,
    ) -> BoxFuture<Result<Begun, Failure>> {
        let (store, ttl) = (self.store.clone(), self.ttl);
        let (scope, key) = (scope.to_owned(), key.to_owned());
        let fingerprint = blake3::Hash::from_bytes(fingerprint).to_hex();
        Box::pin(async move {
            let call = IdempotentCall {
                scope: &scope,
                key: &key,
                fingerprint: &fingerprint,
                ttl,
                lease,
            };
            Ok(match store.begin(call, Timestamp::now()).await? {
                stores::Begun::New(lease) => Begun::New(lease.into()),
                stores::Begun::InFlight => Begun::InFlight,
                stores::Begun::Unknown => Begun::Unknown,
                stores::Begun::Replay(answer) => Begun::Replay(answer.into()),
                stores::Begun::Mismatch => Begun::Mismatch,
            })
        })
    }

    fn complete(&self, lease: Lease, outcome: Outcome) -> BoxFuture<Result<(), Failure>> {
        let store = self.store.clone();
        Box::pin(async move {
            let answer = StoredAnswer {
                status: outcome.status,
                content_type: outcome.content_type,
                body: outcome.body,
            };
            Ok(store.complete(&lease.into(), &answer).await?)
        })
    }

    fn abandon(&self, lease: Lease) -> BoxFuture<Result<(), Failure>> {
        let store = self.store.clone();
        Box::pin(async move { Ok(store.abandon(&lease.into()).await?) })
    }
}

impl From<stores::Lease> for Lease {
    fn from(lease: stores::Lease) -> Self {
        Lease {
            scope: lease.scope.into(),
            key: lease.key.into(),
            token: lease.token.into(),
        }
    }
}

impl From<Lease> for stores::Lease {
    fn from(lease: Lease) -> Self {
        stores::Lease {
            scope: lease.scope.to_string(),
            key: lease.key.to_string(),
            token: lease.token.to_string(),
        }
    }
}

impl From<StoredAnswer> for Outcome {
    fn from(answer: StoredAnswer) -> Self {
        Outcome {
            status: answer.status,
            content_type: answer.content_type,
            body: answer.body,
        }
    }
}
