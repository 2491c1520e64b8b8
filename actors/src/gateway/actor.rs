//! The gateway actor: starts one task for each call that is not served from memory.
//!
//! Invariant: it never waits; a crash of it loses no call that has a task.

use std::sync::Arc;

use super::admission::Admission;
use super::env::TaskEnv;
use super::task::run;
use crate::messages::GatewayMsg;
use crate::supervision::{ChildSpec, Context, Fault, Handle, Worker};

struct GatewayActor {
    env: Arc<TaskEnv>,
}

/// The child spec of the gateway actor.
pub(crate) fn gateway_spec(handle: &Handle<GatewayMsg>, env: &Arc<TaskEnv>, admission: &Arc<Admission>) -> ChildSpec {
    let (env, flights, admission) = (env.clone(), env.cache.flights.clone(), admission.clone());
    ChildSpec::worker("gateway", handle, move || Ok(GatewayActor { env: env.clone() }))
        .kind("gateway")
        .gauges(Arc::new(move || {
            vec![
                ("in_flight", admission.in_flight() as u64),
                ("max_in_flight", admission.max_in_flight() as u64),
                ("free_permits", admission.free_permits() as u64),
                ("flights", flights.len() as u64),
            ]
        }))
}

impl Worker for GatewayActor {
    type Msg = GatewayMsg;

    async fn handle(&mut self, message: GatewayMsg, _cx: &Context<GatewayMsg>) -> Result<(), Fault> {
        let GatewayMsg::Carry(job, reply) = message;
        tokio::spawn(run(job, reply, self.env.clone()));
        Ok(())
    }
}
