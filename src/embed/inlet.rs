//! Deliveries: proven, read, and given to the bus.
//!
//! Invariant: nothing is read of a delivery that is not proven, save the secret that a first one brings; what it tells is
//! invalid in the cache before anybody is told, and a sender is answered only once its events are kept.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use subtle::ConstantTimeEq as _;

use super::digest::digest;
use super::mosaic::Mosaic;
use super::native;
use crate::bus::Came;
use crate::catalogue::event::Told;
use crate::config::WebhookConfig;
use crate::providers::webhooks::Webhooks;
use crate::providers::webhooks::proof::{self, Standing};
use crate::secret::{Secret, SecretRef};
use crate::stores::Appended;
use crate::surfaces::webhooks::Bound;

/// The most bytes of a first delivery, which brings a secret and nothing else.
const GREETING: usize = 4 << 10;
/// Whoever hears it knows the secret path, or has guessed it: the operator's eyes decide whose secret it is.
const WAITS: &str = "another first delivery has brought a secret, which waits to be told: `mosaic plugins webhook-token` tells \
                     it, and makes room";

/// Where deliveries of an instance may come.
pub(super) struct Inlet {
    gateway: Mosaic,
    instance: Arc<str>,
    webhooks: &'static Webhooks,
    secret: Option<Secret>,
    /// Whether it is behind a secret path.
    hidden: bool,
    /// What the delivery's head says of its proof.
    standing: Standing,
}

/// A delivery that is proven and read.
pub(super) struct Read {
    gateway: Mosaic,
    instance: Arc<str>,
    names: Vec<String>,
    told: Vec<Told>,
    at: Timestamp,
}

/// What came of a delivery's reading.
pub(super) enum Proven {
    /// A first one, whose secret waits to be told.
    Greeted,
    /// Any other.
    Read(Read),
}

impl Mosaic {
    /// Where a delivery comes for `instance`, behind its secret path where it has one.
    ///
    /// # Errors
    /// `not_found` where it takes none there: whether it is there at all is told to nobody; `unauthenticated` where the
    /// delivery can prove nothing, whatever its body is.
    pub(super) async fn inlet(
        &self,
        instance: &str,
        path_secret: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Inlet, Failure> {
        let found = self.find_inlet(instance, path_secret, headers).await;
        let inlet = found.and_then(|inlet| {
            let nowhere = || Failure::new(Kind::NotFound, "no deliveries are taken here").never_sent();
            let inlet = inlet.ok_or_else(nowhere)?;
            match inlet.standing == Standing::Unproven && !inlet.may_greet() {
                true => Err(proof::unproven()),
                false => Ok(inlet),
            }
        });
        inlet.inspect_err(|_| self.inner.bus.meters().count(Came::Refused))
    }

    async fn find_inlet(
        &self,
        instance: &str,
        path_secret: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Option<Inlet>, Failure> {
        let spec = self.system().plugins().spec(instance);
        let Some(provider) = spec.as_ref().and_then(native::provider) else {
            return Ok(None);
        };
        let Some(webhooks) = self.inner.instances.native.webhooks(&provider.kind) else {
            return Ok(None);
        };
        let WebhookConfig {
            secret,
            path_secret: path,
            ..
        } = &provider.webhook;
        // An operator may have turned a secret's file since the last delivery, as with credentials.
        let (secret, path) = (read(secret.as_ref()).await?, read(path.as_ref()).await?);
        let alone = webhooks.proofs.is_empty() || webhooks.introduces();
        let proves = secret.is_some() || path.is_some() && alone;
        let is_there = match (&path, path_secret) {
            (None, None) => true,
            (Some(expected), Some(given)) => bool::from(expected.expose().as_bytes().ct_eq(given.as_bytes())),
            _ => false,
        };
        let standing = match &secret {
            Some(secret) => proof::at_head(webhooks.proofs, headers, secret.expose(), Timestamp::now()),
            None if webhooks.proofs.is_empty() => Standing::Proven,
            None => Standing::Unproven,
        };
        Ok((proves && is_there).then(|| Inlet {
            gateway: self.clone(),
            instance: Arc::from(instance),
            webhooks,
            secret,
            hidden: path.is_some(),
            standing,
        }))
    }
}

/// Reads a secret as it is now. A file's disk may take its time: nobody else waits for it.
async fn read(reference: Option<&SecretRef>) -> Result<Option<Secret>, Failure> {
    let Some(reference) = reference.cloned() else {
        return Ok(None);
    };
    let unread = |why: &dyn fmt::Display| {
        // Which one, and why, is for operators, and stands in the log.
        tracing::error!(error = %why, "the secret of a webhook cannot be read");
        Failure::new(Kind::Overloaded, "deliveries cannot be proven for the moment")
    };
    let read = match reference {
        SecretRef::Env(_) => Ok(reference.resolve()),
        SecretRef::File(_) => tokio::task::spawn_blocking(move || reference.resolve()).await,
    };
    match read {
        Ok(Ok(secret)) => Ok(Some(secret)),
        Ok(Err(error)) => Err(unread(&error)),
        Err(error) => Err(unread(&error)),
    }
}

impl Inlet {
    /// Whether the delivery may be a first one, that brings its secret: no secret that is known proves such a one.
    fn may_greet(&self) -> bool {
        self.hidden && self.webhooks.introduces()
    }

    /// Whether its head has proven it.
    pub(super) fn is_proven(&self) -> bool {
        self.standing == Standing::Proven
    }

    /// What bounds its body, where it can be no more than a first one.
    pub(super) fn bound(&self) -> Option<Bound> {
        (self.standing == Standing::Unproven).then(|| Bound {
            most: GREETING,
            refused: proof::unproven(),
        })
    }

    /// Holds a delivery to its proof, and reads it.
    ///
    /// # Errors
    /// `unauthenticated` where it is not proven, `invalid_input` where it cannot be read.
    pub(super) fn prove(self, headers: &HeaderMap, body: &[u8]) -> Result<Proven, Failure> {
        let now = Timestamp::now();
        let meters = self.gateway.inner.bus.meters();
        if let Some(secret) = self.introduction(headers, body, now) {
            if !self.gateway.inner.introduced.keep(&self.instance, secret) {
                tracing::warn!(
                    instance = &*self.instance,
                    "a first delivery has brought another secret while one waits to be told; it is refused"
                );
                meters.count(Came::Refused);
                return Err(Failure::new(Kind::Conflict, WAITS));
            }
            tracing::info!(
                instance = &*self.instance,
                "a first delivery has brought its secret, to be told once"
            );
            meters.count(Came::Kept);
            return Ok(Proven::Greeted);
        }
        let names = self
            .proven(headers, body, now)
            .inspect_err(|_| meters.count(Came::Refused))?;
        let told = (self.webhooks.read)(headers, body).inspect_err(|_| meters.count(Came::Unread))?;
        Ok(Proven::Read(Read {
            gateway: self.gateway,
            instance: self.instance,
            names,
            told,
            at: now,
        }))
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
        let digested = || format!("body:{}", digest(body));
        // Where it has no name it is known by its bytes.
        let Some(name) = self.webhooks.named(headers, body) else {
            return Ok(vec![digested()]);
        };
        let mut names = vec![format!("id:{}", digest(name.as_bytes()))];
        // Unless anybody who has seen them could send them again under another: what is signed is the bytes alone.
        if self.webhooks.is_named_by_head(headers) && proof::is_of_body_alone(self.webhooks.proofs, headers) {
            names.push(digested());
        }
        Ok(names)
    }
}

impl Proven {
    /// Gives what was read to the bus.
    ///
    /// # Errors
    /// `rate_limited` where more wait than may, and what the store fails with. Nothing is kept then.
    pub(super) async fn keep(self) -> Result<Appended, Failure> {
        match self {
            Proven::Greeted => Ok(Appended::Kept(None)),
            Proven::Read(read) => read.keep().await,
        }
    }
}

impl Read {
    async fn keep(self) -> Result<Appended, Failure> {
        let Read {
            gateway,
            instance,
            names,
            told,
            at,
        } = self;
        let taken = gateway.tell(&instance, names, told, at).await;
        gateway.inner.bus.meters().count(match &taken {
            Ok(Appended::Kept(_)) => Came::Kept,
            Ok(Appended::Repeated) => Came::Repeated,
            Err(failure) if failure.kind == Kind::InvalidInput => Came::Unread,
            Err(_) => Came::Full,
        });
        taken
    }
}
