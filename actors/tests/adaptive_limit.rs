//! The adaptive limit on an instance's attempts, through the whole path.
//!
//! Invariant: what is in flight is within the limit, the limit within its bounds; it is off unless it is turned on.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::call::{Answer, Body, Call, Head};
use mosaic_actors::driver::{BoxFuture, Credential, Driver, ready};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::policy::concurrency::LimitSettings;
use mosaic_actors::system::System;
use support::{Counts, Do, FETCH, all_is_back, by, call, instance, single, spec};

/// A server that does so many at once in ten milliseconds; beyond, each takes longer for all.
struct Server {
    capacity: Arc<AtomicUsize>,
    in_flight: AtomicUsize,
    most: Arc<AtomicUsize>,
}

impl Driver for Server {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            let in_flight = 1 + self.in_flight.fetch_add(1, SeqCst);
            self.most.fetch_max(in_flight, SeqCst);
            let load = (in_flight as f64 / self.capacity.load(SeqCst) as f64).max(1.0);
            tokio::time::sleep(Duration::from_millis(10).mul_f64(load)).await;
            self.in_flight.fetch_sub(1, SeqCst);
            Ok(Answer {
                head: Head::json(Arc::from("a")),
                body: Body::Bytes(bytes::Bytes::from_static(b"1")),
                value: None,
            })
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

/// So many callers that call again as soon as they are answered, for so long.
async fn load(system: &System, callers: usize, time: Duration) {
    let end = tokio::time::Instant::now() + time;
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let system = system.clone();
            tokio::spawn(async move {
                while tokio::time::Instant::now() < end {
                    let what = Do::AnswerAfter(Duration::from_millis(10));
                    let call = by(&format!("t{}", caller % 4), call(&FETCH, what));
                    if let Err(failure) = system.gateway().call(call).await {
                        assert_eq!(failure.kind, Kind::Overloaded, "{failure}");
                        tokio::time::sleep(failure.retry_after.expect("it is told")).await;
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller fails");
    }
}

#[tokio::test(start_paused = true)]
async fn it_finds_what_the_server_bears_and_backs_off_when_that_is_less() {
    let (capacity, most) = (Arc::new(AtomicUsize::new(1_000)), Arc::default());
    let server = InstanceSpec {
        factory: ready({
            let (capacity, most) = (capacity.clone(), Arc::clone(&most));
            move || {
                Ok(Arc::new(Server {
                    capacity: capacity.clone(),
                    in_flight: AtomicUsize::new(0),
                    most: Arc::clone(&most),
                }))
            }
        }),
        ..instance("a", &Arc::new(Counts::default()))
    };
    let mut spec = spec(vec![server]);
    spec.instances[0].overload.limit = Some(LimitSettings {
        window_time: Duration::from_millis(20),
        ..LimitSettings::default()
    });
    let system = System::start(spec).await.expect("it starts");
    let limit = || system.snapshot().instances[0].limit;
    assert_eq!(limit(), 20);
    load(&system, 5, Duration::from_millis(500)).await;
    assert_eq!(limit(), 20, "what is not used does not grow");
    capacity.store(40, SeqCst);
    load(&system, 110, Duration::from_millis(1_500)).await;
    let grown = limit();
    assert!((40..=110).contains(&grown), "{grown}");
    capacity.store(8, SeqCst);
    load(&system, 110, Duration::from_millis(600)).await;
    let shrunk = limit();
    assert!((5..=grown / 2).contains(&shrunk), "{shrunk} after {grown}");
    assert!(Arc::clone(&most).load(SeqCst) <= 110);
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_off_unless_it_is_turned_on() {
    let (system, _) = single(|_| {}).await;
    let limit = || system.snapshot().instances[0].limit;
    load(&system, 300, Duration::from_millis(100)).await;
    assert_eq!(limit(), 256);
}
