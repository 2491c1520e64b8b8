//! The seam between the engine and a provider's driver.
//!
//! Invariant: the trait is object-safe and speaks only of calls, answers and failures, so that a driver may be
//! native code, a sandboxed module or a test's closure.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::call::{Answer, Call};
use crate::error::Failure;

/// A boxed future that can be spawned.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A provider's driver: turns a neutral call into the provider's requests and its answer back.
///
/// It is called from a task of its own, may be called many times at once, and is dropped mid-way when the caller
/// goes away. It never retries; the engine does.
pub trait Driver: Send + Sync + 'static {
    /// The operations it can do, by name.
    fn capabilities(&self) -> &Capabilities;

    /// Does one call.
    ///
    /// # Errors
    /// Any [`Failure`]; set [`Failure::unsent`] where the request is proven not to have left.
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>>;

    /// Asks the provider, cheaply, whether it is there and takes our credential.
    ///
    /// # Errors
    /// What a call would fail with.
    fn health(self: Arc<Self>) -> BoxFuture<Result<(), Failure>>;

    /// Gives back what it holds, at an orderly stop of its provider actor. Cut off when the actor's shutdown time ends.
    fn stop(self: Arc<Self>) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

/// Makes a driver anew, at first start and at each restart of its provider actor.
pub type DriverFactory = Arc<dyn Fn() -> Result<Arc<dyn Driver>, Failure> + Send + Sync>;

/// The operations that a driver can do.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    operations: HashSet<&'static str>,
}

impl Capabilities {
    /// Whether `operation` (a full name) can be done.
    pub fn can(&self, operation: &str) -> bool {
        self.operations.contains(operation)
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.operations.iter().copied().collect();
        names.sort_unstable();
        names
    }

    /// Whether any operation of `service` can be done.
    pub fn serves(&self, service: &str) -> bool {
        self.operations
            .iter()
            .any(|name| name.split('.').next() == Some(service))
    }
}

impl FromIterator<&'static str> for Capabilities {
    fn from_iter<I: IntoIterator<Item = &'static str>>(names: I) -> Self {
        Capabilities {
            operations: names.into_iter().collect(),
        }
    }
}
