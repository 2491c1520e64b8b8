//! A worker: the trait that an actor's author implements, and the ractor actor that runs it.
//!
//! Invariant: whatever a worker does (panic, error, hang), its vitals say during which message.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::handle::{Binding, Envelope, Handle, Unavailable};
use super::ledger::Why;
use super::node::Node;
use crate::error::Failure;

/// A message of a worker.
pub trait Message: Send + 'static {
    /// Names the message, for the ledger and statistics. Never its content.
    fn label(&self) -> &'static str;
}

/// An actor's error: what ends its incarnation.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    why: Why,
    text: Arc<str>,
}

impl Fault {
    pub(crate) fn new(why: Why, text: impl AsRef<str>) -> Self {
        Fault {
            why,
            text: super::ledger::bounded(text.as_ref()),
        }
    }

    pub(crate) fn why(&self) -> Why {
        self.why
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What ractor hands over: a fault that we boxed, or the text of a panic.
    pub(crate) fn from_ractor(error: &ActorProcessingErr) -> Self {
        match error.downcast_ref::<Fault>() {
            Some(fault) => fault.clone(),
            None => Fault::new(Why::Panic, error.to_string()),
        }
    }
}

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Fault::new(Why::Error, text)
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Fault::new(Why::Error, text)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Fault::new(Why::Error, failure.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({}: {})", self.why.as_str(), self.text)
    }
}

impl std::error::Error for Fault {}

/// An actor under supervision. Made by its spec's factory at each start; one message at a time.
pub trait Worker: Send + Sized + 'static {
    /// What it takes.
    type Msg: Message;

    /// Runs at each start and restart, before any message, within the spec's start timeout.
    ///
    /// # Errors
    /// Any error fails the start.
    fn start(&mut self, _cx: &Context<Self::Msg>) -> impl Future<Output = Result<(), Fault>> + Send {
        async { Ok(()) }
    }

    /// Handles one message. Must not await I/O: spawn, and be told.
    ///
    /// # Errors
    /// Any error ends the incarnation, as a panic does.
    fn handle(&mut self, msg: Self::Msg, cx: &Context<Self::Msg>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Runs at an orderly stop, after the queue was drained; not after a crash or a kill.
    fn stop(&mut self, _cx: &Context<Self::Msg>) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// What one incarnation of a worker knows of itself.
pub struct Context<M: Message> {
    handle: Handle<M>,
    own: Arc<Binding<M>>,
    node: Arc<Node>,
    generation: u64,
    gone: CancellationToken,
    tasks: Mutex<Vec<tokio_util::task::AbortOnDropHandle<()>>>,
}

impl<M: Message> Context<M> {
    /// The handle that others hold. It reaches this incarnation from the end of its start on.
    pub fn handle(&self) -> &Handle<M> {
        &self.handle
    }

    /// The actor's path in its tree.
    pub fn path(&self) -> &Arc<str> {
        self.node.path()
    }

    /// The number of this incarnation, from 1.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Sends to this very incarnation, also during its start, never to a later one.
    ///
    /// # Errors
    /// Gives the message back when this incarnation is stopping.
    pub fn send_self(&self, message: M) -> Result<(), Unavailable<M>> {
        self.own.send(message)
    }

    /// Sends `tick()` to this incarnation every `period` (at least a millisecond), from one period on; ends with it.
    pub fn every(&self, period: Duration, tick: impl Fn() -> M + Send + 'static) {
        let own = self.own.clone();
        let period = period.max(Duration::from_millis(1));
        self.attach(async move {
            let mut timer = tokio::time::interval_at(Instant::now() + period, period);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                timer.tick().await;
                if own.send(tick()).is_err() {
                    return;
                }
            }
        });
    }

    /// Sends `message` to this incarnation after `wait`, unless it is gone by then.
    pub fn after(&self, wait: Duration, message: M) {
        let own = self.own.clone();
        self.attach(async move {
            tokio::time::sleep(wait).await;
            // Refused where it stops: then nobody waits for it.
            let _stopping = own.send(message);
        });
    }

    /// Ends this incarnation normally, once the messages that wait are handled. Newer ones are refused at once.
    /// For handlers; from `start` it makes the start fail.
    pub fn stop_self(&self) {
        // The marker cannot be refused: the mailbox is open as long as a handler runs.
        let _ = self.own.actor.drain();
    }

    /// Is cancelled when this incarnation is gone, however it ends. For tasks that it spawns.
    pub fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// Runs `task` beside this incarnation, and no longer than it.
    fn attach(&self, task: impl Future<Output = ()> + Send + 'static) {
        let gone = self.gone.clone();
        let task = tokio::spawn(async move {
            gone.run_until_cancelled(task).await;
        });
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio_util::task::AbortOnDropHandle::new(task));
    }
}

/// Makes a worker anew.
pub(crate) type Factory<W> = Arc<dyn Fn() -> Result<W, Fault> + Send + Sync>;

/// What an incarnation is born with.
pub(crate) struct Birth<W: Worker> {
    pub(crate) factory: Factory<W>,
    pub(crate) handle: Handle<W::Msg>,
    pub(crate) vitals: Arc<super::vitals::Vitals>,
    pub(crate) node: Arc<Node>,
    pub(crate) generation: u64,
    pub(crate) gone: CancellationToken,
}

/// The ractor actor around a worker.
pub(crate) struct WorkerActor<W>(PhantomData<fn() -> W>);

impl<W> WorkerActor<W> {
    pub(crate) fn new() -> Self {
        WorkerActor(PhantomData)
    }
}

/// The state of a running worker.
pub(crate) struct Running<W: Worker> {
    // Taken at an orderly stop, so that its Drop runs in its own task and not in its supervisor's, to which ractor
    // sends the rest of the state.
    worker: Option<W>,
    cx: Context<W::Msg>,
}

impl<W: Worker> Actor for WorkerActor<W> {
    type Msg = Envelope<W::Msg>;
    type State = Running<W>;
    type Arguments = Birth<W>;

    async fn pre_start(
        &self,
        myself: ActorRef<Envelope<W::Msg>>,
        birth: Birth<W>,
    ) -> Result<Running<W>, ActorProcessingErr> {
        let vitals = birth.vitals.clone();
        vitals.begin("start");
        let cx = Context {
            handle: birth.handle,
            own: Arc::new(Binding {
                actor: myself,
                vitals: birth.vitals,
            }),
            node: birth.node,
            generation: birth.generation,
            gone: birth.gone,
            tasks: Mutex::default(),
        };
        let mut worker = (birth.factory)()?;
        worker.start(&cx).await?;
        vitals.idle();
        Ok(Running {
            worker: Some(worker),
            cx,
        })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Envelope<W::Msg>>,
        envelope: Envelope<W::Msg>,
        state: &mut Running<W>,
    ) -> Result<(), ActorProcessingErr> {
        let Running { worker, cx } = state;
        let Some(worker) = worker else { return Ok(()) };
        let vitals = &cx.own.vitals;
        let msg = match envelope {
            Envelope::Message(msg) => msg,
            Envelope::Crash(reason) => {
                vitals.begin("crash");
                panic!("{reason}")
            }
        };
        vitals.begin(msg.label());
        cx.node.took(vitals.depth.fetch_sub(1, Relaxed));
        // On an error or a panic `busy` stays, for the supervisor to read.
        worker.handle(msg, cx).await?;
        vitals.idle();
        cx.node.count_handled();
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Envelope<W::Msg>>,
        state: &mut Running<W>,
    ) -> Result<(), ActorProcessingErr> {
        let Running { worker, cx } = state;
        cx.own.vitals.begin("stop");
        if let Some(mut worker) = worker.take() {
            worker.stop(cx).await;
        }
        cx.own.vitals.idle();
        Ok(())
    }
}
