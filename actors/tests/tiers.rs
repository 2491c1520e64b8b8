//! The chain of tiers behind L1, over tiers that do as a test tells them.

mod support;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::cache::portable::Portable;
use mosaic_actors::cache::purge::Purge;
use mosaic_actors::cache::tier::{CacheTier, Kept, Seen, Stamp, TierError, TierSettings, TierSpec};
use mosaic_actors::cache::{CacheKey, Tag};
use mosaic_actors::call::{CacheStatus, Head};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Kind;
use mosaic_actors::system::System;
use support::{Counts, Do, READ, Versioned, WRITE, call, eventually, instance, spec, text};
use tokio::time::Instant;

/// A tier in memory, which several systems may share.
#[derive(Default)]
struct Shelf {
    state: Mutex<State>,
    asked: AtomicUsize,
}

#[derive(Default)]
struct State {
    entries: HashMap<CacheKey, (Portable, Stamp)>,
    generations: HashMap<Tag, u64>,
    mood: Mood,
}

#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Well,
    Gone,
    Hanging,
}

impl State {
    fn stamp(&self, tags: &[Tag]) -> Stamp {
        let generation = |tag| self.generations.get(tag).copied().unwrap_or_default();
        Stamp(Bytes::from(format!(
            "{:?}",
            tags.iter().map(generation).collect::<Vec<_>>()
        )))
    }
}

impl Shelf {
    fn mood(&self, mood: Mood) {
        self.state.lock().expect("no panic").mood = mood;
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    fn held(&self) -> usize {
        self.state.lock().expect("no panic").entries.len()
    }

    fn as_told<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> BoxFuture<Result<T, TierError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, SeqCst);
            let mood = self.state.lock().expect("no panic").mood;
            match mood {
                Mood::Well => Ok(work(&mut self.state.lock().expect("no panic"))),
                Mood::Gone => Err(TierError::Network),
                Mood::Hanging => std::future::pending().await,
            }
        })
    }
}

impl CacheTier for Shelf {
    fn get(self: Arc<Self>, key: &CacheKey, tags: &[Tag]) -> BoxFuture<Result<Seen, TierError>> {
        let (key, tags) = (key.clone(), tags.to_vec());
        self.as_told(move |state| {
            let stamp = state.stamp(&tags);
            let kept = match state.entries.get(&key) {
                Some((entry, put_with)) if *put_with == stamp => Kept::Entry(entry.clone()),
                _ => Kept::Nothing,
            };
            Seen { kept, stamp }
        })
    }

    fn put(
        self: Arc<Self>,
        key: &CacheKey,
        entry: Portable,
        _tags: &[Tag],
        stamp: Stamp,
    ) -> BoxFuture<Result<(), TierError>> {
        let key = key.clone();
        self.as_told(move |state| drop(state.entries.insert(key, (entry, stamp))))
    }

    fn remove(self: Arc<Self>, key: &CacheKey) -> BoxFuture<Result<(), TierError>> {
        let key = key.clone();
        self.as_told(move |state| drop(state.entries.remove(&key)))
    }

    fn invalidate(self: Arc<Self>, tags: &[Tag]) -> BoxFuture<Result<(), TierError>> {
        let tags = tags.to_vec();
        self.as_told(move |state| {
            for tag in tags {
                *state.generations.entry(tag).or_default() += 1;
            }
        })
    }
}

/// A system with these tiers and one instance `a`.
async fn system(tiers: &[(&'static str, &Arc<Shelf>)], l1: bool) -> (System, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let mut spec = spec(vec![instance("a", &counts)]);
    spec.l1.enabled = l1;
    spec.tiers = tiers
        .iter()
        .map(|(name, shelf)| TierSpec {
            distrusted: false,
            name,
            store: (*shelf).clone(),
            settings: TierSettings::default(),
        })
        .collect();
    (System::start(spec).await.expect("it starts"), counts)
}

async fn read(system: &System) -> Head {
    system
        .gateway()
        .call(call(&READ, Do::Answer))
        .await
        .expect("an answer")
        .head
}

async fn write(system: &System) {
    system
        .gateway()
        .call(call(&WRITE, Do::Answer))
        .await
        .expect("an answer");
}

fn tier(head: &Head) -> Option<&'static str> {
    assert_eq!(head.cache == CacheStatus::Miss, head.cached_by.is_none());
    head.cached_by.map(|by| by.tier)
}

#[tokio::test]
async fn a_hit_far_out_fills_what_is_nearer() {
    let (near, far) = (Arc::new(Shelf::default()), Arc::new(Shelf::default()));
    let (first, _) = system(&[("l3", &far)], true).await;
    assert_eq!(tier(&read(&first).await), None);
    eventually("it is put", || far.held() == 1).await;
    let (second, counts) = system(&[("l2", &near), ("l3", &far)], true).await;
    assert_eq!(tier(&read(&second).await), Some("l3"));
    assert_eq!(tier(&read(&second).await), Some("l1"));
    eventually("the nearer tier is filled", || near.held() == 1).await;
    let (third, _) = system(&[("l2", &near), ("l3", &far)], true).await;
    assert_eq!(tier(&read(&third).await), Some("l2"));
    assert_eq!(counts.begun.load(SeqCst), 0, "no provider was asked");
    assert!(second.tree().node("/root/cache/l3/tier").is_some());
    assert!(second.tree().node("/root/cache/l3/breaker").is_some());
}

#[tokio::test]
async fn equal_misses_ask_a_tier_once() {
    let shelf = Arc::new(Shelf::default());
    let (system, counts) = system(&[("l2", &shelf)], true).await;
    let slow = || call(&READ, Do::AnswerAfter(Duration::from_millis(50)));
    let gateway = system.gateway();
    let calls = (0..20).map(|_| gateway.call(slow()));
    for outcome in futures_util::future::join_all(calls).await {
        outcome.expect("an answer");
    }
    eventually("it is put", || shelf.held() == 1).await;
    assert_eq!((shelf.asked(), counts.begun.load(SeqCst)), (2, 1), "one get, one put");
}

#[tokio::test]
async fn an_answer_asked_for_before_a_write_is_not_served_after_it() {
    let shelf = Arc::new(Shelf::default());
    let (reader, _) = system(&[("l2", &shelf)], false).await;
    let (writer, _) = system(&[("l2", &shelf)], false).await;
    let slow = call(&READ, Do::AnswerAfter(Duration::from_millis(100)));
    let under_way = tokio::spawn({
        let gateway = reader.gateway().clone();
        async move { gateway.call(slow).await }
    });
    eventually("it has looked", || shelf.asked() == 1).await;
    write(&writer).await;
    under_way.await.expect("no panic").expect("an answer");
    eventually("the old answer is put", || shelf.held() == 1).await;
    assert_eq!(tier(&read(&reader).await), None);
    eventually("the new answer is put", || reader.snapshot().tiers[0].fills == 2).await;
    assert_eq!(tier(&read(&writer).await), Some("l2"));
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_hangs_costs_its_budget_and_then_nothing() {
    let shelf = Arc::new(Shelf::default());
    let (system, _) = system(&[("l2", &shelf)], false).await;
    shelf.mood(Mood::Hanging);
    let budget = TierSettings::default().get_within;
    while system.snapshot().tiers[0].breaker.state == "closed" {
        let began = Instant::now();
        assert_eq!(tier(&read(&system).await), None);
        let took = began.elapsed();
        assert!(took <= budget + Duration::from_millis(2), "{took:?}");
        assert!(shelf.asked() <= 6, "five failures open it");
    }
    let (asked, began) = (shelf.asked(), Instant::now());
    assert_eq!(tier(&read(&system).await), None);
    assert!(began.elapsed() < budget);
    assert_eq!(shelf.asked(), asked);
}

#[tokio::test(start_paused = true)]
async fn what_a_tier_missed_is_pending_until_it_confirms() {
    let shelf = Arc::new(Shelf::default());
    let (system, _) = system(&[("l2", &shelf)], false).await;
    read(&system).await;
    eventually("it is put", || shelf.held() == 1).await;
    assert_eq!(tier(&read(&system).await), Some("l2"));
    shelf.mood(Mood::Gone);
    write(&system).await;
    assert_eq!(system.snapshot().tiers[0].pending_invalidations, 1);
    shelf.mood(Mood::Well);
    let asked = shelf.asked();
    assert_eq!(
        tier(&read(&system).await),
        None,
        "the old entry is still there, and not served"
    );
    assert_eq!(shelf.asked(), asked, "it is not even asked");
    eventually("it is confirmed", || {
        system.snapshot().tiers[0].pending_invalidations == 0
    })
    .await;
    assert_eq!(tier(&read(&system).await), None);
    eventually("the new answer is put", || system.snapshot().tiers[0].fills == 2).await;
    assert_eq!(tier(&read(&system).await), Some("l2"));
}

#[tokio::test(start_paused = true)]
async fn followers_too_are_served_what_a_tier_has_when_the_provider_fails() {
    let shelf = Arc::new(Shelf::default());
    let (first, _) = system(&[("l2", &shelf)], false).await;
    read(&first).await;
    eventually("it is put", || shelf.held() == 1).await;
    for (entry, _) in shelf.state.lock().expect("no panic").entries.values_mut() {
        entry.age = entry.fresh + Duration::from_secs(1);
    }
    let (second, _) = system(&[("l2", &shelf)], true).await;
    let gateway = second.gateway();
    let calls = (0..5).map(|_| gateway.call(call(&READ, Do::FailAt(&["a"], Kind::UpstreamFailed))));
    for outcome in futures_util::future::join_all(calls).await {
        let head = outcome.expect("a stale answer").head;
        assert_eq!((head.cache, tier(&head)), (CacheStatus::Stale, Some("l2")));
    }
}

#[tokio::test]
async fn a_purge_reaches_every_tier_and_names_one_that_did_not_confirm() {
    let shelf = Arc::new(Shelf::default());
    let (system, counts) = system(&[("l2", &shelf)], true).await;
    read(&system).await;
    eventually("it is put", || shelf.held() == 1).await;
    let key = system.gateway().finished(1)[0]
        .cache_key
        .clone()
        .expect("it is cacheable");
    let by_key = Purge::Key(key);
    system.purge(&by_key).await.expect("it is done");
    assert_eq!(shelf.held(), 0);
    assert_eq!(tier(&read(&system).await), None);
    // In l1 alone, it comes back from behind it; in l2, it does not.
    eventually("it is put again", || shelf.held() == 1).await;
    system.purge(&Purge::Tier("l1".into())).await.expect("it is done");
    assert_eq!(tier(&read(&system).await), Some("l2"));
    system.purge(&Purge::Tier("all".into())).await.expect("it is done");
    assert_eq!(tier(&read(&system).await), None);
    assert_eq!(counts.begun.load(SeqCst), 3);

    shelf.mood(Mood::Gone);
    let told = system.purge(&by_key).await.expect_err("l2 may hold it");
    assert!(told.kind == Kind::Network && told.message().contains("l2"), "{told}");
    let purged = system
        .purge(&Purge::Tag("thing:acme/thing".into()))
        .await
        .expect("it is noted");
    let outcomes: Vec<_> = purged.iter().map(|purged| (purged.tier, purged.outcome)).collect();
    assert_eq!(outcomes, [("l2", "pending"), ("l1", "purged")]);
}

#[tokio::test(start_paused = true)]
async fn what_another_node_kept_is_asked_about_and_is_fresh_again_for_all() {
    let shelf = Arc::new(Shelf::default());
    let thing = Arc::<Versioned>::default();
    let read = async |system: &System| system.gateway().call(thing.read()).await.expect("an answer");
    let (first, _) = system(&[("l2", &shelf)], true).await;
    read(&first).await;
    eventually("it is put", || shelf.held() == 1).await;
    for (entry, _) in shelf.state.lock().expect("no panic").entries.values_mut() {
        entry.age = entry.fresh + Duration::from_secs(1);
    }
    thing.asked();
    let (second, _) = system(&[("l2", &shelf)], true).await;
    let renewed = read(&second).await;
    assert_eq!(
        (renewed.head.cache, text(&renewed)),
        (CacheStatus::Revalidated, "\"a v1\"")
    );
    assert_eq!(thing.asked(), [("a".to_owned(), Some("a v1".to_owned()))]);
    eventually("it is put anew", || second.snapshot().tiers[0].fills == 1).await;
    let (third, _) = system(&[("l2", &shelf)], false).await;
    let hit = read(&third).await;
    assert_eq!((hit.head.cache, tier(&hit.head)), (CacheStatus::Hit, Some("l2")));
    assert_eq!(thing.asked(), []);
}
