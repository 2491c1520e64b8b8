//! The engine as the dispatcher sees it.
//!
//! Invariant: this is the only way from a surface into the engine.

use std::sync::Arc;

use mosaic_actors::call::{Answer, Call, Caller, OperationRef};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::routing::RouteTrace;
use mosaic_actors::system::System;

use crate::dispatch::Calls;
use crate::dispatch::options::PROVIDER;

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

    fn is_undecided(&self, call: &Call) -> bool {
        let mut unruled = Unruled(false);
        let routed = self.0.route(call, &mut unruled);
        let of_provider =
            |failure: Failure| failure.kind == Kind::InvalidInput && failure.field.as_deref() == Some(PROVIDER);
        unruled.0 && routed.is_err_and(of_provider)
    }
}

/// Whether no rule has decided.
struct Unruled(bool);

impl RouteTrace for Unruled {
    fn unruled(&mut self) {
        self.0 = true;
    }
}
