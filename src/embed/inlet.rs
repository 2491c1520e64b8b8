//! Deliveries: proven, read, and given to the bus.
//!
//! Invariant: nothing is read of a delivery that is not proven, save the secret that a first one brings; what it tells is
//! invalid in the cache before anybody is told, and a sender is answered only once its events are kept.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use subtle::ConstantTimeEq as _;

use super::mosaic::Mosaic;
use super::native;
use super::told::digest;
use crate::bus::Came;
use crate::config::{ProviderConfig, WebhookConfig};
use crate::providers::webhooks::{Webhooks, proof};
use crate::secret::{Secret, SecretRef};
use crate::stores::Appended;

/// Where deliveries of an instance may come.
pub(super) struct Inlet {
    gateway: Mosaic,
    instance: Arc<str>,
    webhooks: &'static Webhooks,
    secret: Option<Secret>,
    /// Whether it is behind a secret path.
    hidden: bool,
}

impl Mosaic {
    /// Where deliveries come for `instance`, behind its secret path where it has one.
    ///
    /// # Errors
    /// `not_found` where it takes none there: whether it is there at all is told to nobody.
    pub(super) fn inlet(&self, instance: &str, path_secret: Option<&str>) -> Result<Inlet, Failure> {
        let found = self.find_inlet(instance, path_secret);
        if !matches!(found, Ok(Some(_))) {
            self.inner.bus.meters().count(Came::Refused);
        }
        found?.ok_or_else(|| Failure::new(Kind::NotFound, "no deliveries are taken here").never_sent())
    }

    fn find_inlet(&self, instance: &str, path_secret: Option<&str>) -> Result<Option<Inlet>, Failure> {
        let spec = self.system().plugins().spec(instance);
        let Some(provider) = spec.as_ref().and_then(native::provider) else {
            return Ok(None);
        };
        let Some(webhooks) = self.inner.instances.native.webhooks(&provider.kind) else {
            return Ok(None);
        };
        let ProviderConfig {
            webhook:
                WebhookConfig {
                    secret,
                    path_secret: path,
                    ..
                },
            ..
        } = provider;
        // An operator may have turned a secret's file since the last delivery, as with credentials.
        let (secret, path) = (read(secret.as_ref())?, read(path.as_ref())?);
        let alone = webhooks.proofs.is_empty() || webhooks.introduces();
        let proves = secret.is_some() || path.is_some() && alone;
        let is_there = match (&path, path_secret) {
            (None, None) => true,
            (Some(expected), Some(given)) => bool::from(expected.expose().as_bytes().ct_eq(given.as_bytes())),
            _ => false,
        };
        Ok((proves && is_there).then(|| Inlet {
            gateway: self.clone(),
            instance: Arc::from(instance),
            webhooks,
            secret,
            hidden: path.is_some(),
        }))
    }
}

fn read(reference: Option<&SecretRef>) -> Result<Option<Secret>, Failure> {
    let read = reference.map(SecretRef::resolve).transpose();
    // Which one, and why, is for operators, and stands in the log.
    read.map_err(|error| {
        tracing::error!(%error, "the secret of a webhook cannot be read");
        Failure::new(Kind::Overloaded, "deliveries cannot be proven for the moment")
    })
}

impl Inlet {
    /// Takes a delivery.
    ///
    /// # Errors
    /// `unauthenticated` where it is not proven, `invalid_input` where it cannot be read, `rate_limited` where more wait
    /// than may, and what the store fails with. Nothing is kept then.
    pub(super) async fn take(self, headers: &HeaderMap, body: Bytes) -> Result<Appended, Failure> {
        let now = Timestamp::now();
        let meters = self.gateway.inner.bus.meters();
        if let Some(secret) = self.introduction(headers, &body, now) {
            self.gateway.inner.introduced.keep(&self.instance, secret);
            tracing::info!(
                instance = &*self.instance,
                "a first delivery has brought its secret, to be told once"
            );
            meters.count(Came::Kept);
            return Ok(Appended::Kept(None));
        }
        let names = self
            .proven(headers, &body, now)
            .inspect_err(|_| meters.count(Came::Refused))?;
        let told = (self.webhooks.read)(headers, &body).inspect_err(|_| meters.count(Came::Unread))?;
        let taken = self.gateway.tell(&self.instance, names, told, now).await;
        meters.count(match &taken {
            Ok(Appended::Kept(_)) => Came::Kept,
            Ok(Appended::Repeated) => Came::Repeated,
            Err(failure) if failure.kind == Kind::InvalidInput => Came::Unread,
            Err(_) => Came::Full,
        });
        taken
    }

    /// The secret that a first delivery brings, where it comes by a path that nobody guesses; anybody could send one by
    /// another. A signature that it has is one by what it brings.
    fn introduction(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<Secret> {
        let within = self.webhooks.within.as_ref().filter(|_| self.hidden)?;
        let brought = (within.secret)(body)?;
        let proofs = self.webhooks.proofs;
        let holds = |secret: &Secret| proof::prove(proofs, headers, body, secret.expose(), now).is_ok();
        // What is configured already is brought once more.
        let known = self.secret.as_ref().is_some_and(&holds);
        let sound = !proof::is_given(proofs, headers) || holds(&brought);
        (!known && sound).then_some(brought)
    }

    /// The names of a delivery that is proven.
    fn proven(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Vec<String>, Failure> {
        match &self.secret {
            Some(secret) => proof::prove(self.webhooks.proofs, headers, body, secret.expose(), now)?,
            None if self.webhooks.proofs.is_empty() => {}
            // Its secret is not configured yet: all but its first delivery is unproven.
            None => return Err(proof::unproven()),
        }
        // Where it has no name it is known by its bytes; where it has one, equal bytes may well tell of two events.
        let name = match self.webhooks.named(headers, body) {
            Some(name) => format!("id:{}", digest(name.as_bytes())),
            None => format!("body:{}", digest(body)),
        };
        Ok(vec![name])
    }
}
