//! Drivers of one instance, made anew at each start of its provider's actor.
//!
//! Invariant: a credential is read anew each time, and its scope and quota go with it.

use std::sync::{Arc, Mutex, PoisonError};

use mosaic_actors::driver::{BoxFuture, Driver};
use mosaic_actors::error::Failure;
use secrecy::SecretString;

use super::credentials::{Unread, given};
use super::manifest::Manifest;
use crate::config::ProviderConfig;
use crate::providers::http::credential::{Given, Keep};
use crate::providers::http::quota::{Quota, Quotas};
use crate::providers::{Connection, Kind};

/// Makes the drivers of one instance.
pub(super) struct Maker {
    pub(super) kind: Kind,
    pub(super) connection: Connection,
    pub(super) manifest: Manifest,
    pub(super) whom: [String; 3],
    pub(super) quotas: Arc<Quotas>,
    /// Held from one driver to the next, which mostly comes with the same credential.
    pub(super) quota: Mutex<Arc<Quota>>,
    /// Where what is renewed is kept.
    pub(super) keep: Option<Arc<dyn Keep>>,
}

impl Maker {
    pub(super) fn credential(&self) -> Result<Option<Given>, Unread> {
        match &self.manifest.credential {
            Some(secret) => Ok(Some(SecretString::from(secret.expose()).into())),
            None => given(&self.manifest.provider, self.keep.as_ref()),
        }
    }

    pub(super) fn read_credential(&self) -> Result<Option<Given>, Failure> {
        self.credential()
            .map_err(|Unread { key, error }| Failure::invalid(key, error.to_string()))
    }

    pub(super) fn make(&self, credential: Option<Given>) -> Result<Arc<dyn Driver>, Failure> {
        (self.kind.connect)(&self.with(credential))
    }

    /// Reads the credential anew, and tells its scope anew: what another one could see is not served on.
    pub(super) fn remake(&self) -> BoxFuture<Result<Arc<dyn Driver>, Failure>> {
        match self.read_credential() {
            Ok(credential) => (self.kind.start)(&self.with(credential)),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }

    pub(super) fn with(&self, credential: Option<Given>) -> Connection {
        Connection {
            scope: Some(credential_scope(&self.whom, credential.as_ref())),
            quota: self.quota_of(credential.as_ref()),
            credential,
            ..self.connection.clone()
        }
    }

    /// How an instance asks has no part in whose quota it spends.
    fn quota_of(&self, credential: Option<&Given>) -> Arc<Quota> {
        let [kind, base_url, _] = &self.whom;
        let quota = self.quotas.of(credential_scope(&[kind, base_url], credential));
        // Held for an assignment; no panic leaves half of one.
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner) = quota.clone();
        quota
    }
}

/// Whom an instance asks, and how.
pub(super) fn whom(provider: &ProviderConfig) -> [String; 3] {
    [
        provider.kind.clone(),
        provider.base_url.as_ref().map(ToString::to_string).unwrap_or_default(),
        serde_json::Value::Object(provider.settings.clone()).to_string(),
    ]
}

/// Tells apart in cache keys whom an instance asks, how, and with which credential, without holding the latter. Nodes that
/// share a cache may have instances of one name and different settings.
pub(super) fn credential_scope(whom: &[impl AsRef<str>], credential: Option<&Given>) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("mosaic credential scope of cache keys");
    let credential = credential.map_or_else(|| vec![String::new()], Given::distinct);
    for part in whom
        .iter()
        .map(AsRef::as_ref)
        .chain(credential.iter().map(String::as_str))
    {
        // The length first: no two sequences of parts run together to the same bytes.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut scope = [0; 8];
    scope.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(scope)
}
