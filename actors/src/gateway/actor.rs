//! The gateway actor: starts one task for each call that is not served from memory.
//!
//! Invariant: it never waits; a crash of it loses no call that has a task.

use std::sync::Arc;

use super::Core;
use super::task::{Job, run};
use crate::port::ReplyPort;
use crate::supervision::{ChildSpec, Context, Fault, Message, Worker};

/// What the gateway actor is told.
pub(crate) enum GatewayMsg {
    /// Carry this call.
    Carry(Job, ReplyPort),
}

impl Message for GatewayMsg {
    fn label(&self) -> &'static str {
        match self {
            GatewayMsg::Carry(job, _) => job.call.operation.name,
        }
    }
}

struct GatewayActor {
    core: Arc<Core>,
}

/// The child spec of the gateway actor.
pub(crate) fn gateway_spec(core: &Arc<Core>) -> ChildSpec {
    let handle = core.gateway.clone();
    let (core, shown) = (core.clone(), core.clone());
    ChildSpec::worker("gateway", &handle, move || Ok(GatewayActor { core: core.clone() }))
        .kind("gateway")
        .gauges(Arc::new(move || {
            vec![
                ("in_flight", shown.calls.len() as u64),
                ("max_in_flight", shown.settings.max_in_flight as u64),
                ("free_permits", shown.permits.available_permits() as u64),
                ("flights", shown.flights.len() as u64),
            ]
        }))
}

impl Worker for GatewayActor {
    type Msg = GatewayMsg;

    async fn handle(&mut self, message: GatewayMsg, _cx: &Context<GatewayMsg>) -> Result<(), Fault> {
        let GatewayMsg::Carry(job, reply) = message;
        tokio::spawn(run(job, reply, self.core.clone()));
        Ok(())
    }
}
