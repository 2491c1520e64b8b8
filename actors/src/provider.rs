//! The provider actor: holds an instance's driver and runs its attempts.
//!
//! Invariant: every attempt answers its port exactly once, whatever its driver does; the actor itself never waits and
//! never retries.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::call::{Answer, Body, Call};
use crate::driver::Driver;
use crate::error::{Failure, Kind};
use crate::gateway::Settings;
use crate::instance::{Instance, InstancePlace};
use crate::policy::breaker::Verdict;
use crate::port::AttemptPort;
use crate::stream::{BodyStream, FrameSender, body_stream};
use crate::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};

/// What a provider actor is told.
pub(crate) enum ProviderMsg {
    /// Run one attempt.
    Attempt(GuardedAttempt),
    /// Ask the driver whether its provider is well.
    Health(oneshot::Sender<Result<(), Failure>>),
    /// An attempt's driver panicked.
    Crashed {
        /// During which operation.
        operation: &'static str,
        /// What the panic said.
        text: String,
    },
}

impl Message for ProviderMsg {
    fn label(&self) -> &'static str {
        match self {
            ProviderMsg::Attempt(attempt) => attempt.call.operation.name,
            ProviderMsg::Health(_) => "health",
            ProviderMsg::Crashed { operation, .. } => operation,
        }
    }
}

/// An attempt that its breaker and bulkhead let through.
pub(crate) struct GuardedAttempt {
    pub(crate) call: Arc<Call>,
    pub(crate) permit: crate::breaker::BreakerPermit,
    pub(crate) place: InstancePlace,
    pub(crate) port: AttemptPort,
}

struct Provider {
    instance: Arc<Instance>,
    settings: Arc<Settings>,
    driver: Arc<dyn Driver>,
}

/// The child spec of an instance's provider actor.
pub(crate) fn provider_spec(instance: Arc<Instance>, settings: Arc<Settings>) -> ChildSpec {
    let handle: Handle<ProviderMsg> = instance.provider.clone();
    let shown = instance.clone();
    ChildSpec::worker("provider", &handle, move || {
        let driver = (instance.spec.factory)().map_err(Fault::from)?;
        Ok(Provider {
            instance: instance.clone(),
            settings: settings.clone(),
            driver,
        })
    })
    .kind("provider")
    .gauges(Arc::new(move || {
        vec![
            ("in_flight", shown.in_flight() as u64),
            ("max_in_flight", shown.spec.max_in_flight as u64),
        ]
    }))
}

impl Worker for Provider {
    type Msg = ProviderMsg;

    async fn handle(&mut self, message: ProviderMsg, cx: &Context<ProviderMsg>) -> Result<(), Fault> {
        match message {
            ProviderMsg::Attempt(attempt) => {
                let run = Run {
                    instance: self.instance.clone(),
                    settings: self.settings.clone(),
                    driver: self.driver.clone(),
                    actor: cx.handle().clone(),
                };
                tokio::spawn(run.attempt(attempt));
                Ok(())
            }
            ProviderMsg::Health(done) => {
                tokio::spawn(health(self.driver.clone(), cx.handle().clone(), done));
                Ok(())
            }
            ProviderMsg::Crashed { operation, text } => {
                Err(Fault::from(format!("the driver panicked in {operation}: {text}")))
            }
        }
    }

    /// The one wait of this actor: it is leaving, has served its queue, and is cut off at its shutdown time.
    async fn stop(&mut self, _cx: &Context<ProviderMsg>) {
        self.driver.clone().stop().await;
    }
}

async fn health(driver: Arc<dyn Driver>, actor: Handle<ProviderMsg>, done: oneshot::Sender<Result<(), Failure>>) {
    let asked = AssertUnwindSafe(async { driver.health().await }).catch_unwind().await;
    let outcome = asked.unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref());
        if actor
            .send(ProviderMsg::Crashed {
                operation: "health",
                text,
            })
            .is_err()
        {
            tracing::warn!("a driver's health check panicked while its actor was away");
        }
        Err(Failure::new(Kind::Internal, "the driver failed in its health check"))
    });
    // Who asked may have run out of patience.
    let _gone = done.send(outcome);
}

/// One attempt on its own task. It keeps the driver it began with, even when the actor is restarted meanwhile.
struct Run {
    instance: Arc<Instance>,
    settings: Arc<Settings>,
    driver: Arc<dyn Driver>,
    actor: Handle<ProviderMsg>,
}

/// How an attempt ended, for the breaker: told nothing when the caller left.
type Ending = Option<Verdict>;

impl Run {
    async fn attempt(self, attempt: GuardedAttempt) {
        let GuardedAttempt {
            call,
            permit,
            place,
            mut port,
        } = attempt;
        let operation = call.operation.name;
        let started = Instant::now();
        port.reached_provider();
        let outcome = AssertUnwindSafe(self.drive(&call, &mut port, started))
            .catch_unwind()
            .await;
        let ending = match outcome {
            Ok(ending) => ending,
            Err(panic) => {
                let failure = Failure::new(Kind::Internal, format!("the driver failed in {operation}"));
                self.instance.meters.attempts.count(Some(failure.kind));
                port.answer(Err(failure.by(&self.instance.spec.name)));
                let text = panic_text(panic.as_ref());
                if self.actor.send(ProviderMsg::Crashed { operation, text }).is_err() {
                    tracing::warn!(provider = %self.instance.spec.name, operation, "a driver panicked while its actor was away");
                }
                Some(Verdict::Failure)
            }
        };
        if let Some(verdict) = ending {
            self.instance.count(verdict == Verdict::Failure);
            permit.tell(verdict);
        }
        drop(place);
    }

    /// Drives the driver to its answer, and a stream to its end.
    async fn drive(&self, call: &Arc<Call>, port: &mut AttemptPort, started: Instant) -> Ending {
        let limit = call.deadline.min(started + self.instance.spec.attempt_timeout);
        let answered = tokio::select! {
            biased;
            () = port.closed() => return None,
            result = self.driver.clone().call(call.clone()) => result,
            () = tokio::time::sleep_until(limit) => {
                Err(Failure::new(Kind::Timeout, format!("{} did not answer in time", self.instance.spec.name)))
            }
        };
        self.instance.meters.seconds.record(started.elapsed().as_secs_f64());
        self.instance
            .meters
            .attempts
            .count(answered.as_ref().err().map(|failure| failure.kind));
        match answered {
            Err(failure) => {
                let verdict = verdict_on(&failure);
                port.answer(Err(failure.by(&self.instance.spec.name)));
                Some(verdict)
            }
            Ok(Answer {
                head,
                body: Body::Stream(source),
                value,
            }) => {
                let (sender, body) = body_stream();
                port.answer(Ok(Answer {
                    head,
                    body: Body::Stream(body),
                    value,
                }));
                self.pump(source, sender).await
            }
            Ok(answer) => {
                port.answer(Ok(answer));
                Some(Verdict::Success)
            }
        }
    }

    /// Carries a driver's frames to the caller, no faster than the caller reads them.
    async fn pump(&self, mut source: BodyStream, sender: FrameSender) -> Ending {
        let over = Instant::now() + self.settings.stream_max;
        loop {
            let idle = over.min(Instant::now() + self.settings.stream_idle);
            let next = tokio::select! {
                biased;
                () = sender.closed() => return None,
                next = source.next() => next,
                () = tokio::time::sleep_until(idle) => {
                    Some(Err(Failure::new(Kind::Timeout, "the stream fell silent, or took too long")))
                }
            };
            match next {
                Some(Ok(frame)) => {
                    if sender.send(frame).await.is_err() {
                        return None;
                    }
                }
                Some(Err(failure)) => {
                    let verdict = verdict_on(&failure);
                    // Whether the caller still listens changes nothing for the breaker.
                    let _gone = sender.fail(failure.by(&self.instance.spec.name)).await;
                    return Some(verdict);
                }
                None => {
                    let _gone = sender.end().await;
                    return Some(Verdict::Success);
                }
            }
        }
    }
}

fn verdict_on(failure: &Failure) -> Verdict {
    if failure.kind.blames_provider() {
        Verdict::Failure
    } else {
        Verdict::Success
    }
}

/// What a panic said, shortened: panics are ours and speak of code, but a dependency's may quote its input.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    const LONGEST: usize = 200;
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned());
    text.chars().take(LONGEST).collect()
}
