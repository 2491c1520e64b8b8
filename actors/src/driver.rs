//! The seam between the engine and a provider's driver.
//!
//! Invariant: the trait is object-safe and speaks only of calls, answers and failures, so that a driver may be
//! native code, a sandboxed module or a test's closure.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::call::{Answer, Call};
use crate::error::Failure;
use crate::rate_limit::RateLimit;

pub use crate::capabilities::Capabilities;

/// A boxed future that can be spawned.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// What a health check that found its provider well tells of our credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// It serves: nobody is answered so without one.
    Serves,
    /// Nothing: none was asked for, as far as is known.
    Unproven,
}

/// A provider's driver: turns a neutral call into the provider's requests and its answer back.
///
/// It is called from a task of its own, may be called many times at once, and is dropped mid-way when the caller
/// goes away. It never retries, save what was refused for a credential that it has renewed meanwhile, once; and it keeps no
/// time: the engine does both.
pub trait Driver: Send + Sync + 'static {
    /// Does one call.
    ///
    /// # Errors
    /// Any [`Failure`]; set [`Failure::unsent`] where the request is proven not to have left, [`Failure::unbilled`] where
    /// the provider is proven to have done nothing that costs, [`Failure::unreadable`] where it answered what cannot be
    /// used.
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>>;

    /// Asks the provider, cheaply, whether it is there and takes our credential; where it is there, tells what that proves
    /// of the credential.
    ///
    /// # Errors
    /// What a call would fail with.
    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>>;

    /// What this driver can do of what its kind can, where its server's version narrows it; `None`: all.
    fn capabilities(&self) -> Option<Capabilities> {
        None
    }

    /// Tells apart whom it asks and with which rights, so that answers had with others are never met (a hash, never the
    /// credential); `None`: as its instance's settings say.
    fn credential_scope(&self) -> Option<u64> {
        None
    }

    /// Little is left of the quota that the provider grants: nothing is asked that nobody waits for, and of equivalents
    /// another is asked first. Read for every attempt: it asks nobody.
    fn is_scarce(&self) -> bool {
        false
    }

    /// What the provider said of its limits on us, as it stands. Read often: it asks nobody.
    fn rate_limits(&self) -> Vec<RateLimit> {
        Vec::new()
    }

    /// The resource among [`Driver::rate_limits`] of which this call takes one: what is left of it is spread until it is
    /// granted anew. `None`: there is none, or nobody knows which; then it is not kept back. Read for every attempt: it asks
    /// nobody.
    fn paced_by(&self, _call: &Call) -> Option<Arc<str>> {
        None
    }

    /// The names of what the provider offers and is asked for by name (its models); `None` where it cannot tell. Asked
    /// when its actor starts and from time to time; how that ends bears on nothing else.
    ///
    /// # Errors
    /// What a call would fail with.
    fn offers(self: Arc<Self>) -> BoxFuture<Result<Option<Vec<Arc<str>>>, Failure>> {
        Box::pin(async { Ok(None) })
    }

    /// Gives back what it holds, at an orderly stop of its provider actor. Cut off when the actor's shutdown time ends.
    fn stop(self: Arc<Self>) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

/// Makes a driver anew, at first start and at each restart of its provider actor. It may ask its server something first;
/// the actor's start timeout bounds it.
pub type DriverFactory = Arc<dyn Fn() -> BoxFuture<Result<Arc<dyn Driver>, Failure>> + Send + Sync>;

/// A factory of drivers that are made without waiting.
pub fn ready<F>(make: F) -> DriverFactory
where
    F: Fn() -> Result<Arc<dyn Driver>, Failure> + Send + Sync + 'static,
{
    Arc::new(move || Box::pin(std::future::ready(make())))
}
