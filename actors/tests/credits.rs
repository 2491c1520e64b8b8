//! Credits through a whole system: never more is spent than there is, whoever contends, crashes or is killed.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use futures_util::StreamExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::call::Call;
use mosaic_actors::credits::{Account, ChargeId, CreditStore, Lease, MemoryCredits};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::plugin::ReadyMade;
use mosaic_actors::policy::price::{Price, PriceRow, Prices};
use mosaic_actors::policy::routing::{Preference, Rule};
use mosaic_actors::system::{System, SystemSpec};
use support::billed::{billed, credited, set_wall, streamed};
use support::recorded::named;
use support::{
    Counts, Do, FETCH, PAID, STREAM, all_is_back, call, equivalent, eventually, frames_of, instance, spec, text,
};
use tokio::task::JoinSet;
use tokio::time::Instant;

const DAY: u64 = 86_400;

/// Has `first` of these asked before the others; `credits`: as long as it has some.
fn preferring(first: &str, credits: bool, equals: &[&str]) -> Rule {
    Rule {
        prefer: vec![Preference {
            instances: vec![Arc::from(first)],
            credits,
            ..Preference::default()
        }],
        ..equivalent(equals)
    }
}

async fn started(instances: Vec<InstanceSpec>, change: impl FnOnce(&mut SystemSpec)) -> System {
    let mut spec = spec(instances);
    change(&mut spec);
    System::start(spec).await.expect("it starts")
}

/// What the record of a call tells that it did cost.
async fn cost(instance: InstanceSpec) -> Option<u64> {
    let system = started(vec![instance], |_| {}).await;
    system
        .gateway()
        .call(named("one", call(&FETCH, Do::Answer)))
        .await
        .unwrap();
    system.gateway().explain("one", None)[0].cost.cost_nano_usd
}

#[tokio::test(start_paused = true)]
async fn what_a_call_did_cost_is_told_by_the_price_unless_the_provider_tells() {
    let priced = |told| credited(1_000, false, Some(70), billed("a", Duration::ZERO, told));
    assert_eq!(cost(priced(None)).await, Some(70));
    assert_eq!(cost(priced(Some(5))).await, Some(5));
    assert_eq!(cost(instance("a", &Arc::new(Counts::default()))).await, None);
    // What tokens come to is not known before they are told.
    let mut by_tokens = priced(None);
    by_tokens.billing.prices = Arc::new(Prices(vec![PriceRow {
        price: Price {
            input: 1_000_000,
            ..Price::default()
        },
        ..PriceRow::default()
    }]));
    assert_eq!(cost(by_tokens).await, None);
}

/// One instance, with so many calls a day as a hard limit.
fn limited(amount: u64) -> Vec<InstanceSpec> {
    vec![credited(
        amount,
        true,
        None,
        instance("a", &Arc::new(Counts::default())),
    )]
}

/// Calls until the credits are spent, and tells how many were served.
async fn spend_all(system: &System) -> u64 {
    let mut served = 0;
    loop {
        match system.gateway().call(call(&FETCH, Do::Answer)).await {
            Ok(_) => {
                served += 1;
                assert!(served < 10_000, "nothing bounds what is spent");
            }
            Err(failure) if failure.kind == Kind::BudgetExhausted => return served,
            // Others have what was leased last.
            Err(failure) => assert_eq!(failure.kind, Kind::Overloaded, "{failure:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hard_limit_refuses_until_its_period_ends() {
    let (time, wall) = set_wall(DAY + 100);
    let system = started(limited(30), |spec| spec.wall = wall).await;
    assert_eq!(spend_all(&system).await, 30);
    let failure = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
    assert_eq!(failure.retry_after, Some(Duration::from_secs(DAY - 100)));
    assert!(failure.unsent && failure.provider.as_deref() == Some("a"));
    time.store(2 * DAY, SeqCst);
    assert_eq!(spend_all(&system).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_under_contention_spend_exactly_the_credits() {
    const CREDITS: u64 = 500;
    let store = Arc::new(MemoryCredits::default());
    let (_, wall) = set_wall(100);
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let system = started(limited(CREDITS), |spec| {
            spec.credits = store.clone();
            spec.wall = wall.clone();
        });
        nodes.push(system.await);
    }
    let mut callers = JoinSet::new();
    for number in 0..32 {
        let system = nodes[number % 2].clone();
        callers.spawn(async move { spend_all(&system).await });
    }
    let served: u64 = callers.join_all().await.into_iter().sum();
    assert_eq!(served, CREDITS);
    assert_eq!(store.taken_in_all("a"), CREDITS);
    for node in &nodes {
        all_is_back(node).await;
        assert_eq!(node.credits()[0].left, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_killed_has_spent_its_leases_and_who_leaves_in_order_gives_them_back() {
    let store = Arc::new(MemoryCredits::default());
    let (_, wall) = set_wall(100);
    let node = || {
        started(limited(100), |spec| {
            spec.credits = store.clone();
            spec.wall = wall.clone();
        })
    };
    let first = node().await;
    for _ in 0..7 {
        first.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    }
    first.shutdown(Duration::from_secs(1)).await;
    assert_eq!(store.taken_in_all("a"), 7);

    // Nothing tells the store of this one's end: what is taken of it is all that it could have spent.
    let killed = node().await;
    for _ in 0..7 {
        killed.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    }
    let taken = store.taken_in_all("a");
    assert!((14..=24).contains(&taken), "{taken}");
    assert_eq!(killed.credits()[0].leased, taken - 14, "it is shown");
    let last = node().await;
    assert_eq!(spend_all(&last).await, 100 - taken);
}

#[tokio::test(start_paused = true)]
async fn what_others_have_spent_meanwhile_is_spent() {
    let store = Arc::new(Shaky::default());
    // So slow that a call comes before its word.
    store.slow.store(100, SeqCst);
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let node = started(limited(30), |spec| spec.credits = store.clone()).await;
        eventually("it has leased", || node.credits()[0].leased > 0).await;
        nodes.push(node);
    }
    let first = spend_all(&nodes[0]).await;
    // As it knows, there were more to be leased.
    assert_eq!((nodes[1].credits()[0].leased, nodes[1].credits()[0].left), (1, 29));
    for _ in first..30 {
        nodes[1]
            .gateway()
            .call(call(&FETCH, Do::Answer))
            .await
            .expect("it has leased it");
    }
    let failure = nodes[1].gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
    assert_eq!(failure.kind, Kind::BudgetExhausted);
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_otherwise_or_not_at_all_any_more_gives_its_leases_back() {
    let store = Arc::new(MemoryCredits::default());
    let counts = Arc::new(Counts::default());
    let of = |money| ReadyMade::spec(credited(100, true, money, instance("a", &counts)));
    let system = started(limited(100), |spec| spec.credits = store.clone()).await;
    for _ in 0..7 {
        system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    }
    let hanging = support::spawn(system.gateway(), call(&FETCH, Do::Hang));
    eventually("it is under way", || system.snapshot().instances[0].in_flight == 1).await;
    system.plugins().update(of(Some(1))).await.expect("it is sound");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(system.credits()[0].unit, "nanodollars");
    assert!(
        store.taken_in_all("a") > 8,
        "the call that is under way may cost something still"
    );
    hanging.abort();
    all_is_back(&system).await;
    // Eight calls, and what the new ones have leased.
    eventually("it is given back", || {
        store.taken_in_all("a") == 8 + system.credits()[0].leased
    })
    .await;
    let none = ReadyMade::spec(instance("a", &counts));
    system.plugins().update(none).await.expect("it is sound");
    // Its instance is kept for a moment.
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((store.taken_in_all("a"), system.credits().len()), (8, 0));
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_actor_neither_loses_nor_makes_credits() {
    let system = started(limited(60), |_| {}).await;
    let mut served = 0;
    for round in 1..4 {
        for _ in 0..10 {
            system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
            served += 1;
        }
        system.tree().crash("/root/credits", "a test").await.unwrap();
        eventually("it is up again", || {
            system.tree().node("/root/credits").unwrap().generation() == round + 1
        })
        .await;
    }
    assert_eq!(served + spend_all(&system).await, 60);
}

#[tokio::test(start_paused = true)]
async fn what_failed_for_nothing_is_given_back_and_what_may_have_been_billed_is_not() {
    let counts = Arc::new(Counts::default());
    let money = |amount| vec![credited(amount, true, Some(10), instance("a", &counts))];
    let left = |system: &System| system.credits()[0].left;
    let failing = |call: fn(Failure) -> Failure| Do::Fail(call(Failure::new(Kind::Timeout, "as told")));
    for (what, kept) in [
        (failing(Failure::never_sent), 0),
        (failing(Failure::never_billed), 0),
        (failing(|failure| failure), 10),
        (Do::Answer, 10),
    ] {
        let system = started(money(100), |_| {}).await;
        let _outcome = system.gateway().call(call(&PAID, what.clone())).await;
        all_is_back(&system).await;
        let spent = system.credits()[0].spent;
        assert!(
            spent.is_multiple_of(10) && (spent > 0) == (kept > 0),
            "{what:?}: {spent}"
        );
        assert_eq!(left(&system), 100 - spent, "{what:?}");
    }
    // One that is not billed costs nothing when it fails, and its price when it is answered.
    let system = started(money(100), |_| {}).await;
    system
        .gateway()
        .call(call(&FETCH, failing(|failure| failure)))
        .await
        .unwrap_err();
    assert_eq!(left(&system), 100);
    // A caller that leaves while it is under way may have been served.
    let hanging = support::spawn(system.gateway(), call(&PAID, Do::Hang));
    eventually("it is under way", || system.snapshot().instances[0].in_flight == 1).await;
    hanging.abort();
    all_is_back(&system).await;
    assert_eq!((left(&system), system.credits()[0].spent), (90, 10));
}

#[tokio::test(start_paused = true)]
async fn what_a_call_did_cost_is_settled_and_what_is_beyond_is_entered_in_the_store() {
    let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
    let store = Arc::new(MemoryCredits::default());
    let cheaper = credited(1_000, true, Some(100), billed("a", Duration::ZERO, Some(40)));
    let dearer = credited(1_000, true, Some(100), billed("b", Duration::ZERO, Some(990)));
    let system = started(vec![cheaper, dearer], |spec| {
        spec.recorder = recorder.clone();
        spec.credits = store.clone();
    })
    .await;
    let at = |name: &str| Call {
        provider: Some(Arc::from(name)),
        ..call(&FETCH, Do::Answer)
    };
    system.gateway().call(at("a")).await.unwrap();
    system.gateway().call(at("b")).await.unwrap();
    let seen = |index: usize| (system.credits()[index].left, system.credits()[index].spent);
    assert_eq!(seen(0), (960, 40));
    eventually("what is owed is told", || store.taken_in_all("b") >= 990).await;
    eventually("it is seen", || seen(1) == (10, 990)).await;
    let failure = system.gateway().call(at("b")).await.unwrap_err();
    assert_eq!(
        failure.kind,
        Kind::BudgetExhausted,
        "less is left than a call is expected to cost"
    );
    let text = recorder.handle().render();
    assert!(
        text.contains("mosaic_credits_left_nanodollars{provider=\"a\"} 960"),
        "{text}"
    );
    assert!(
        text.contains("mosaic_credits_left_nanodollars{provider=\"b\"} 10"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn credits_that_are_no_hard_limit_bind_only_rules_that_ask_for_them() {
    let counts = Arc::new(Counts::default());
    let system = started(vec![credited(5, false, None, instance("a", &counts))], |_| {}).await;
    for _ in 0..8 {
        system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    }
    let credits = &system.credits()[0];
    assert_eq!(
        (credits.left, credits.spent),
        (0, 8),
        "what is beyond is counted all the same"
    );
}

/// A store that can be away, or slow, or say nothing of what it did.
#[derive(Default)]
struct Shaky {
    kept: Arc<MemoryCredits>,
    away: AtomicBool,
    /// How long it takes, in milliseconds.
    slow: AtomicU64,
    /// It enters charges, and does not say so.
    silent: AtomicBool,
    /// How often it was asked.
    asked: AtomicUsize,
}

impl Shaky {
    fn asked<T: Send + 'static>(&self, answer: BoxFuture<Result<T, Failure>>) -> BoxFuture<Result<T, Failure>> {
        self.asked.fetch_add(1, SeqCst);
        let (away, slow) = (self.away.load(SeqCst), Duration::from_millis(self.slow.load(SeqCst)));
        Box::pin(async move {
            tokio::time::sleep(slow).await;
            match away {
                true => Err(Failure::new(Kind::Network, "the store is away")),
                false => answer.await,
            }
        })
    }
}

impl CreditStore for Shaky {
    fn lease(self: Arc<Self>, account: Account, limit: u64, wanted: u64) -> BoxFuture<Result<Lease, Failure>> {
        self.asked(self.kept.clone().lease(account, limit, wanted))
    }

    fn give_back(self: Arc<Self>, account: Account, amount: u64) -> BoxFuture<Result<(), Failure>> {
        self.asked(self.kept.clone().give_back(account, amount))
    }

    fn charge(self: Arc<Self>, account: Account, amount: u64, id: ChargeId) -> BoxFuture<Result<(), Failure>> {
        let charged = self.asked(self.kept.clone().charge(account, amount, id));
        match self.silent.load(SeqCst) {
            true => Box::pin(async {
                charged.await?;
                std::future::pending().await
            }),
            false => charged,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_store_nothing_is_spent_and_it_goes_on_when_the_store_is_back() {
    let store = Arc::new(Shaky::default());
    store.away.store(true, SeqCst);
    let counts = Arc::new(Counts::default());
    let cloud = credited(100, false, None, instance("cloud", &counts));
    let system = started(vec![instance("own", &counts), cloud], |spec| {
        spec.credits = store.clone();
        spec.rules[0] = preferring("cloud", true, &["own", "cloud"]);
    })
    .await;
    let served = async || {
        let answer = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        text(&answer).to_owned()
    };
    for _ in 0..3 {
        assert_eq!(served().await, "\"own\"");
    }
    assert_eq!(store.kept.taken_in_all("cloud"), 0);
    store.away.store(false, SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(served().await, "\"cloud\"");
}

#[tokio::test(start_paused = true)]
async fn who_is_killed_before_it_spent_anything_loses_next_to_nothing() {
    let store = Arc::new(MemoryCredits::default());
    let mut killed = Vec::new();
    for nodes in 1..=6 {
        let node = started(limited(4_000), |spec| spec.credits = store.clone()).await;
        eventually("it has leased", || node.credits()[0].left > 0).await;
        killed.push(node);
        assert!(
            store.taken_in_all("a") <= nodes * 4_000 / 400,
            "{}",
            store.taken_in_all("a")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_at_once_is_asked_once_a_second() {
    let counts = Arc::new(Counts::default());
    for hard in [false, true] {
        let store = Arc::new(Shaky::default());
        store.away.store(true, SeqCst);
        let system = started(vec![credited(100, hard, None, instance("a", &counts))], |spec| {
            spec.credits = store.clone();
        })
        .await;
        for _ in 0..100 {
            assert_eq!(system.gateway().call(call(&FETCH, Do::Answer)).await.is_ok(), !hard);
        }
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        let asked = store.asked.load(SeqCst);
        assert!((3..=6).contains(&asked), "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_charge_of_which_the_store_says_nothing_is_entered_once() {
    let store = Arc::new(Shaky::default());
    store.silent.store(true, SeqCst);
    let counts = Arc::new(Counts::default());
    let system = started(vec![credited(5, false, None, instance("a", &counts))], |spec| {
        spec.credits = store.clone();
    })
    .await;
    for _ in 0..8 {
        system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    }
    let asked = store.asked.load(SeqCst);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(store.asked.load(SeqCst) >= asked + 2, "it is told again");
    store.silent.store(false, SeqCst);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((store.kept.taken_in_all("a"), system.credits()[0].spent), (8, 8));
}

/// The names of those who serve a call, and what it took.
async fn served(system: &System) -> (String, Duration) {
    let began = Instant::now();
    let answer = system
        .gateway()
        .call(call(&FETCH, Do::Answer))
        .await
        .expect("it is served");
    (text(&answer).to_owned(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn only_what_cannot_be_asked_without_them_waits_for_credits() {
    const LEASING: Duration = Duration::from_millis(500);
    let counts = Arc::new(Counts::default());
    let of = |hard| credited(100, hard, None, instance("cloud", &counts));
    let own = || instance("own", &counts);
    let rule = |first: &str, credits| vec![preferring(first, credits, &["own", "cloud"])];
    let start = async |instances, rules: Vec<_>| {
        let store = Arc::new(Shaky::default());
        store.slow.store(LEASING.as_millis() as u64, SeqCst);
        started(instances, |spec| {
            spec.credits = store;
            if !rules.is_empty() {
                spec.rules = rules;
            }
        })
        .await
    };
    let at_once = |name: &str, (served, took): (String, Duration)| {
        assert!(
            served == format!("\"{name}\"") && took < LEASING / 10,
            "{served} after {took:?}"
        );
    };
    let once_leased = |(served, took): (String, Duration)| {
        assert!(
            served == "\"cloud\"" && took >= LEASING - Duration::from_millis(10),
            "{served} after {took:?}"
        );
    };
    // They are no limit, and nobody asks for them.
    at_once("cloud", served(&start(vec![of(false)], Vec::new()).await).await);
    // Others come first, or can be asked as well.
    at_once(
        "own",
        served(&start(vec![own(), of(true)], rule("own", false)).await).await,
    );
    at_once("own", served(&start(vec![own(), of(true)], Vec::new()).await).await);
    // Nobody else can be asked.
    once_leased(served(&start(vec![of(true)], Vec::new()).await).await);
    // Who comes first is asked on credits alone.
    once_leased(served(&start(vec![own(), of(false)], rule("cloud", true)).await).await);
    // Those who come first cannot be asked.
    let system = start(vec![own(), of(true)], rule("own", false)).await;
    support::force_open(&system, "own").await;
    once_leased(served(&system).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dearer_than_a_lease_waits_for_a_larger_one() {
    let system = started(
        vec![credited(100, true, Some(70), billed("a", Duration::ZERO, None))],
        |_| {},
    )
    .await;
    system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    let failure = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
    assert_eq!((failure.kind, system.credits()[0].left), (Kind::BudgetExhausted, 30));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_settled_at_its_end_for_what_it_told() {
    for (costs, ends, spent) in [(&[10, 30][..], true, 30), (&[10], false, 10)] {
        let system = started(
            vec![credited(1_000, true, Some(100), streamed("a", costs, ends))],
            |_| {},
        )
        .await;
        let seen = || (system.credits()[0].left, system.credits()[0].spent);
        let mut frames = frames_of(system.gateway().call(call(&STREAM, Do::Answer)).await.unwrap());
        frames.next().await.expect("a frame").expect("no failure");
        if !ends {
            assert_eq!(seen(), (900, 0), "reserved while it lasts");
        }
        while ends && frames.next().await.is_some() {}
        drop(frames);
        all_is_back(&system).await;
        assert_eq!(seen(), (1_000 - spent, spent));
    }
}

/// Many at once: whoever finds that others took what was leased last waits for more, and is not sent away.
#[tokio::test(start_paused = true)]
async fn a_burst_is_served_as_long_as_there_are_credits() {
    for (callers, amount) in [(5, 20), (20, 20), (30, 20), (60, 100)] {
        let counts = Arc::new(Counts::default());
        for hard in [true, false] {
            let store = Arc::new(Shaky::default());
            store.slow.store(5, SeqCst);
            let cloud = credited(amount, hard, None, instance("cloud", &counts));
            let system = started(vec![cloud, instance("own", &counts)], |spec| {
                spec.credits = store;
                spec.rules = vec![preferring("cloud", true, &["cloud", "own"])];
            })
            .await;
            let mut all = JoinSet::new();
            for _ in 0..callers {
                let system = system.clone();
                all.spawn(async move { served(&system).await.0 });
            }
            let by_cloud = all.join_all().await.iter().filter(|name| *name == "\"cloud\"").count() as u64;
            assert_eq!(
                by_cloud,
                callers.min(amount),
                "{callers} callers, {amount} credits, hard: {hard}"
            );
        }
    }
}
