//! What the gateway and the router are told.
//!
//! Invariant: a message owns what it needs, permits included, so one that is lost with a mailbox gives all of it back.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::bulkhead::BulkheadPermit;
use crate::call::Call;
use crate::decision::Trace;
use crate::feedback::Ended;
use crate::gateway::job::Job;
use crate::instance::Grant;
use crate::policy::balance::Learned;
use crate::policy::routing::CandidateSet;
use crate::port::{AttemptPort, ReplyPort};
use crate::router::Looked;
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
    /// Tell whom a call would ask, without asking.
    Look(Look),
    /// The registry of plugins has changed.
    Refresh,
    /// An attempt has ended that a balancer learns from.
    Ended(Ended),
    /// Tell what the balancers have learned, by the numbers of their rules.
    Learned(oneshot::Sender<Vec<(usize, Learned)>>),
    /// The instance of this name failed again and again.
    Failing(Arc<str>),
    /// A health check found the instance of this name well, which is ejected.
    Well(Arc<str>),
    /// An interval of outlier ejection, or an ejection, may be over.
    Sweep,
}

impl Message for RouterMsg {
    fn label(&self) -> &'static str {
        match self {
            RouterMsg::Attempt(_) => "attempt",
            RouterMsg::Look(_) => "look",
            RouterMsg::Refresh => "refresh",
            RouterMsg::Ended(_) => "ended",
            RouterMsg::Learned(_) => "learned",
            RouterMsg::Failing(_) => "failing",
            RouterMsg::Well(_) => "well",
            RouterMsg::Sweep => "sweep",
        }
    }
}

/// A call that is not made, and looks at its candidates all the same.
pub(crate) struct Look {
    pub(crate) call: Arc<Call>,
    pub(crate) candidates: Arc<CandidateSet>,
    /// Where what is seen is written.
    pub(crate) trace: Trace,
    /// Told when it is: what would become of the call.
    pub(crate) done: oneshot::Sender<Looked>,
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
    /// Where those who come first are asked on credits alone, it may wait until they are leased.
    pub(crate) awaits_credits: bool,
    /// The place that it has waited for.
    pub(crate) held: Option<BulkheadPermit>,
    pub(crate) port: AttemptPort<Grant>,
}
