//! An engine that answers as a test tells it to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use mosaic::dispatch::Calls;
use mosaic_actors::call::{Answer, Body, Call, Caller, Head, OperationRef};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{BodyStream, Event, Frame};
use tokio::sync::Notify;

type Behaviour = Box<dyn Fn(Call) -> BoxFuture<Result<Answer, Failure>> + Send + Sync>;

/// Records calls and answers them.
pub struct FakeCalls {
    behaviour: Arc<Behaviour>,
    seen: Arc<Mutex<Vec<Call>>>,
    instances: Vec<Arc<str>>,
}

impl FakeCalls {
    /// Answers each call by `behaviour`.
    pub fn new<F>(behaviour: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        FakeCalls {
            behaviour: Arc::new(Box::new(move |call| Box::pin(behaviour(call)))),
            seen: Arc::default(),
            instances: vec![],
        }
    }

    /// Answers every call with this JSON.
    pub fn json(text: &'static str) -> Self {
        Self::new(move |_| async move { Ok(answer("forge-a", text)) })
    }

    /// Fails every call.
    pub fn failing(failure: Failure) -> Self {
        Self::new(move |_| {
            let failure = failure.clone();
            async move { Err(failure) }
        })
    }

    /// The instances for `provider=all`.
    #[must_use]
    pub fn at<const N: usize>(mut self, instances: [&str; N]) -> Self {
        self.instances = instances.map(Arc::from).to_vec();
        self
    }

    /// The calls so far.
    pub fn seen(&self) -> Vec<Call> {
        self.seen.lock().expect("no test panics while it records").clone()
    }
}

impl Calls for FakeCalls {
    fn call(&self, call: Call) -> BoxFuture<Result<Answer, Failure>> {
        let (behaviour, seen) = (self.behaviour.clone(), self.seen.clone());
        // As the engine does: what is claimed already is not sent.
        let claim = call.claim.clone();
        let carry = move |call: Call| {
            seen.lock().expect("no test panics while it records").push(call.clone());
            behaviour(call)
        };
        match claim {
            None => carry(call),
            Some(claim) => Box::pin(async move {
                match claim.take(call.deadline).await? {
                    Some(answer) => Ok(answer),
                    None => carry(call).await,
                }
            }),
        }
    }

    fn instances(&self, _operation: OperationRef, _caller: &Caller) -> Vec<Arc<str>> {
        self.instances.clone()
    }
}

pub fn answer(instance: &str, text: &str) -> Answer {
    Answer {
        head: Head::json(Arc::from(instance)),
        body: Body::Bytes(Bytes::copy_from_slice(text.as_bytes())),
        value: None,
    }
}

/// A frame of this text.
pub fn frame(text: &'static str) -> Frame {
    Frame::new(Text(text))
}

struct Text(&'static str);

impl Event for Text {
    fn to_json(&self) -> Result<Bytes, Failure> {
        Ok(Bytes::from_static(self.0.as_bytes()))
    }
}

pub fn streamed(stream: BodyStream<Frame>) -> Answer {
    Answer {
        head: Head {
            content_type: "text/event-stream",
            ..Head::json(Arc::from("model-a"))
        },
        body: Body::Stream(stream),
        value: None,
    }
}

/// Counts what is alive, and opens when told.
#[derive(Clone, Default)]
pub struct Gate {
    alive: Arc<AtomicUsize>,
    open: Arc<Notify>,
}

/// Counted by its gate until it is dropped.
pub struct Alive(Arc<AtomicUsize>);

impl Gate {
    pub fn enter(&self) -> Alive {
        self.alive.fetch_add(1, Ordering::SeqCst);
        Alive(self.alive.clone())
    }

    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    pub fn open(&self) {
        self.open.notify_one();
    }

    pub async fn opened(&self) {
        self.open.notified().await;
    }

    /// A route that answers when the gate opens.
    pub fn route(&self) -> MethodRouter {
        let gate = self.clone();
        get(move || {
            let gate = gate.clone();
            async move {
                let _alive = gate.enter();
                gate.opened().await;
                "late"
            }
        })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
