//! The memory tier and coalescing: what is shared, with whom, and what a write does to it.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::call::{Answer, CacheStatus, Call, tag_of_instance};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::backoff::Backoff;
use mosaic_actors::supervision::State;
use mosaic_actors::system::System;
use support::{
    Counts, Do, READ, WRITE, all_is_back, by, call, eventually, force_open, pair, single, spawn, tags, text, within,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A thing at the provider: what it is, and when reads of it may answer.
struct World {
    number: Arc<AtomicUsize>,
    let_go: Arc<Semaphore>,
}

impl Default for World {
    fn default() -> Self {
        World {
            number: Arc::default(),
            let_go: Arc::new(Semaphore::new(0)),
        }
    }
}

impl World {
    /// Reads what the number is now, and answers when let.
    fn read(&self) -> Call {
        call(&READ, Do::NumberWhenLet(self.number.clone(), self.let_go.clone()))
    }

    fn let_go(&self, reads: usize) {
        self.let_go.add_permits(reads);
    }

    /// Changes the number at the provider, and tells it through the gateway.
    async fn write(&self, system: &System, number: usize) {
        self.number.store(number, SeqCst);
        system.gateway().call(call(&WRITE, Do::Answer)).await.unwrap();
    }
}

async fn begun(counts: &Counts, count: usize) {
    eventually("the driver has it", || counts.begun.load(SeqCst) == count).await;
}

fn status(answer: &Answer) -> CacheStatus {
    answer.head.cache
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_misses_are_one_call() {
    let (system, counts) = single(|_| {}).await;
    for round in 1..=20usize {
        let world = World::default();
        let key = |mut call: Call| {
            call.request_key = Some([u8::try_from(round).unwrap(); 32]);
            call
        };
        let calls: Vec<_> = (0..64).map(|_| spawn(system.gateway(), key(world.read()))).collect();
        begun(&counts, round).await;
        eventually("all are in flight", || system.snapshot().in_flight == 64).await;
        world.let_go(1);
        let mut by_status = std::collections::HashMap::new();
        for call in calls {
            *by_status
                .entry(format!("{:?}", status(&call.await.unwrap().unwrap())))
                .or_insert(0) += 1;
        }
        assert_eq!(
            (by_status.get("Miss"), by_status.get("Collapsed")),
            (Some(&1), Some(&63)),
            "{by_status:?}"
        );
        assert_eq!(counts.begun.load(SeqCst), round);
        all_is_back(&system).await;
    }
}

#[tokio::test(start_paused = true)]
async fn followers_outlive_their_leader() {
    let (system, counts) = single(|_| {}).await;
    let world = World::default();
    let leader = spawn(system.gateway(), world.read());
    begun(&counts, 1).await;
    let followers: Vec<_> = (0..63).map(|_| spawn(system.gateway(), world.read())).collect();
    eventually("all are in flight", || system.snapshot().in_flight == 64).await;
    leader.abort();
    begun(&counts, 2).await;
    world.let_go(1);
    for follower in followers {
        assert_eq!(text(&follower.await.unwrap().unwrap()), "0");
    }
    assert_eq!(counts.begun.load(SeqCst), 2, "one of them led, the others followed");
}

#[tokio::test(start_paused = true)]
async fn a_followers_deadline_holds_though_its_leader_is_slow() {
    let (system, counts) = single(|_| {}).await;
    let world = World::default();
    let leader = spawn(system.gateway(), world.read());
    begun(&counts, 1).await;
    let started = Instant::now();
    let late = system
        .gateway()
        .call(within(Duration::from_millis(300), world.read()))
        .await
        .unwrap_err();
    assert_eq!((late.kind, started.elapsed().as_millis() <= 301), (Kind::Timeout, true));
    world.let_go(1);
    assert!(leader.await.unwrap().is_ok());
    assert_eq!(counts.begun.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_leaders_deadline_is_not_its_followers() {
    let (system, counts) = single(|_| {}).await;
    let world = World::default();
    let leader = spawn(system.gateway(), within(Duration::from_millis(300), world.read()));
    begun(&counts, 1).await;
    let follower = spawn(system.gateway(), world.read());
    assert_eq!(leader.await.unwrap().unwrap_err().kind, Kind::Timeout);
    begun(&counts, 2).await;
    world.let_go(1);
    assert!(follower.await.unwrap().is_ok());
}

#[tokio::test]
async fn tenants_share_nothing() {
    let (system, counts) = single(|_| {}).await;
    let gateway = system.gateway();
    for tenant in ["one", "two"] {
        let answer = gateway.call(by(tenant, call(&READ, Do::Answer))).await.unwrap();
        assert_eq!(status(&answer), CacheStatus::Miss, "{tenant}");
    }
    let world = World::default();
    let (one, two) = (by("three", world.read()), by("four", world.read()));
    let calls = [spawn(gateway, one), spawn(gateway, two)];
    begun(&counts, 4).await;
    world.let_go(2);
    for call in calls {
        assert_eq!(status(&call.await.unwrap().unwrap()), CacheStatus::Miss);
    }
    // Nor does a call that insists on a provider share with one that does not care.
    let mut pinned = by("one", call(&READ, Do::Answer));
    pinned.no_cache = true;
    assert_eq!(status(&gateway.call(pinned).await.unwrap()), CacheStatus::Bypass);
}

#[tokio::test(start_paused = true)]
async fn a_missing_thing_is_remembered_for_its_time() {
    let (system, counts) = single(|_| {}).await;
    let missing = || call(&READ, Do::Fail(Failure::new(Kind::NotFound, "as told")));
    for _ in 0..3 {
        assert_eq!(system.gateway().call(missing()).await.unwrap_err().kind, Kind::NotFound);
    }
    assert_eq!(counts.begun.load(SeqCst), 1);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(system.gateway().call(missing()).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(counts.begun.load(SeqCst), 2);
    // What a write creates is there at once.
    system.gateway().call(call(&WRITE, Do::Answer)).await.unwrap();
    assert!(system.gateway().call(call(&READ, Do::Answer)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_stands_in_for_a_failing_provider() {
    let (system, _) = single(|spec| spec.instances[0].breaker.failures_to_open = 1_000).await;
    let gateway = system.gateway();
    gateway.call(call(&READ, Do::Answer)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(31)).await;
    let failing = |kind| call(&READ, Do::Fail(Failure::new(kind, "as told")));
    for (kind, attempts) in [(Kind::UpstreamFailed, 3), (Kind::Network, 3), (Kind::Timeout, 1)] {
        let answer = gateway.call(failing(kind)).await.unwrap();
        assert_eq!(answer.head.attempts, attempts, "those that failed: {kind}");
        assert_eq!(
            (status(&answer), text(&answer)),
            (CacheStatus::Stale, "\"a\""),
            "{kind}"
        );
        assert!(answer.head.age >= Duration::from_secs(31));
    }
    // Whoever wants nothing from cache wants nothing stale either.
    let mut fresh = failing(Kind::Network);
    fresh.no_cache = true;
    assert_eq!(gateway.call(fresh).await.unwrap_err().kind, Kind::Network);
    // A refusal of this caller is not excused by what another was told before.
    let refused = gateway.call(failing(Kind::Forbidden)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Forbidden);
    assert_eq!(
        status(&gateway.call(call(&READ, Do::Answer)).await.unwrap()),
        CacheStatus::Miss
    );
    tokio::time::sleep(Duration::from_secs(331)).await;
    assert_eq!(
        gateway.call(failing(Kind::Network)).await.unwrap_err().kind,
        Kind::Network,
        "too old"
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_that_began_before_a_write_never_fills_after_it() {
    let (system, counts) = single(|_| {}).await;
    let world = World::default();
    let early = spawn(system.gateway(), world.read());
    begun(&counts, 1).await;
    world.write(&system, 1).await;
    world.let_go(1);
    // It may have the old answer: it began before. Nobody after it may.
    assert_eq!(text(&early.await.unwrap().unwrap()), "0");
    world.let_go(1);
    let after = system.gateway().call(world.read()).await.unwrap();
    assert_eq!((text(&after), status(&after)), ("1", CacheStatus::Miss));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_begins_after_a_write_never_follows_one_from_before() {
    let (system, counts) = single(|_| {}).await;
    let world = World::default();
    let early = spawn(system.gateway(), world.read());
    begun(&counts, 1).await;
    let also_early = spawn(system.gateway(), world.read());
    eventually("it follows", || system.snapshot().in_flight == 2).await;
    world.write(&system, 1).await;
    let late = spawn(system.gateway(), world.read());
    eventually("it is there", || system.snapshot().in_flight == 3).await;
    world.let_go(1);
    for call in [early, also_early] {
        assert_eq!(text(&call.await.unwrap().unwrap()), "0");
    }
    begun(&counts, 3).await;
    world.let_go(1);
    let late = late.await.unwrap().unwrap();
    assert_eq!((text(&late), status(&late)), ("1", CacheStatus::Miss));
}

#[tokio::test(start_paused = true)]
async fn writes_elsewhere_disturb_no_flight() {
    let (system, counts) = single(|_| {}).await;
    let world = World::default();
    let early = spawn(system.gateway(), world.read());
    begun(&counts, 1).await;
    let mut elsewhere = call(&WRITE, Do::Answer);
    elsewhere.tags = tags(&WRITE, "acme/other");
    system.gateway().call(elsewhere).await.unwrap();
    let late = spawn(system.gateway(), world.read());
    eventually("it follows", || system.snapshot().in_flight == 2).await;
    world.let_go(1);
    assert!(early.await.unwrap().is_ok());
    assert_eq!(status(&late.await.unwrap().unwrap()), CacheStatus::Collapsed);
    assert_eq!(counts.begun.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_may_change_all_of_an_instance_makes_all_of_its_answers_untrue() {
    let (system, counts) = pair().await;
    let world = World::default();
    let change = async |instance: &str| {
        let mut change = call(&WRITE, Do::Answer);
        change.tags.invalidates = vec![tag_of_instance(instance)];
        system.gateway().call(change).await.unwrap();
    };
    let read = async || status(&system.gateway().call(world.read()).await.unwrap());
    world.let_go(100);
    assert_eq!((read().await, read().await), (CacheStatus::Miss, CacheStatus::Hit));
    change("elsewhere").await;
    assert_eq!(read().await, CacheStatus::Hit);
    // Either may have given it.
    for instance in ["a", "b"] {
        change(instance).await;
        assert_eq!(
            (read().await, read().await),
            (CacheStatus::Miss, CacheStatus::Hit),
            "{instance}"
        );
    }

    // One that began before it fills nothing after it.
    let world = World::default();
    change("a").await;
    let begun_before = counts.begun.load(SeqCst);
    let early = spawn(system.gateway(), world.read());
    begun(&counts, begun_before + 1).await;
    change("a").await;
    world.let_go(2);
    early.await.unwrap().unwrap();
    let late = system.gateway().call(world.read()).await.unwrap();
    assert_eq!(status(&late), CacheStatus::Miss);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_given_up_casts_doubt_on_the_cache() {
    for leave in [true, false] {
        let (system, counts) = single(|_| {}).await;
        system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
        let write = within(Duration::from_secs(1), call(&WRITE, Do::Hang));
        let write = spawn(system.gateway(), write);
        begun(&counts, 2).await;
        if leave {
            write.abort();
        }
        let _given_up = write.await;
        all_is_back(&system).await;
        let again = system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
        assert_eq!(status(&again), CacheStatus::Miss, "it may have happened");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_refused_before_it_was_sent_casts_none() {
    let (system, _) = single(|_| {}).await;
    system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    force_open(&system, "a").await;
    eventually("it is open", || {
        system.snapshot().instances[0].breaker.state == "forced_open"
    })
    .await;
    assert_eq!(
        system.gateway().call(call(&WRITE, Do::Answer)).await.unwrap_err().kind,
        Kind::CircuitOpen
    );
    assert_eq!(
        status(&system.gateway().call(call(&READ, Do::Answer)).await.unwrap()),
        CacheStatus::Hit
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_tier_serves_nothing_from_before() {
    let (system, counts) = single(|_| {}).await;
    let node = system.tree().node("/root/cache/l1").unwrap();
    let world = World::default();
    world.let_go(1);
    system.gateway().call(world.read()).await.unwrap();
    system.tree().crash("/root/cache/l1", "rehearsal").await.unwrap();
    eventually("it is up again", || {
        node.generation() == 2 && node.state() == State::Running
    })
    .await;
    world.let_go(1);
    assert_eq!(
        status(&system.gateway().call(world.read()).await.unwrap()),
        CacheStatus::Miss
    );
    assert_eq!(
        status(&system.gateway().call(world.read()).await.unwrap()),
        CacheStatus::Hit
    );

    // While it is away a write finds nobody to tell: what is stored is not served, what is on its way is not stored.
    let mut other = world.read();
    other.request_key = Some([8; 32]);
    let early = spawn(system.gateway(), other.clone());
    begun(&counts, 3).await;
    system.tree().stop("/root/cache/l1", "away").await.unwrap();
    world.write(&system, 1).await;
    system.tree().start_child("/root/cache/l1", "back").await.unwrap();
    world.let_go(1);
    assert_eq!(text(&early.await.unwrap().unwrap()), "0");
    for read in [world.read(), other] {
        world.let_go(1);
        let answer = system.gateway().call(read).await.unwrap();
        assert_eq!((text(&answer), status(&answer)), ("1", CacheStatus::Miss));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_is_off_stores_nothing_and_still_coalesces() {
    let (system, counts) = single(|spec| spec.l1.enabled = false).await;
    let world = World::default();
    let calls: Vec<_> = (0..8).map(|_| spawn(system.gateway(), world.read())).collect();
    eventually("all are in flight", || system.snapshot().in_flight == 8).await;
    begun(&counts, 1).await;
    world.write(&system, 1).await;
    let late = spawn(system.gateway(), world.read());
    eventually("it is there", || system.snapshot().in_flight == 9).await;
    world.let_go(1);
    for call in calls {
        assert_eq!(text(&call.await.unwrap().unwrap()), "0");
    }
    world.let_go(1);
    assert_eq!(text(&late.await.unwrap().unwrap()), "1");
    world.let_go(1);
    assert_eq!(
        status(&system.gateway().call(world.read()).await.unwrap()),
        CacheStatus::Miss
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_stored() {
    let (system, counts) = single(|spec| spec.l1.max_entry = 1).await;
    for _ in 0..2 {
        assert_eq!(
            status(&system.gateway().call(call(&READ, Do::Answer)).await.unwrap()),
            CacheStatus::Miss
        );
    }
    assert_eq!(counts.begun.load(SeqCst), 2);
}

/// Readers and writers at random: whoever begins to read after a write had its reply sees that write or a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_after_a_write_sees_it() {
    const WRITES: usize = 100;
    let (system, _) = single(|spec| spec.backoff = Backoff::NONE).await;
    let number = Arc::new(AtomicUsize::new(0));
    let told = Arc::new(AtomicUsize::new(0));
    let forever = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let writer = tokio::spawn({
        let (system, number, told) = (system.clone(), number.clone(), told.clone());
        async move {
            for next in 1..=WRITES {
                number.store(next, SeqCst);
                system.gateway().call(call(&WRITE, Do::Answer)).await.unwrap();
                told.store(next, SeqCst);
                if next % 25 == 0 {
                    system.tree().crash("/root/cache/l1", "rehearsal").await.ok();
                }
                tokio::time::sleep(Duration::from_micros(fastrand::u64(..300))).await;
            }
        }
    });
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (system, number, told, forever) = (system.clone(), number.clone(), told.clone(), forever.clone());
            tokio::spawn(async move {
                let mut hits = 0;
                while told.load(SeqCst) < WRITES {
                    let at_least = told.load(SeqCst);
                    let read = call(&READ, Do::NumberWhenLet(number.clone(), forever.clone()));
                    let answer = system.gateway().call(read).await.unwrap();
                    let seen: usize = text(&answer).parse().unwrap();
                    assert!(seen >= at_least, "{seen} after {at_least}, {:?}", status(&answer));
                    hits += usize::from(status(&answer) == CacheStatus::Hit);
                }
                hits
            })
        })
        .collect();
    writer.await.unwrap();
    let mut hits = 0;
    for reader in readers {
        hits += reader.await.unwrap();
    }
    assert!(hits > 0, "the cache served some");
}
