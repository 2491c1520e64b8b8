//! Nine equivalent forges, three of them faulty at a time: no write is doubled, no call is repeated beyond its bounds, and
//! each has one reply. How many calls succeed in their time is measured, and told.
//!
//! Invariant: what decides is counted by the forges or by the callers; of the log is taken only what the gateway says of
//! itself.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use crate::counted::{attempts_told, counter, titles};
use crate::load::{Caller, Issue, Plan, Seen};
use crate::stage::{arrived, forges};
use crate::tally::report;
use crate::weather::Weather;

/// The gateway's settings for a run, and the bounds that follow from them.
struct Settings {
    name: &'static str,
    /// Tables of the configuration.
    tables: &'static str,
    /// The most attempts of a call.
    attempts: u64,
    /// Of what callers ask of a forge, the part that retries and failovers may add there.
    share: f64,
    /// What they may add besides at each forge, each second.
    floor: u64,
}

impl Settings {
    /// The most attempts that repeat another, of so many calls in so many seconds: no window of ten seconds has more than
    /// its part, and one that is cut by the run's ends counts whole.
    fn repeats(&self, calls: u64, seconds: u64) -> u64 {
        (calls as f64 * self.share).ceil() as u64 + FORGES * self.floor * (seconds + 10)
    }
}

const FORGES: u64 = 9;

const DEFAULTS: Settings = Settings {
    name: "defaults",
    tables: "[ejection]\nmax_ejected_share = 0.5\n",
    attempts: 3,
    share: 0.2,
    floor: 10,
};

const SHORT: Settings = Settings {
    name: "open_for = 2s",
    tables: "[ejection]\nmax_ejected_share = 0.5\n[defaults.breaker]\nopen_for = \"2s\"\n",
    attempts: 3,
    share: 0.2,
    floor: 10,
};

const SHORT_ATTEMPTS: Settings = Settings {
    name: "open_for = 2s, attempt_timeout = 500ms",
    tables: "[ejection]\nmax_ejected_share = 0.5\n[defaults.breaker]\nopen_for = \"2s\"\n[gateway]\nattempt_timeout = \"500ms\"\n",
    attempts: 3,
    share: 0.2,
    floor: 10,
};

/// So few that they run out.
const TIGHT: Settings = Settings {
    name: "retry_budget = 0.05 + 0/s",
    tables: "[gateway.retry_budget]\nshare = 0.05\nfloor_per_second = 0\n[defaults.breaker]\nopen_for = \"2s\"\n",
    attempts: 3,
    share: 0.05,
    floor: 0,
};

/// What the gateway counts of attempts that are not the first of their call.
const REPEATS: [&str; 2] = ["mosaic_retries_total", "mosaic_failovers_total"];

/// The default tier's run.
const BRIEF: Plan = Plan {
    reads: 40,
    writes: 16,
    deadline: Duration::from_secs(2),
    warm_up: Duration::from_secs(2),
    measured: Duration::from_secs(6),
};

/// The full tier's.
const LONG: Plan = Plan {
    reads: 30,
    writes: 6,
    deadline: Duration::from_secs(5),
    warm_up: Duration::from_secs(10),
    measured: Duration::from_secs(120),
};

/// How long the same forges are faulty.
const BRIEF_PACE: Duration = Duration::from_secs(1);
const LONG_PACE: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_of_nine_fail_and_no_write_is_doubled_no_call_repeated_without_bound_and_each_has_its_reply() {
    let seed = std::env::var("MOSAIC_TEST_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    println!("MOSAIC_TEST_SEED={seed}");
    if std::env::var("MOSAIC_TEST_TIER").as_deref() != Ok("full") {
        return run(&SHORT_ATTEMPTS, BRIEF, BRIEF_PACE, seed).await;
    }
    for settings in [DEFAULTS, SHORT, SHORT_ATTEMPTS, TIGHT] {
        run(&settings, LONG, LONG_PACE, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_runs_out_is_kept_to() {
    run(&TIGHT, BRIEF, BRIEF_PACE, fastrand::u64(..)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_fails_a_call_is_one_request() {
    let stage = forges(9, "").await;
    let caller = Caller::of(&stage.gateway, Duration::from_secs(25));
    let mut seen = Seen::default();
    for number in 0..9 {
        seen.add(caller.read(number, false).await);
    }
    for (title, keyed) in [("a first issue", false), ("a second issue", true)] {
        seen.add(caller.write(title.to_owned(), keyed, false).await);
    }
    assert_eq!(arrived(&stage).iter().sum::<u64>(), seen.calls());
    assert_eq!(titles(&stage).await.values().filter(|count| **count == 1).count(), 2);
    stage.close().await.ok();
}

async fn run(settings: &Settings, plan: Plan, pace: Duration, seed: u64) {
    let stage = forges(FORGES as usize, settings.tables).await;
    let caller = Caller::of(&stage.gateway, plan.deadline);
    let in_all = plan.warm_up + plan.measured;
    let turns = in_all.as_secs().div_ceil(pace.as_secs()) as u32;
    let mut weather = Weather::of(seed);
    let ((), seen) = tokio::join!(weather.change(&stage, pace, turns), caller.run(plan));
    stage.sandbox.servers().iter().for_each(|forge| forge.faults().clear());

    // First what the forges counted, before they are asked what they have.
    let requests: u64 = arrived(&stage).iter().sum();
    let metrics = stage.gateway.admin("/metrics").await.text;
    at_most_once(&titles(&stage).await, &seen);
    let log = stage.close().await.stderr;
    let attempts = one_reply_each(&log, &seen, settings);
    let repeats = REPEATS.map(|name| counter(&metrics, name));
    within_bounds(requests, attempts, repeats.iter().sum(), &seen, settings, in_all);

    let told = format!(
        "{}, seed {seed}: {} calls, {requests} requests arrived, {REPEATS:?} {repeats:?}\n{}",
        settings.name,
        seen.calls(),
        report(&seen, plan.deadline)
    );
    // Also where a test's own output is kept back.
    std::io::stderr().write_all(told.as_bytes()).expect("it is open");
}

/// No issue stands anywhere twice, and each stands where its caller was told so, and only there.
fn at_most_once(titles: &BTreeMap<String, usize>, seen: &Seen) {
    for (title, issue) in &seen.issues {
        let there = titles.get(title).copied().unwrap_or_default();
        let sound = match issue {
            Issue::Made => there == 1,
            Issue::NotMade => there == 0,
            Issue::InDoubt => there <= 1,
        };
        assert!(
            sound,
            "{title}: its caller takes it for {issue:?}, and it is there {there} times"
        );
    }
}

/// The gateway tells of each call once, and of no more attempts than it may have; their number in all.
fn one_reply_each(log: &str, seen: &Seen, settings: &Settings) -> u64 {
    let told = attempts_told(log);
    assert_eq!(told.len() as u64, seen.calls());
    for (id, attempts) in &told {
        assert!(
            matches!(attempts[..], [one] if one <= settings.attempts),
            "{id}: {attempts:?}"
        );
    }
    told.values().flatten().sum()
}

/// Nothing is sent that is no attempt, no attempt but the first of a call that is no retry or failover, and of those there
/// are no more than the settings allow.
fn within_bounds(requests: u64, attempts: u64, repeats: u64, seen: &Seen, settings: &Settings, time: Duration) {
    let calls = seen.calls();
    assert!(
        requests <= attempts,
        "{requests} requests arrived, of {attempts} attempts"
    );
    assert!(
        attempts <= calls + repeats,
        "{attempts} attempts, of {calls} calls and {repeats} repeats"
    );
    let most = settings.repeats(calls, time.as_secs());
    assert!(
        repeats <= most,
        "{repeats} repeats of {calls} calls, and {most} at most"
    );
}
