//! Pacing: what is left of a provider's quota lasts until it is granted anew.
//!
//! Invariant: the provider is never asked for more than it grants, as it counts itself; urgent calls wait for nothing else.

mod support;

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mosaic_actors::call::{Answer, Body, Call, Head, Priority};
use mosaic_actors::driver::{BoxFuture, Credential, Driver, ready};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::rate_limit::RateLimit;
use mosaic_actors::system::System;
use support::{Counts, Do, FETCH, call, instance, spawn, spec, text};
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);

/// The origin of what is said of a window: its end is one moment, whoever says it.
static BEGAN: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970");
    since.as_millis() as u64
});

/// A provider that counts.
struct Granting {
    limit: u64,
    left: AtomicU64,
    /// Calls that it had to refuse.
    refused: AtomicU64,
    words: AtomicU64,
    resources: &'static [&'static str],
}

impl Granting {
    fn new(limit: u64, left: u64) -> Arc<Self> {
        Arc::new(Granting {
            limit,
            left: AtomicU64::new(left),
            refused: AtomicU64::new(0),
            words: AtomicU64::new(0),
            resources: &["requests"],
        })
    }
}

struct Asking {
    name: Arc<str>,
    server: Arc<Granting>,
    named: Option<&'static str>,
}

impl Driver for Asking {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let left = self
                .server
                .left
                .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            self.server.words.fetch_add(1, SeqCst);
            if left.is_err() {
                self.server.refused.fetch_add(1, SeqCst);
                return Err(Failure::new(Kind::UpstreamRateLimited, "the wall").after(WINDOW));
            }
            Ok(Answer {
                head: Head::json(self.name.clone()),
                body: Body::Bytes(format!("\"{}\"", self.name).into()),
                value: None,
            })
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }

    fn paced_by(&self, _call: &Call) -> Option<Arc<str>> {
        self.named.map(Arc::from)
    }

    fn rate_limits(&self) -> Vec<RateLimit> {
        let limit = |resource: &&str| RateLimit {
            resource: Arc::from(*resource),
            limit: Some(self.server.limit),
            remaining: Some(self.server.left.load(SeqCst)),
            used: None,
            reset_unix_ms: Some(*BEGAN + WINDOW.as_millis() as u64),
            seen_unix_ms: *BEGAN + self.server.words.load(SeqCst),
        };
        self.server.resources.iter().map(limit).collect()
    }
}

fn asking(name: &str, credential_scope: u64, server: &Arc<Granting>, named: Option<&'static str>) -> InstanceSpec {
    let (driver_name, server): (Arc<str>, _) = (Arc::from(name), server.clone());
    InstanceSpec {
        credential_scope,
        factory: ready(move || {
            Ok(Arc::new(Asking {
                name: driver_name.clone(),
                server: server.clone(),
                named,
            }))
        }),
        ..instance(name, &Arc::new(Counts::default()))
    }
}

async fn system(instances: Vec<InstanceSpec>) -> System {
    System::start(spec(instances)).await.expect("it starts")
}

fn urgent(priority: Priority) -> Call {
    let mut call = support::within(Duration::from_secs(10), call(&FETCH, Do::Answer));
    call.attributes.priority = priority;
    call
}

#[tokio::test(start_paused = true)]
async fn a_quota_lasts_until_its_reset_and_urgent_calls_wait_for_nothing() {
    let server = Granting::new(100, 40);
    let system = system(vec![asking("a", 1, &server, Some("requests"))]).await;
    let end = Instant::now() + WINDOW - Duration::from_secs(10);
    // A batch that would use it up within a second.
    let batch = {
        let system = system.clone();
        tokio::spawn(async move {
            let (mut served, mut told) = (0, 0);
            while Instant::now() < end {
                match system.gateway().call(urgent(Priority::Low)).await {
                    Ok(_) => served += 1,
                    Err(failure) => {
                        assert_eq!((failure.kind, failure.unsent), (Kind::Overloaded, true), "{failure}");
                        assert!(failure.message().contains("quota"), "{failure}");
                        told += 1;
                        tokio::time::sleep(failure.retry_after.expect("it is told for how long")).await;
                    }
                }
            }
            (served, told)
        })
    };
    let mut people = 0;
    while Instant::now() < end {
        let began = Instant::now();
        system
            .gateway()
            .call(urgent(Priority::High))
            .await
            .expect("it is served");
        assert!(began.elapsed() < Duration::from_millis(30), "{:?}", began.elapsed());
        people += 1;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let (served, told) = batch.await.expect("no panic");
    assert_eq!((people, server.refused.load(SeqCst)), (10, 0));
    assert!(
        served + people <= 40 && served >= 15,
        "{served} of the batch, {told} told to wait"
    );
}

#[tokio::test(start_paused = true)]
async fn high_priority_goes_until_the_wall_and_is_then_told_for_how_long() {
    let server = Granting::new(100, 5);
    let system = system(vec![asking("a", 1, &server, Some("requests"))]).await;
    let burst: Vec<_> = (0..20)
        .map(|_| spawn(system.gateway(), urgent(Priority::High)))
        .collect();
    let mut served = 0;
    for call in burst {
        match call.await.expect("no panic") {
            Ok(_) => served += 1,
            Err(failure) => {
                assert_eq!(failure.kind, Kind::UpstreamRateLimited, "{failure}");
                let wait = failure.retry_after.expect("it is told for how long");
                assert!(wait > WINDOW / 2 && wait <= WINDOW, "{wait:?}");
                assert!(
                    failure.message().contains("is used up until it is granted anew"),
                    "{failure}"
                );
            }
        }
    }
    assert_eq!((served, server.refused.load(SeqCst)), (5, 0), "never into the wall");
    tokio::time::sleep(WINDOW).await;
    server.left.store(100, SeqCst);
    system
        .gateway()
        .call(urgent(Priority::Low))
        .await
        .expect("it is granted anew");
}

#[tokio::test(start_paused = true)]
async fn normal_priority_is_kept_back_later_than_low() {
    let server = Granting::new(1_000, 400);
    let system = system(vec![asking("a", 1, &server, Some("requests"))]).await;
    let burst = async |priority| {
        let burst: Vec<_> = (0..100).map(|_| spawn(system.gateway(), urgent(priority))).collect();
        let mut served = 0;
        for call in burst {
            served += u32::from(call.await.expect("no panic").is_ok());
        }
        served
    };
    assert_eq!(burst(Priority::Normal).await, 100, "there is enough for it");
    let low = burst(Priority::Low).await;
    assert!(low < 50, "{low}");
    server.left.store(100, SeqCst);
    server.words.fetch_add(1_000, SeqCst);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (normal, low) = (burst(Priority::Normal).await, burst(Priority::Low).await);
    assert!(normal < 50 && low <= normal, "{normal} and {low}");
    assert_eq!(server.refused.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn instances_with_one_credential_share_its_pace() {
    for (other, served) in [(1, 20), (2, 40)] {
        // With credentials of their own, each has what it is granted.
        let servers = [Granting::new(1_000, 20), Granting::new(1_000, 20)];
        let second = if other == 1 { &servers[0] } else { &servers[1] };
        let system = system(vec![
            asking("a", 1, &servers[0], Some("requests")),
            asking("b", other, second, Some("requests")),
        ])
        .await;
        let burst: Vec<_> = (0..100)
            .map(|_| spawn(system.gateway(), urgent(Priority::High)))
            .collect();
        let mut answered = 0;
        for call in burst {
            answered += u32::from(call.await.expect("no panic").is_ok());
        }
        let refused: u64 = servers.iter().map(|server| server.refused.load(SeqCst)).sum();
        assert_eq!((answered, refused), (served, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn another_is_asked_while_the_quota_of_one_is_spared() {
    let (spent, idle) = (Granting::new(100, 0), Granting::new(100, 100));
    let system = system(vec![
        asking("a", 1, &spent, Some("requests")),
        asking("b", 2, &idle, Some("requests")),
    ])
    .await;
    for _ in 0..10 {
        let answer = system.gateway().call(urgent(Priority::Low)).await.expect("b has some");
        assert_eq!((text(&answer), answer.head.attempts), ("\"b\"", 1));
    }
    assert_eq!(spent.refused.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn only_a_limit_that_the_driver_names_is_paced_by() {
    for (resources, named, paced) in [
        (&["requests", "tokens"][..], None, false),
        (&["requests", "tokens"], Some("requests"), true),
        (&["requests"], Some("calls"), false),
        (&["requests"], None, false),
    ] {
        let server = Arc::new(Granting {
            limit: 100,
            left: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            words: AtomicU64::new(0),
            resources,
        });
        let system = system(vec![asking("a", 1, &server, named)]).await;
        let failure = system.gateway().call(urgent(Priority::High)).await.unwrap_err();
        assert_eq!(server.refused.load(SeqCst) == 0, paced, "{failure}");
    }
}

/// Draws on `requests` for what is fetched, and on `searches` for the rest.
struct Several(Asking);

impl Driver for Several {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Arc::new(Asking {
            name: self.0.name.clone(),
            server: self.0.server.clone(),
            named: None,
        })
        .call(call)
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }

    fn paced_by(&self, call: &Call) -> Option<Arc<str>> {
        let fetched = call.operation.name == FETCH.name;
        Some(Arc::from(if fetched { "requests" } else { "searches" }))
    }

    fn rate_limits(&self) -> Vec<RateLimit> {
        let mut limits = self.0.rate_limits();
        limits[1].remaining = Some(0);
        limits
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_one_quota_keeps_nobody_from_another() {
    let server = Arc::new(Granting {
        limit: 100,
        left: AtomicU64::new(100),
        refused: AtomicU64::new(0),
        words: AtomicU64::new(0),
        resources: &["requests", "searches"],
    });
    let its = server.clone();
    let spec = InstanceSpec {
        factory: ready(move || {
            Ok(Arc::new(Several(Asking {
                name: Arc::from("a"),
                server: its.clone(),
                named: None,
            })))
        }),
        ..instance("a", &Arc::new(Counts::default()))
    };
    let system = system(vec![spec]).await;
    system
        .gateway()
        .call(urgent(Priority::Low))
        .await
        .expect("most of it is left");
    let mut searching = call(&support::REPLACE, Do::Answer);
    searching.attributes = urgent(Priority::High).attributes;
    let failure = system.gateway().call(searching).await.unwrap_err();
    assert!(failure.unsent, "{failure}");
    system
        .gateway()
        .call(urgent(Priority::Low))
        .await
        .expect("of this one there is");
    assert_eq!((server.left.load(SeqCst), server.refused.load(SeqCst)), (98, 0));
}

#[tokio::test(start_paused = true)]
async fn it_can_be_turned_off() {
    let server = Granting::new(100, 0);
    let mut instance = asking("a", 1, &server, Some("requests"));
    instance.overload.pacing = None;
    let system = system(vec![instance]).await;
    let failure = system.gateway().call(urgent(Priority::High)).await.unwrap_err();
    assert_eq!(
        (failure.kind, server.refused.load(SeqCst)),
        (Kind::UpstreamRateLimited, 1)
    );
}
