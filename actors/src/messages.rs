//! What the gateway and the router are told.
//!
//! Invariant: a message owns what it needs, permits included, so one that is lost with a mailbox gives all of it back.

use std::sync::Arc;

use crate::bulkhead::BulkheadPermit;
use crate::gateway::job::Job;
use crate::instance::Grant;
use crate::port::{AttemptPort, ReplyPort};
use crate::supervision::Message;

/// What the gateway actor is told.
pub(crate) enum GatewayMsg {
    /// Carry this call.
    Carry(Arc<Job>, ReplyPort),
}

impl Message for GatewayMsg {
    fn label(&self) -> &'static str {
        match self {
            GatewayMsg::Carry(..) => "carry",
        }
    }
}

/// What the router is told.
pub(crate) enum RouterMsg {
    /// Find a candidate for one attempt.
    Attempt(Attempt),
    /// The registry of plugins has changed.
    Refresh,
}

impl Message for RouterMsg {
    fn label(&self) -> &'static str {
        match self {
            RouterMsg::Attempt(_) => "attempt",
            RouterMsg::Refresh => "refresh",
        }
    }
}

/// One attempt that looks for a candidate.
pub(crate) struct Attempt {
    /// The call. Its permits travel with it: a call that is given up frees them only when its message has left a mailbox.
    pub(crate) job: Arc<Job>,
    /// Instances that failed this call.
    pub(crate) excluded: Vec<Arc<str>>,
    /// The instance to ask again, if it may be asked.
    pub(crate) prefer: Option<Arc<str>>,
    /// It is the call's first attempt, which takes a turn of the balancer.
    pub(crate) first: bool,
    /// It may wait for a place, or for its turn.
    pub(crate) patient: bool,
    /// The place that it has waited for.
    pub(crate) held: Option<BulkheadPermit>,
    pub(crate) port: AttemptPort<Grant>,
}
