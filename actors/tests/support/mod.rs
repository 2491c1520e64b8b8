//! A tiny in-process driver and the systems that tests run it in.
//!
//! Invariant: the driver does what the call's input says, so that a test reads as one sentence.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod billed;
pub mod recorded;
pub mod scripted;

use std::collections::VecDeque;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Barrier, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::breaker::BreakerPer;
use mosaic_actors::call::{
    Answer, Body, CacheTimes, Call, Caller, CostClass, Head, Operation, Operations, Resource, Tags,
};
use mosaic_actors::credits::Billing;
use mosaic_actors::driver::{BoxFuture, Capabilities, Credential, Driver, ready};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::gateway::Gateway;
use mosaic_actors::instance::{InstanceSpec, OverloadSettings};
use mosaic_actors::policy::breaker::BreakerSettings;
use mosaic_actors::policy::routing::Rule;
use mosaic_actors::policy::slow_start::SlowStart;
use mosaic_actors::stream::{BodyStream, ByteStream, Event, Frame, Piece};
use mosaic_actors::system::{System, SystemSpec};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A cached read.
pub static READ: Operation = Operation {
    cache: Some(CacheTimes {
        fresh: Duration::from_secs(30),
        stale: Duration::from_secs(300),
        negative: Duration::from_secs(5),
    }),
    ..Operation::read("test", "test.thing.get")
};
/// A read that is never cached.
pub static FETCH: Operation = Operation::read("test", "test.thing.fetch");
/// A write.
pub static WRITE: Operation = Operation::write("test", "test.thing.put");
/// A stream.
pub static STREAM: Operation = Operation {
    streaming: true,
    ..Operation::read("test", "test.thing.stream")
};
/// A stream of something in the making.
pub static FOLLOW: Operation = Operation {
    streaming: true,
    follows: true,
    ..Operation::read("test", "test.thing.follow")
};
/// A read that waits.
pub static WAIT: Operation = Operation {
    waits: true,
    ..Operation::read("test", "test.thing.wait")
};
/// A read that is billed.
pub static PAID: Operation = Operation {
    paid: true,
    cost: CostClass::Tokens,
    ..Operation::read("test", "test.thing.ask")
};
/// A write that may be repeated.
pub static REPLACE: Operation = Operation {
    idempotent: true,
    ..Operation::write("test", "test.thing.replace")
};

/// The catalogue of the tests.
pub static OPERATIONS: LazyLock<Arc<Operations>> = LazyLock::new(|| {
    Arc::new(Operations::new([
        &READ, &FETCH, &WRITE, &STREAM, &PAID, &REPLACE, &WAIT, &FOLLOW,
    ]))
});

/// All that the test driver can do.
pub fn capabilities() -> Capabilities {
    Capabilities::of(&OPERATIONS, OPERATIONS.iter().map(|operation| operation.name))
}

/// An event of a test's stream: its text is its JSON.
pub struct TestEvent(pub Bytes);

impl Event for TestEvent {
    fn to_json(&self) -> Result<Bytes, Failure> {
        Ok(self.0.clone())
    }
}

/// What the driver shall do with a call.
#[derive(Clone, Debug)]
pub enum Do {
    /// Answer at once with the instance's name.
    Answer,
    /// Answer after a while.
    AnswerAfter(Duration),
    /// Fail at the named instances, answer at others.
    FailAt(&'static [&'static str], Kind),
    /// Fail so at the named instances, answer at others.
    FailWith(&'static [&'static str], Failure),
    /// Fail everywhere.
    Fail(Failure),
    /// Fail everywhere, after a while.
    FailAfter(Duration, Failure),
    /// Panic at the named instances, answer at others.
    PanicAt(&'static [&'static str]),
    /// Fail at the named instances before anything was sent, answer at others.
    FailUnsentAt(&'static [&'static str], Kind),
    /// Fail with each of these, in turn, wherever it is asked; then answer.
    Failing(Arc<Mutex<VecDeque<Failure>>>),
    /// Give signs of life so often, with this pause before each, and then one frame.
    AliveThenFrame(usize, Duration),
    /// Fail as long as the switch is on.
    FailWhile(Arc<AtomicBool>),
    /// Answer with what the number is when the call comes, once a permit is given.
    NumberWhenLet(Arc<AtomicUsize>, Arc<Semaphore>),
    /// Answer with a thing's version, or that it has not changed.
    Version(Arc<Versioned>),
    /// Give a permit, and hold the thread until somebody comes to the barrier.
    Block(Arc<Semaphore>, Arc<Barrier>),
    /// Never answer.
    Hang,
    /// Never answer at the named instances, answer at others.
    HangAt(&'static [&'static str]),
    /// Stream so many frames, with a pause before each.
    Frames(usize, Duration),
    /// A file of so many pieces of a kilobyte, with a pause before each, said to be so long.
    File(usize, Duration, Option<u64>),
    /// Stream so many frames, then fail.
    FramesThenFail(usize, Kind),
    /// Stream so many frames, then panic.
    FramesThenPanic(usize),
}

/// An instance, and the validator that it was asked with.
type Asked = (Arc<str>, Option<Arc<str>>);

/// A thing whose answers can be recognised by its version.
#[derive(Debug)]
pub struct Versioned {
    /// What it is now.
    pub number: AtomicUsize,
    /// Who was asked for it, with which validator.
    pub asked: Mutex<Vec<Asked>>,
    /// It has not changed, it says, whoever asks.
    pub stubborn: AtomicBool,
    /// Answers wait for a permit each.
    pub let_go: Semaphore,
}

impl Default for Versioned {
    fn default() -> Self {
        Versioned {
            number: AtomicUsize::new(1),
            asked: Mutex::default(),
            stubborn: AtomicBool::new(false),
            let_go: Semaphore::new(1_000),
        }
    }
}

impl Versioned {
    /// A read of it.
    pub fn read(self: &Arc<Self>) -> Call {
        call(&READ, Do::Version(self.clone()))
    }

    /// Who was asked since the last look, and with which validator.
    pub fn asked(&self) -> Vec<(String, Option<String>)> {
        let asked = std::mem::take(&mut *self.asked.lock().expect("no panic holds it"));
        let texts = |(name, validator): Asked| (name.to_string(), validator.map(|text| text.to_string()));
        asked.into_iter().map(texts).collect()
    }

    async fn answer(&self, name: &Arc<str>, call: &Call) -> Answer {
        let asked = (name.clone(), call.validator.clone());
        self.asked.lock().expect("no panic holds it").push(asked);
        self.let_go.acquire().await.expect("never closed").forget();
        let number = self.number.load(SeqCst);
        let validator: Arc<str> = Arc::from(format!("{name} v{number}"));
        let unchanged = self.stubborn.load(SeqCst) || call.validator.as_ref() == Some(&validator);
        let body = if unchanged {
            String::new()
        } else {
            format!("\"{validator}\"")
        };
        Answer {
            head: Head {
                // Not every provider repeats it.
                validator: (!unchanged).then_some(validator),
                unchanged,
                upstream_request_id: Some(Arc::from(if unchanged { "the second" } else { "the first" })),
                ..Head::json(name.clone())
            },
            body: Body::Bytes(Bytes::from(body)),
            value: None,
        }
    }
}

/// Counts what reached the drivers.
#[derive(Default)]
pub struct Counts {
    /// Calls begun.
    pub begun: AtomicUsize,
    /// Calls whose future was dropped before its end.
    pub dropped: AtomicUsize,
    /// Frames produced.
    pub frames: AtomicUsize,
    /// Streams that are there, produced to their end or not.
    pub streams: AtomicUsize,
}

/// Counts a stream while it lives.
struct Streaming(Arc<Counts>);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, SeqCst);
    }
}

pub struct TestDriver {
    name: Arc<str>,
    counts: Arc<Counts>,
}

struct Dropped(Arc<Counts>, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.fetch_add(1, SeqCst);
        }
    }
}

impl Driver for TestDriver {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            self.counts.begun.fetch_add(1, SeqCst);
            let mut watch = Dropped(self.counts.clone(), false);
            let what = call.input.clone().downcast::<Do>().expect("tests give a Do");
            let outcome = match &*what {
                Do::Version(thing) => Ok(thing.answer(&self.name, &call).await),
                what => self.perform(what).await,
            };
            watch.1 = true;
            outcome
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

impl TestDriver {
    fn answer(&self) -> Result<Answer, Failure> {
        let body = Bytes::from(format!("\"{}\"", self.name));
        Ok(Answer {
            head: Head::json(self.name.clone()),
            body: Body::Bytes(body),
            value: None,
        })
    }

    async fn perform(&self, what: &Do) -> Result<Answer, Failure> {
        match what {
            Do::Answer => self.answer(),
            Do::AnswerAfter(wait) => {
                tokio::time::sleep(*wait).await;
                self.answer()
            }
            Do::FailAt(names, kind) if names.contains(&&*self.name) => Err(Failure::new(*kind, "as told")),
            Do::FailWith(names, failure) if names.contains(&&*self.name) => Err(failure.clone()),
            Do::PanicAt(names) if names.contains(&&*self.name) => panic!("as told"),
            Do::FailUnsentAt(names, kind) if names.contains(&&*self.name) => {
                Err(Failure::new(*kind, "as told").never_sent())
            }
            Do::FailWhile(on) if on.load(SeqCst) => Err(Failure::new(Kind::UpstreamFailed, "as told")),
            Do::FailAt(..) | Do::FailWith(..) | Do::FailUnsentAt(..) | Do::FailWhile(_) | Do::PanicAt(_) => {
                self.answer()
            }
            Do::Failing(failures) => {
                let failure = failures.lock().expect("no panic holds it").pop_front();
                failure.map_or_else(|| self.answer(), Err)
            }
            Do::AliveThenFrame(count, pause) => Ok(self.alive(*count, *pause)),
            Do::NumberWhenLet(number, let_go) => {
                let seen = number.load(SeqCst);
                let_go.acquire().await.expect("never closed").forget();
                let mut answer = self.answer()?;
                answer.body = Body::Bytes(Bytes::from(seen.to_string()));
                Ok(answer)
            }
            Do::Fail(failure) => Err(failure.clone()),
            Do::FailAfter(wait, failure) => {
                tokio::time::sleep(*wait).await;
                Err(failure.clone())
            }
            Do::Version(_) => unreachable!("its answer depends on the call"),
            Do::Block(entered, leave) => {
                entered.add_permits(1);
                leave.wait();
                std::future::pending().await
            }
            Do::HangAt(names) if !names.contains(&&*self.name) => self.answer(),
            Do::Hang | Do::HangAt(_) => std::future::pending().await,
            Do::Frames(count, pause) => Ok(self.stream(*count, *pause, None)),
            Do::File(pieces, pause, length) => Ok(self.file(*pieces, *pause, *length)),
            Do::FramesThenFail(count, kind) => Ok(self.stream(*count, Duration::ZERO, Some(*kind))),
            Do::FramesThenPanic(count) => Ok(self.stream(*count, Duration::ZERO, Some(Kind::Internal))),
        }
    }

    fn alive(&self, count: usize, pause: Duration) -> Answer {
        let pieces = futures_util::stream::unfold(0, move |at| async move {
            tokio::time::sleep(pause).await;
            match at {
                _ if at < count => Some((Ok(Piece::Alive), at + 1)),
                _ if at == count => Some((Ok(Piece::Item(Frame::new(TestEvent(Bytes::from_static(b"1"))))), at + 1)),
                _ => None,
            }
        });
        Answer {
            head: Head::json(self.name.clone()),
            body: Body::Stream(BodyStream::from_stream(pieces)),
            value: None,
        }
    }

    fn file(&self, count: usize, pause: Duration, length: Option<u64>) -> Answer {
        let pieces = futures_util::stream::unfold(0, move |at| async move {
            tokio::time::sleep(pause).await;
            (at < count).then(|| (Ok(Bytes::from_static(&[0; 1_024])), at + 1))
        });
        Answer {
            head: Head::json(self.name.clone()),
            body: Body::Raw(ByteStream {
                media_type: "application/octet-stream".into(),
                length,
                name: None,
                bytes: BodyStream::from_items(pieces),
            }),
            value: None,
        }
    }

    /// Frames `0`, `1`, …; then an end, a failure, or (told `Internal`) a panic.
    fn stream(&self, count: usize, pause: Duration, then: Option<Kind>) -> Answer {
        self.counts.streams.fetch_add(1, SeqCst);
        let streaming = Streaming(self.counts.clone());
        let frames = futures_util::stream::unfold((0, streaming), move |(at, streaming)| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            streaming.0.frames.fetch_add(1, SeqCst);
            match then {
                _ if at < count => Some((
                    Ok(Frame::new(TestEvent(Bytes::from(at.to_string())))),
                    (at + 1, streaming),
                )),
                None => None,
                Some(Kind::Internal) => panic!("as told, in a stream"),
                Some(kind) => Some((Err(Failure::new(kind, "as told")), (at + 1, streaming))),
            }
        });
        let head = Head {
            content_type: "text/event-stream",
            ..Head::json(self.name.clone())
        };
        Answer {
            head,
            body: Body::Stream(BodyStream::from_items(frames)),
            value: None,
        }
    }
}

/// An instance of the test driver.
pub fn instance(name: &str, counts: &Arc<Counts>) -> InstanceSpec {
    let (driver_name, counts): (Arc<str>, _) = (Arc::from(name), counts.clone());
    InstanceSpec {
        name: Arc::from(name),
        kind: Arc::from("test"),
        capabilities: capabilities(),
        factory: ready(move || {
            Ok(Arc::new(TestDriver {
                name: driver_name.clone(),
                counts: counts.clone(),
            }))
        }),
        max_in_flight: 256,
        attempt_timeout: Duration::from_secs(10),
        overload: OverloadSettings::default(),
        breaker: BreakerSettings::default(),
        breaker_per: BreakerPer::default(),
        slow_start: SlowStart::default(),
        credential_scope: 0,
        offers: Vec::new(),
        weight: 1,
        labels: Vec::new(),
        billing: Billing::default(),
    }
}

/// A rule that says that these instances are equivalent.
pub fn equivalent(names: &[&str]) -> Rule {
    Rule {
        instances: names.iter().map(|name| Arc::from(*name)).collect(),
        ..Rule::default()
    }
}

/// A spec with these instances and no metrics.
pub fn spec(instances: Vec<InstanceSpec>) -> SystemSpec {
    let mut spec = SystemSpec::new(Arc::new(metrics::NoopRecorder));
    spec.operations = OPERATIONS.clone();
    // Without a rule, several instances are homes of different things.
    let names: Vec<_> = instances.iter().map(|instance| instance.name.to_string()).collect();
    spec.rules = vec![equivalent(&names.iter().map(String::as_str).collect::<Vec<_>>())];
    spec.instances = instances;
    spec
}

/// A system with instances `a` and `b`.
pub async fn pair() -> (System, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let system = System::start(spec(vec![instance("a", &counts), instance("b", &counts)]))
        .await
        .expect("it starts");
    (system, counts)
}

/// A call by tenant `t` with ten seconds to go.
pub fn call(operation: &'static Operation, what: Do) -> Call {
    let caller = Caller::new("t", "tester");
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut call = Call::new(
        OPERATIONS.get(operation.name).expect("an operation of the tests"),
        Resource::parse("acme/thing"),
        caller,
        Arc::new(what),
        deadline,
    );
    if operation.cache.is_some() {
        call.request_key = Some([7; 32]);
    }
    call.tags = tags(operation, "acme/thing");
    call
}

/// What a call of the tests depends on, and what it changes.
pub fn tags(operation: &Operation, thing: &str) -> Tags {
    let tag = vec![Arc::from(format!("thing:{thing}"))];
    match operation.safe {
        true => Tags {
            carries: tag,
            ..Tags::default()
        },
        false => Tags {
            invalidates: tag,
            ..Tags::default()
        },
    }
}

/// The same call by another tenant.
pub fn by(tenant: &str, mut call: Call) -> Call {
    call.caller.tenant = Arc::from(tenant);
    call
}

/// The same call, to be answered within `limit`.
pub fn within(limit: Duration, mut call: Call) -> Call {
    call.deadline = Instant::now() + limit;
    call
}

/// What fails with each of these in turn, and then answers.
pub fn failing(failures: impl IntoIterator<Item = Failure>) -> Do {
    Do::Failing(Arc::new(Mutex::new(failures.into_iter().collect())))
}

/// A system with instance `a` alone, after `change` had its way with the spec.
pub async fn single(change: impl FnOnce(&mut SystemSpec)) -> (System, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let mut spec = spec(vec![instance("a", &counts)]);
    change(&mut spec);
    (System::start(spec).await.expect("it starts"), counts)
}

/// Carries a call on a task of its own.
pub fn spawn(gateway: &Gateway, call: Call) -> tokio::task::JoinHandle<Result<Answer, Failure>> {
    let gateway = gateway.clone();
    tokio::spawn(async move { gateway.call(call).await })
}

/// Waits until `holds`; fails with `what` after five seconds.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < limit, "not within 5 s: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Has an operator open the circuit of an instance.
pub async fn force_open(system: &System, name: &str) {
    let instance = system.instance(name).expect("it is there");
    let forced = instance.breaker.force_open("a rehearsal", None).await;
    forced.expect("its actor runs");
}

/// Waits until nothing is in flight anywhere: every permit is back.
pub async fn all_is_back(system: &System) {
    let gauge = |name: &str| {
        let node = system.tree().node("/root/gateway").expect("the gateway is in the tree");
        let gauges = node.gauges();
        gauges.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    };
    eventually("every permit is back", || {
        let snapshot = system.snapshot();
        snapshot.in_flight == 0
            && snapshot.instances.iter().all(|instance| instance.in_flight == 0)
            && system.quotas().iter().all(|quota| quota.in_flight == 0)
            && gauge("free_permits") == gauge("max_in_flight")
            && gauge("flights") == Some(0)
    })
    .await;
}

/// The stream of an answer.
pub fn frames_of(answer: Answer) -> BodyStream<Frame> {
    match answer.body {
        Body::Stream(stream) => stream,
        Body::Bytes(_) | Body::Raw(_) => panic!("a stream was expected"),
    }
}

/// The body of an answer that is whole.
pub fn text(answer: &Answer) -> &str {
    match &answer.body {
        Body::Bytes(bytes) => std::str::from_utf8(bytes).expect("tests speak UTF-8"),
        Body::Stream(_) | Body::Raw(_) => panic!("a whole body was expected"),
    }
}

/// A frame's JSON.
pub fn json(frame: &Frame) -> Bytes {
    frame.json().expect("it can be serialised")
}
