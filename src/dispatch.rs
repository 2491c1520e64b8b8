//! From a surface's request to the engine's call: one way for REST, CLI and every surface to come.
//!
//! Invariant: surfaces never build a `Call` themselves; whatever they accept goes through [`Dispatcher::invoke`].

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::call::{Answer, Call, Caller};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use serde_json::Value;

use crate::catalogue::Entry;

/// What the dispatcher needs of the engine.
pub trait Calls: Send + Sync + 'static {
    /// Carries one call to its reply.
    fn call(&self, call: Call) -> BoxFuture<Result<Answer, Failure>>;

    /// The instances that could serve `operation` for `caller`, for `provider=all`.
    fn instances(&self, operation: &str, caller: &Caller) -> Vec<Arc<str>>;
}

/// One request of a surface.
pub struct Invocation {
    /// The operation.
    pub entry: &'static Entry,
    /// The input as JSON.
    pub input: Value,
    /// Who calls.
    pub caller: Caller,
    /// What may be said beside the input.
    pub options: Options,
}

/// What a caller may say beside the input, at every surface.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The instance to ask, or `all` for a list.
    pub provider: Option<String>,
    /// The provider's own JSON beside the neutral one.
    pub include_raw: bool,
    /// No answer from cache.
    pub no_cache: bool,
    /// How long the caller will wait; bounded by the configuration.
    pub timeout: Option<Duration>,
    /// Makes a write repeatable.
    pub idempotency_key: Option<String>,
    /// The request id; made where absent.
    pub request_id: Option<Arc<str>>,
}
