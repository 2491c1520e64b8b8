//! Breakers that look back on a window of calls.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::StreamExt;
use mosaic_actors::breaker::WindowSnapshot;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::breaker::{SlowCalls, WindowSettings, WindowSpan};
use mosaic_actors::system::System;
use tokio::time::sleep;

use crate::support::{self, Counts, Do, FETCH, STREAM, call, eventually, frames_of, instance};
use crate::{ask, down, is, shown, with};

const HALF: WindowSettings = WindowSettings {
    span: WindowSpan::Calls(10),
    minimum_calls: 4,
    failure_share: Some(0.5),
    slow: None,
};

async fn windowed(window: WindowSettings) -> (System, Arc<Counts>) {
    with(|breaker| {
        breaker.failures_to_open = 0;
        breaker.open_for = Duration::from_secs(10);
        breaker.window = Some(window);
    })
    .await
}

fn held(system: &System) -> (u32, u32, u32) {
    let WindowSnapshot { calls, failed, slow } = shown(system).window.expect("it looks back");
    (calls, failed, slow)
}

/// How often the breaker's actor was told something.
fn told(system: &System) -> u64 {
    let path = "/root/plugins/instances/a/breaker";
    system.tree().node(path).expect("it is in the tree").handled()
}

#[tokio::test(start_paused = true)]
async fn a_failure_rate_opens_it_at_the_minimum_of_calls_and_not_before() {
    let (system, _) = windowed(HALF).await;
    ask(&system, down()).await;
    ask(&system, down()).await;
    ask(&system, Do::Answer).await;
    sleep(Duration::from_millis(5)).await;
    assert_eq!((shown(&system).state, held(&system)), ("closed", (3, 2, 0)));
    // A success is the fourth: half of four have failed.
    assert_eq!(ask(&system, Do::Answer).await, None);
    is(&system, "open").await;
}

#[tokio::test(start_paused = true)]
async fn what_left_the_window_counts_no_more() {
    let (system, _) = windowed(WindowSettings {
        failure_share: Some(0.3),
        ..HALF
    })
    .await;
    for _ in 0..8 {
        ask(&system, Do::Answer).await;
    }
    ask(&system, down()).await;
    ask(&system, down()).await;
    for _ in 0..10 {
        assert_eq!(ask(&system, Do::Answer).await, None);
    }
    assert_eq!(held(&system), (10, 0, 0));
    ask(&system, down()).await;
    ask(&system, down()).await;
    sleep(Duration::from_millis(5)).await;
    assert_eq!((shown(&system).state, held(&system)), ("closed", (10, 2, 0)));
    ask(&system, down()).await;
    is(&system, "open").await;
}

#[tokio::test(start_paused = true)]
async fn a_window_of_time_forgets_as_time_passes() {
    let span = WindowSpan::Time(Duration::from_secs(60));
    let (system, _) = windowed(WindowSettings { span, ..HALF }).await;
    for _ in 0..3 {
        ask(&system, down()).await;
    }
    assert_eq!(held(&system), (3, 3, 0));
    sleep(Duration::from_secs(61)).await;
    assert_eq!(held(&system), (0, 0, 0));
    ask(&system, down()).await;
    sleep(Duration::from_millis(5)).await;
    assert_eq!(shown(&system).state, "closed", "it is one call");
    for _ in 0..3 {
        ask(&system, down()).await;
    }
    is(&system, "open").await;
}

/// One whose circuit opens where half of its calls take longer than a second.
async fn slowness() -> System {
    let slow = SlowCalls {
        threshold: Duration::from_secs(1),
        share: 0.5,
    };
    let (system, _) = windowed(WindowSettings {
        failure_share: None,
        slow: Some(slow),
        ..HALF
    })
    .await;
    system
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_it_however_well_they_end() {
    let system = slowness().await;
    for _ in 0..2 {
        assert_eq!(ask(&system, Do::AnswerAfter(Duration::from_millis(500))).await, None);
        assert_eq!(ask(&system, down()).await, Some(Kind::UpstreamFailed));
    }
    assert_eq!((shown(&system).state, held(&system)), ("closed", (4, 2, 0)));
    for _ in 0..4 {
        assert_eq!(ask(&system, Do::AnswerAfter(Duration::from_secs(2))).await, None);
    }
    is(&system, "open").await;
    assert_eq!(held(&system), (8, 2, 4));
}

#[tokio::test(start_paused = true)]
async fn what_slow_calls_opened_a_slow_probe_does_not_close() {
    let system = slowness().await;
    for _ in 0..4 {
        assert_eq!(ask(&system, Do::AnswerAfter(Duration::from_secs(2))).await, None);
    }
    is(&system, "open").await;
    for openings in 2..4 {
        let wait = shown(&system).retry_in_ms.expect("it is open");
        sleep(Duration::from_millis(wait + 1)).await;
        assert_eq!(ask(&system, Do::AnswerAfter(Duration::from_secs(2))).await, None);
        is(&system, "open").await;
        assert_eq!(shown(&system).openings, openings);
    }
    let wait = shown(&system).retry_in_ms.expect("it is open");
    sleep(Duration::from_millis(wait + 1)).await;
    assert_eq!(ask(&system, Do::AnswerAfter(Duration::from_millis(500))).await, None);
    is(&system, "closed").await;
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_that_began_at_once_is_not_slow() {
    let slow = SlowCalls {
        threshold: Duration::from_secs(1),
        share: 0.5,
    };
    let (system, _) = windowed(WindowSettings {
        slow: Some(slow),
        ..HALF
    })
    .await;
    let stream = call(&STREAM, Do::Frames(8, Duration::from_millis(500)));
    let mut frames = frames_of(system.gateway().call(stream).await.expect("it answers"));
    while let Some(frame) = frames.next().await {
        frame.expect("as told");
    }
    assert_eq!(held(&system), (1, 0, 0));
    let late = call(&STREAM, Do::Frames(1, Duration::from_secs(2)));
    let mut frames = frames_of(system.gateway().call(late).await.expect("it answers"));
    while let Some(frame) = frames.next().await {
        frame.expect("as told");
    }
    assert_eq!(held(&system), (2, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_begins_with_an_empty_window() {
    let (system, _) = windowed(HALF).await;
    for _ in 0..4 {
        ask(&system, down()).await;
    }
    is(&system, "open").await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(ask(&system, Do::Answer).await, None);
    is(&system, "closed").await;
    assert_eq!(held(&system), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn answers_that_cannot_be_read_count_together() {
    let (system, _) = windowed(HALF).await;
    let unreadable = |thing: &str| {
        let garbage = Failure::new(Kind::UpstreamFailed, "garbage").not_usable();
        let mut call = call(&FETCH, Do::Fail(garbage));
        call.resource = mosaic_actors::call::Resource::parse(thing);
        call
    };
    for thing in ["one", "one", "one", "two"] {
        system.gateway().call(unreadable(thing)).await.expect_err("as told");
    }
    sleep(Duration::from_millis(5)).await;
    assert_eq!((shown(&system).state, held(&system)), ("closed", (0, 0, 0)));
    system.gateway().call(unreadable("three")).await.expect_err("as told");
    eventually("three are evidence", || held(&system) == (3, 3, 0)).await;
    system.gateway().call(unreadable("four")).await.expect_err("as told");
    is(&system, "open").await;
}

#[tokio::test(start_paused = true)]
async fn a_success_is_counted_without_a_message() {
    let (system, _) = windowed(WindowSettings {
        span: WindowSpan::Calls(1_000),
        ..HALF
    })
    .await;
    let before = told(&system);
    for _ in 0..100 {
        assert_eq!(ask(&system, Do::Answer).await, None);
    }
    assert_eq!((held(&system), told(&system)), ((100, 0, 0), before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_between_threads() {
    let counts = Arc::new(Counts::default());
    let mut spec = support::spec(vec![instance("a", &counts)]);
    spec.settings.recover.max_attempts = 1;
    let breaker = &mut spec.instances[0].breaker;
    breaker.failures_to_open = 0;
    breaker.window = Some(WindowSettings {
        span: WindowSpan::Calls(1_000),
        minimum_calls: 1_000,
        ..HALF
    });
    let system = System::start(spec).await.expect("it starts");
    let callers = (0..8).map(|caller| {
        let gateway = system.gateway().clone();
        tokio::spawn(async move {
            for number in 0..100 {
                let what = if number % 4 == caller % 4 { down() } else { Do::Answer };
                let _outcome = gateway.call(call(&FETCH, what)).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no panic");
    }
    assert_eq!(counts.begun.load(SeqCst), 800);
    assert_eq!(held(&system), (800, 200, 0));
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_cannot_be_meant_keeps_its_plugin_from_loading_and_is_named() {
    let (system, _) = windowed(WindowSettings {
        failure_share: Some(1.5),
        ..HALF
    })
    .await;
    let plugins = system.plugins().snapshot();
    let why = plugins[0].problem.as_deref().unwrap_or_default();
    assert!(why.contains("breaker.window.failure_share"), "{why}");
}
