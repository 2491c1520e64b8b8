//! The bus's actor: the only one that writes events.
//!
//! Invariant: of what waits, as much as there is goes into one transaction, and each sender is answered when that has been
//! committed; a crash answers nobody, and every sender sees that.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Bus, Inner};
use crate::stores::{Appended, Delivered};

/// The most deliveries of one transaction.
const AT_ONCE: usize = 256;
/// How often what is too old is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// How many at a time, so that a transaction stays short.
const FORGET_AT_ONCE: u32 = 1_000;
/// How often in one turn.
const FORGET_ROUNDS: usize = 100;

/// What the actor is told.
pub(super) enum BusMsg {
    /// A delivery is to be kept.
    Deliver {
        delivered: Delivered,
        reply: oneshot::Sender<Result<Appended, Failure>>,
        permit: OwnedSemaphorePermit,
    },
    /// The transaction under way has ended.
    Written,
    /// It is time to forget.
    Forget,
}

impl Message for BusMsg {
    fn label(&self) -> &'static str {
        match self {
            BusMsg::Deliver { .. } => "deliver",
            BusMsg::Written => "written",
            BusMsg::Forget => "forget",
        }
    }
}

/// The spec of the bus's actor.
pub(crate) fn spec(bus: &Bus) -> ChildSpec {
    let inner = bus.0.clone();
    ChildSpec::worker("events", &bus.0.handle, move || {
        Ok(BusActor {
            bus: inner.clone(),
            waiting: Vec::new(),
            writing: false,
        })
    })
    .kind("events")
}

struct BusActor {
    bus: Arc<Inner>,
    waiting: Vec<Waiting>,
    writing: bool,
}

struct Waiting {
    delivered: Delivered,
    reply: oneshot::Sender<Result<Appended, Failure>>,
    /// Given back when its sender is answered.
    _permit: OwnedSemaphorePermit,
}

impl Worker for BusActor {
    type Msg = BusMsg;

    async fn start(&mut self, cx: &Context<BusMsg>) -> Result<(), Fault> {
        cx.every(FORGET_EVERY, || BusMsg::Forget);
        Ok(())
    }

    // The database is waited for on a task: no handler awaits I/O.
    async fn handle(&mut self, message: BusMsg, cx: &Context<BusMsg>) -> Result<(), Fault> {
        match message {
            BusMsg::Deliver {
                delivered,
                reply,
                permit,
            } => self.waiting.push(Waiting {
                delivered,
                reply,
                _permit: permit,
            }),
            BusMsg::Written => self.writing = false,
            BusMsg::Forget => forget(self.bus.clone()),
        }
        if !self.writing && !self.waiting.is_empty() {
            self.writing = true;
            let batch = self.waiting.drain(..self.waiting.len().min(AT_ONCE)).collect();
            write(self.bus.clone(), batch, cx.handle().clone());
        }
        Ok(())
    }
}

/// Keeps a batch and answers its senders.
fn write(bus: Arc<Inner>, batch: Vec<Waiting>, done: Handle<BusMsg>) {
    tokio::spawn(async move {
        // However it ends: what waits is written next.
        let _done = Done(done);
        let (deliveries, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.delivered, (waiting.reply, waiting._permit)))
            .unzip();
        match bus.store.append_events(&deliveries).await {
            Ok(appended) => {
                let last = appended.iter().filter_map(|appended| match appended {
                    Appended::Kept(last) => *last,
                    Appended::Repeated => None,
                });
                if let Some(last) = last.max() {
                    bus.latest.send_if_modified(|latest| {
                        let newer = last > *latest;
                        *latest = last.max(*latest);
                        newer
                    });
                }
                for ((reply, _permit), appended) in replies.into_iter().zip(appended) {
                    // A sender that has gone comes again, and is told then that it had come.
                    let _gone = reply.send(Ok(appended));
                }
            }
            Err(error) => {
                tracing::warn!(%error, deliveries = deliveries.len(), "events could not be kept");
                let kind = Failure::from(error).kind;
                for (reply, _permit) in replies {
                    let failure = Failure::new(kind, "the event could not be kept");
                    let _gone = reply.send(Err(match kind {
                        Kind::Overloaded => failure.after(super::COME_AGAIN),
                        _ => failure,
                    }));
                }
            }
        }
    });
}

/// Tells that a transaction has ended, to whichever incarnation is there: one that did not begin it begins its own no later.
struct Done(Handle<BusMsg>);

impl Drop for Done {
    fn drop(&mut self) {
        let _stopping = self.0.send(BusMsg::Written);
    }
}

fn forget(bus: Arc<Inner>) {
    tokio::spawn(async move {
        let kept = SignedDuration::try_from(bus.config.retention).unwrap_or(SignedDuration::MAX);
        let Ok(before) = Timestamp::now().checked_sub(kept) else {
            return;
        };
        for _ in 0..FORGET_ROUNDS {
            match bus.store.expire_events(before, FORGET_AT_ONCE).await {
                Ok(count) if count >= u64::from(FORGET_AT_ONCE) => {}
                Ok(_) => return,
                Err(error) => return tracing::warn!(%error, "events could not be forgotten"),
            }
        }
    });
}
