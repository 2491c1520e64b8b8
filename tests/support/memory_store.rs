//! Keyed writes recorded in memory: the contract of `IdempotencyStore` in its shortest form.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mosaic::dispatch::IdempotencyStore;
use mosaic::dispatch::idempotency::{Begun, Lease, Outcome};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;

type Records = HashMap<(String, String), ([u8; 32], Option<Outcome>)>;

#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<Records>,
}

impl MemoryStore {
    fn change<T>(&self, change: impl FnOnce(&mut Records) -> T) -> T {
        change(&mut self.records.lock().expect("no change panics"))
    }
}

impl IdempotencyStore for MemoryStore {
    fn begin(
        &self,
        scope: &str,
        key: &str,
        fingerprint: [u8; 32],
        _ttl: Duration,
    ) -> BoxFuture<Result<Begun, Failure>> {
        let begun = self.change(|records| {
            let name = (scope.to_owned(), key.to_owned());
            match records.get(&name) {
                Some((known, _)) if *known != fingerprint => Begun::Mismatch,
                Some((_, Some(outcome))) => Begun::Replay(outcome.clone()),
                Some((_, None)) => Begun::InFlight,
                None => {
                    records.insert(name, (fingerprint, None));
                    Begun::New(Lease {
                        scope: Arc::from(scope),
                        key: Arc::from(key),
                        token: Arc::from("1"),
                    })
                }
            }
        });
        Box::pin(async move { Ok(begun) })
    }

    fn complete(&self, lease: Lease, outcome: Outcome) -> BoxFuture<Result<(), Failure>> {
        self.change(|records| {
            if let Some(record) = records.get_mut(&(lease.scope.to_string(), lease.key.to_string())) {
                record.1 = Some(outcome);
            }
        });
        Box::pin(async { Ok(()) })
    }

    fn abandon(&self, lease: Lease) -> BoxFuture<Result<(), Failure>> {
        self.change(|records| records.remove(&(lease.scope.to_string(), lease.key.to_string())));
        Box::pin(async { Ok(()) })
    }
}
