//! The engine as the dispatcher sees it.
//!
//! Invariant: this is the only way from a surface into the engine.

use std::sync::Arc;

use mosaic_actors::call::{Answer, Call, Caller, OperationRef};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use mosaic_actors::system::System;

use crate::dispatch::Calls;

/// A system's gateway.
pub(super) struct Engine(pub(super) System);

impl Calls for Engine {
    fn call(&self, call: Call) -> BoxFuture<Result<Answer, Failure>> {
        let gateway = self.0.gateway().clone();
        Box::pin(async move { gateway.call(call).await })
    }

    fn instances(&self, operation: OperationRef, caller: &Caller) -> Vec<Arc<str>> {
        self.0.capable(operation, &caller.tenant)
    }
}
