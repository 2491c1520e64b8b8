//! The state as the place of tokens that are renewed.
//!
//! Invariant: the right to renew is a document that is made, or replaced when its time is over, by one gateway alone.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use mosaic_actors::error::Failure;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::providers::http::credential::{Claim, Keep};
use crate::secret::Secret;
use crate::stores::{Expected, StateStore, StoreError};

/// The kind of the documents that are rights to renew.
const KIND: &str = "credential_lease";

/// The name that an instance's tokens are kept under.
pub(super) fn name_of(instance: &str) -> String {
    format!("providers.{instance}.oauth")
}

/// One instance's place.
pub(super) struct Kept {
    store: Arc<dyn StateStore>,
    name: String,
}

impl Kept {
    /// The place of an instance's tokens in `store`.
    pub(super) fn place(store: Arc<dyn StateStore>, instance: &str) -> Arc<dyn Keep> {
        Arc::new(Kept {
            store,
            name: name_of(instance),
        })
    }

    async fn claimed(&self, lease: Duration, now: Timestamp) -> Result<Option<Claim>, StoreError> {
        let found = self.store.get_document(KIND, &self.name).await?;
        let held = found.as_ref().is_some_and(|document| {
            let until = document.body.get("until").and_then(serde_json::Value::as_i64);
            until.is_some_and(|until| now.as_second() < until)
        });
        if held {
            return Ok(None);
        }
        let expected = found.map_or(Expected::Absent, |document| Expected::Version(document.version));
        let until = now.as_second().saturating_add_unsigned(lease.as_secs());
        let body = json!({ "until": until });
        match self.store.put_document(KIND, &self.name, &body, expected).await {
            Ok(version) => Ok(Some(Claim(version))),
            // Another was faster.
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

impl Keep for Kept {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, Failure>> {
        async {
            let kept = self.store.get_credential(&self.name).await?;
            Ok(kept.map(|secret| SecretString::from(secret.expose())))
        }
        .boxed()
    }

    fn save(&self, kept: SecretString) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let secret = Secret::new(kept.expose_secret());
            Ok(self.store.put_credential(&self.name, &secret).await?)
        }
        .boxed()
    }

    fn claim(&self, lease: Duration) -> BoxFuture<'_, Result<Option<Claim>, Failure>> {
        async move { Ok(self.claimed(lease, Timestamp::now()).await?) }.boxed()
    }

    fn release(&self, claim: Claim) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let ours = Expected::Version(claim.0);
            match self.store.delete_document(KIND, &self.name, ours).await {
                // Its time was over, and another has it.
                Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
                Err(other) => Err(other.into()),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::{MemoryStore, Vault};

    #[tokio::test]
    async fn one_has_the_right_until_it_is_given_back_or_over() {
        let vault = Vault::ephemeral().expect("randomness");
        let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(Some(vault)));
        let place = |instance: &str| Kept {
            store: store.clone(),
            name: name_of(instance),
        };
        let (one, other, apart) = (place("a"), place("a"), place("b"));
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).expect("a time");
        let lease = Duration::from_secs(60);
        let first = one.claimed(lease, at(0)).await.expect("it is up").expect("it is free");
        assert_eq!(other.claimed(lease, at(59)).await.expect("it is up"), None);
        assert!(apart.claimed(lease, at(59)).await.expect("it is up").is_some());
        let second = other.claimed(lease, at(60)).await.expect("it is up");
        assert!(second.is_some_and(|second| second != first));
        // Who has lost it takes it from nobody.
        one.release(first).await.expect("no error");
        assert_eq!(one.claimed(lease, at(61)).await.expect("it is up"), None);
        other.release(second.expect("it has it")).await.expect("it is up");
        assert!(one.claimed(lease, at(61)).await.expect("it is up").is_some());
    }
}
