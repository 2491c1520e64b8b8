//! The provider actor: holds an instance's driver and runs its attempts.
//!
//! Invariant: every attempt answers its port exactly once, whatever its driver does; the actor itself never waits and
//! never retries.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::call::{Answer, Body, Call};
use crate::driver::Driver;
use crate::error::{Failure, Kind};
use crate::gateway::Settings;
use crate::instance::{Instance, InstancePermit};
use crate::policy::breaker::AttemptOutcome;
use crate::port::{AttemptPort, Outcome};
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
        /// The driver of which incarnation.
        generation: u64,
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
    /// When it must have its answer.
    pub(crate) until: Instant,
    pub(crate) permit: crate::breaker::BreakerPermit,
    pub(crate) bulkhead: InstancePermit,
    pub(crate) port: AttemptPort,
}

struct Provider {
    instance: Arc<Instance>,
    settings: Arc<Settings>,
    stop: CancellationToken,
    driver: Arc<dyn Driver>,
}

/// The child spec of an instance's provider actor.
pub(crate) fn provider_spec(instance: Arc<Instance>, settings: Arc<Settings>, stop: CancellationToken) -> ChildSpec {
    let handle: Handle<ProviderMsg> = instance.provider.clone();
    let shown = instance.clone();
    ChildSpec::worker("provider", &handle, move || {
        let driver = (instance.spec.factory)().map_err(Fault::from)?;
        Ok(Provider {
            instance: instance.clone(),
            settings: settings.clone(),
            stop: stop.clone(),
            driver,
        })
    })
    .kind("provider")
    .gauges(Arc::new(move || {
        vec![
            ("in_flight", shown.in_flight() as u64),
            ("max_in_flight", shown.spec.max_in_flight as u64),
            ("driver_panics", shown.panics()),
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
                    stop: self.stop.clone(),
                    driver: self.driver.clone(),
                    actor: cx.handle().clone(),
                    generation: cx.generation(),
                };
                tokio::spawn(run.attempt(attempt));
                Ok(())
            }
            ProviderMsg::Health(done) => {
                let check = HealthCheck {
                    driver: self.driver.clone(),
                    actor: cx.handle().clone(),
                    generation: cx.generation(),
                };
                tokio::spawn(check.run(done));
                Ok(())
            }
            // Its driver is not this one: it was replaced when the first panic of it was told.
            ProviderMsg::Crashed { generation, .. } if generation != cx.generation() => Ok(()),
            ProviderMsg::Crashed { operation, text, .. } => {
                Err(Fault::from(format!("the driver panicked in {operation}: {text}")))
            }
        }
    }

    /// The one wait of this actor: it is leaving, has served its queue, and is cut off at its shutdown time.
    async fn stop(&mut self, _cx: &Context<ProviderMsg>) {
        self.driver.clone().stop().await;
    }
}

/// A health check on its own task. It ends with the patience of who asked, who drops the other end.
struct HealthCheck {
    driver: Arc<dyn Driver>,
    actor: Handle<ProviderMsg>,
    generation: u64,
}

impl HealthCheck {
    async fn run(self, mut done: oneshot::Sender<Result<(), Failure>>) {
        let driver = self.driver.clone();
        // Within the catch: a driver may panic before it has given its future.
        let asking = AssertUnwindSafe(async { driver.health().await }).catch_unwind();
        let asked = tokio::select! {
            asked = asking => asked,
            () = done.closed() => return,
        };
        let outcome = asked.unwrap_or_else(|panic| self.panicked(panic_text(panic.as_ref())));
        // Who asked may have run out of patience.
        let _gone = done.send(outcome);
    }

    fn panicked(&self, text: String) -> Result<(), Failure> {
        let crashed = ProviderMsg::Crashed {
            generation: self.generation,
            operation: "health",
            text,
        };
        if self.actor.send(crashed).is_err() {
            tracing::warn!("a driver's health check panicked while its actor was away");
        }
        Err(Failure::new(Kind::Internal, "the driver failed in its health check"))
    }
}

/// One attempt on its own task. It keeps the driver it began with, even when the actor is restarted meanwhile.
struct Run {
    instance: Arc<Instance>,
    settings: Arc<Settings>,
    stop: CancellationToken,
    driver: Arc<dyn Driver>,
    actor: Handle<ProviderMsg>,
    generation: u64,
}

/// How an attempt ended, for the breaker: told nothing where nothing was learnt, as when the caller left.
type Ending = Option<AttemptOutcome>;

/// How a driver's part ended, and what is still to be told to the caller.
struct Driven {
    ending: Ending,
    /// None: the caller has its answer (a stream's), or is gone.
    outcome: Option<Outcome>,
}

impl Run {
    async fn attempt(self, attempt: GuardedAttempt) {
        let GuardedAttempt {
            call,
            until,
            permit,
            bulkhead,
            mut port,
        } = attempt;
        port.reached_provider();
        let driven = AssertUnwindSafe(self.drive(&call, until, &mut port))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| self.panicked(call.operation.name, panic.as_ref()));
        if let Some(verdict) = driven.ending {
            self.instance.count(verdict == AttemptOutcome::Failure);
            permit.tell(verdict);
        }
        // Before the answer: who has it may call again, and finds the permit free.
        drop(bulkhead);
        if let Some(outcome) = driven.outcome {
            port.answer(outcome);
        }
    }

    /// Drives the driver to its answer, and a stream to its end.
    async fn drive(&self, call: &Arc<Call>, until: Instant, port: &mut AttemptPort) -> Driven {
        let started = Instant::now();
        let limit = until.min(started + self.instance.spec.attempt_timeout);
        let span = tracing::debug_span!(target: "mosaic::calls", "call", provider = %self.instance.spec.name);
        let answered = tokio::select! {
            biased;
            () = port.closed() => return Driven { ending: None, outcome: None },
            result = self.driver.clone().call(call.clone()).instrument(span) => result.map_err(|failure| (verdict_on(&failure), failure)),
            () = tokio::time::sleep_until(limit) => {
                let failure = Failure::new(Kind::Timeout, format!("{} did not answer in time", self.instance.spec.name));
                Err((self.verdict_on_silence(limit - started), failure))
            }
        };
        let took = started.elapsed().as_secs_f64();
        self.instance.meters.seconds.record(took);
        self.instance.meters.call_phase.record(took);
        self.instance
            .meters
            .attempts
            .count(answered.as_ref().err().map(|(_, failure)| failure.kind));
        match answered {
            Err((ending, failure)) => Driven {
                ending,
                outcome: Some(Err(failure.by(&self.instance.spec.name))),
            },
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
                Driven {
                    ending: self.pump(source, sender).await,
                    outcome: None,
                }
            }
            Ok(answer) => Driven {
                ending: Some(AttemptOutcome::Success),
                outcome: Some(Ok(answer)),
            },
        }
    }

    /// Carries a driver's stream to the caller, until it ends, takes too long, or nobody wants it any more.
    async fn pump(&self, source: BodyStream, sender: FrameSender) -> Ending {
        let (ending, end) = tokio::select! {
            biased;
            () = sender.closed() => return None,
            () = self.stop.cancelled() => (None, Err(Failure::new(Kind::Cancelled, "the gateway was stopped"))),
            // One that kept sending, or was not read, was long and not ill.
            () = sleep(self.settings.stream_max) => (None, Err(Failure::new(Kind::Timeout, "the stream took too long"))),
            done = self.forward(source, &sender) => done,
        };
        match end {
            Ok(()) => sender.end(),
            Err(failure) => sender.fail(failure.by(&self.instance.spec.name)),
        }
        ending
    }

    /// Forwards frames, no faster than the caller reads them, to the stream's end.
    async fn forward(&self, mut source: BodyStream, sender: &FrameSender) -> (Ending, Result<(), Failure>) {
        loop {
            let Ok(next) = timeout(self.settings.stream_idle, source.next()).await else {
                let silent = Failure::new(Kind::Timeout, "the stream fell silent");
                return (Some(AttemptOutcome::Failure), Err(silent));
            };
            match next {
                Some(Ok(frame)) => {
                    if sender.send(frame).await.is_err() {
                        return (None, Ok(()));
                    }
                }
                Some(Err(failure)) => return (verdict_on(&failure), Err(failure)),
                None => return (Some(AttemptOutcome::Success), Ok(())),
            }
        }
    }

    /// A silence of half an attempt's time is evidence; a caller in a greater hurry proves nothing by it.
    fn verdict_on_silence(&self, waited: Duration) -> Ending {
        (waited >= self.instance.spec.attempt_timeout / 2).then_some(AttemptOutcome::Failure)
    }

    /// The driver panicked: the attempt has failed, and its actor ends with this driver.
    fn panicked(&self, operation: &'static str, panic: &(dyn Any + Send)) -> Driven {
        let failure = Failure::new(Kind::Internal, format!("the driver failed in {operation}"));
        self.instance.meters.attempts.count(Some(failure.kind));
        self.instance.count_panic();
        let crashed = ProviderMsg::Crashed {
            generation: self.generation,
            operation,
            text: panic_text(panic),
        };
        if self.actor.send(crashed).is_err() {
            tracing::warn!(provider = %self.instance.spec.name, operation, "a driver panicked while its actor was away");
        }
        Driven {
            ending: Some(AttemptOutcome::Failure),
            outcome: Some(Err(failure.by(&self.instance.spec.name))),
        }
    }
}

fn verdict_on(failure: &Failure) -> Ending {
    match failure.kind {
        // It says nothing of the provider: the work was stopped, or never left.
        Kind::Cancelled => None,
        kind if kind.blames_provider() => Some(AttemptOutcome::Failure),
        _ => Some(AttemptOutcome::Success),
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
