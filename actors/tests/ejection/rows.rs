//! Failures in a row eject, within bounds.

use std::time::Duration;

use mosaic_actors::error::Kind;
use mosaic_actors::policy::outlier::OutlierSettings;
use tokio::time::sleep;

use crate::support::{Do, eventually};
use crate::{NAMES, down, stage};

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_eject_and_its_time_lets_it_back() {
    let mut stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    assert_eq!(stage.metric("mosaic_provider_ejected{provider=\"a\"}"), Some(0.0));
    stage.ask_of("a", down(), 4).await;
    sleep(Duration::from_millis(5)).await;
    assert_eq!(stage.ejected_for("a"), None, "four are not five");
    stage.ask_of("a", down(), 1).await;
    stage.is_ejected("a").await;
    let answered = stage.turns(20).await;
    assert!(!answered.contains_key("a") && answered.len() == 2, "{answered:?}");
    assert_eq!(stage.metric("mosaic_provider_ejected{provider=\"a\"}"), Some(1.0));
    assert_eq!(
        stage.metric("mosaic_provider_ejections_total{provider=\"a\"}"),
        Some(1.0)
    );
    assert_eq!(stage.metric("mosaic_panic_attempts_total"), Some(0.0));
    let left = stage.ejected_for("a").expect("it is ejected");
    assert!(left > 29_000 && left <= 30_000, "{left}");
    sleep(Duration::from_millis(left + 5)).await;
    assert_eq!(stage.turns(9).await["a"], 3);
    eventually("it is told", || {
        stage.metric("mosaic_provider_ejected{provider=\"a\"}") == Some(0.0)
    })
    .await;
    assert_eq!(
        stage.told(),
        [
            ("a".to_owned(), "ejected", Some(30_000)),
            ("a".to_owned(), "returned", None)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_row() {
    let stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    for _ in 0..5 {
        stage.ask_of("a", down(), 4).await;
        stage.ask_of("a", Do::Answer, 1).await;
    }
    sleep(Duration::from_millis(5)).await;
    assert_eq!(stage.ejected_for("a"), None);
}

#[tokio::test(start_paused = true)]
async fn each_ejection_is_longer_and_quiet_intervals_make_them_shorter() {
    let stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    let eject = async || {
        stage.ask_of("a", down(), 5).await;
        stage.is_ejected("a").await;
        let left = stage.ejected_for("a").expect("it is ejected");
        sleep(Duration::from_millis(left + 5)).await;
        left.div_ceil(1_000)
    };
    assert_eq!([eject().await, eject().await, eject().await], [30, 60, 90]);
    // Whole intervals without an ejection: at least three, and no more than four.
    sleep(Duration::from_secs(35)).await;
    let after = eject().await;
    assert!(after == 30 || after == 60, "{after}");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_share_is_ejected_and_one_always_may() {
    for (share, expected) in [(0.1, 1), (0.5, 3), (1.0, 6)] {
        let stage = stage(6, |spec| spec.settings.outlier.max_ejected_share = share).await;
        stage.turns(6).await;
        for name in NAMES {
            stage.ask_of(name, down(), 5).await;
        }
        let ejected = || NAMES.iter().filter(|name| stage.ejected_for(name).is_some()).count();
        eventually("as many as may be", || ejected() == expected).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ejected(), expected, "{share}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_without_an_equivalent_is_never_ejected() {
    let stage = stage(1, |_| {}).await;
    stage.ask_of("a", down(), 50).await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(stage.ejected_for("a"), None);
    assert_eq!(stage.ask(Do::Answer).await.as_deref(), Ok("a"));
}

#[tokio::test(start_paused = true)]
async fn a_callers_mistakes_eject_nobody() {
    let stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    for kind in [
        Kind::NotFound,
        Kind::Forbidden,
        Kind::InvalidInput,
        Kind::UpstreamRateLimited,
    ] {
        stage.ask_of("a", Do::FailAt(&["a"], kind), 10).await;
    }
    sleep(Duration::from_secs(11)).await;
    assert_eq!(stage.ejected_for("a"), None);
}

#[tokio::test(start_paused = true)]
async fn where_it_is_off_nobody_is_ejected() {
    let stage = stage(3, |spec| spec.settings.outlier = OutlierSettings::OFF).await;
    stage.turns(3).await;
    stage.ask_of("a", down(), 50).await;
    sleep(Duration::from_secs(21)).await;
    assert_eq!(stage.ejected_for("a"), None);
}

/// What must hold of any history of failures, through a whole system: of equivalents never more than the share is ejected,
/// and somebody is always asked.
#[tokio::test(start_paused = true)]
async fn whatever_happens_the_share_holds_and_somebody_answers() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for share in [0.1, 0.34, 0.5] {
        let stage = stage(6, |spec| spec.settings.outlier.max_ejected_share = share).await;
        let most = ((6.0 * share) as usize).max(1);
        stage.turns(6).await;
        for _ in 0..120 {
            match random.u8(..10) {
                0..6 => stage.ask_of(NAMES[random.usize(..6)], down(), random.usize(1..6)).await,
                6..8 => stage.ask_of(NAMES[random.usize(..6)], Do::Answer, 1).await,
                _ => sleep(Duration::from_millis(random.u64(..20_000))).await,
            }
            let ejected: Vec<_> = NAMES.iter().filter(|name| stage.ejected_for(name).is_some()).collect();
            assert!(ejected.len() <= most, "{ejected:?} with {share}, seed {seed}");
            let who = stage.ask(Do::Answer).await.expect("somebody answers");
            let spared = ejected.len() * 2 <= 6;
            let still = stage.ejected_for(&who).is_some();
            assert!(
                !(spared && still && ejected.iter().any(|name| **name == who)),
                "{who}, seed {seed}"
            );
        }
    }
}
