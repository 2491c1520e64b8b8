//! Retry budgets through the whole path.
//!
//! Invariant: what is asked again is within the budget, whatever happens, as the drivers count it.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::outlier::OutlierSettings;
use mosaic_actors::policy::retry_budget::BudgetSettings;
use mosaic_actors::system::System;
use support::{Counts, Do, FETCH, call, instance, single, spec};

fn down() -> Do {
    Do::Fail(Failure::new(Kind::UpstreamFailed, "as told"))
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_their_budget_and_the_caller_has_the_failure_itself() {
    let (system, counts) = single(|spec| {
        spec.instances[0].breaker.failures_to_open = u32::MAX;
        spec.settings.recover.budget = BudgetSettings {
            share: 0.2,
            floor_per_second: 0,
            window: Duration::from_secs(1_000),
        };
    })
    .await;
    for asked in 1..=100u32 {
        let failure = system.gateway().call(call(&FETCH, down())).await.unwrap_err();
        assert_eq!(failure.kind, Kind::UpstreamFailed);
        let sent = counts.begun.load(SeqCst) as u32;
        assert!(sent <= asked + asked / 5, "{sent} for {asked}");
    }
    assert_eq!(counts.begun.load(SeqCst), 120, "and all of it is used");
    let failure = system.gateway().call(call(&FETCH, down())).await.unwrap_err();
    assert!(failure.message().contains("used up"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn failovers_draw_on_the_budget_of_the_one_that_failed_and_have_its_floor() {
    let counts = Arc::new(Counts::default());
    let mut spec = spec(["a", "b", "c"].map(|name| instance(name, &counts)).into());
    for instance in &mut spec.instances {
        instance.breaker.failures_to_open = u32::MAX;
    }
    // An ejected one would be asked too seldom to spend anything.
    spec.settings.outlier = OutlierSettings::OFF;
    spec.settings.recover.budget = BudgetSettings {
        share: 0.0,
        floor_per_second: 1,
        window: Duration::from_secs(10),
    };
    let system = System::start(spec).await.expect("it starts");
    let mut refused = 0;
    for _ in 0..60 {
        let slow_at_a = call(&FETCH, Do::FailAt(&["a"], Kind::Timeout));
        refused += u32::from(system.gateway().call(slow_at_a).await.is_err());
    }
    // Every third begins at a; ten of those twenty may go on.
    assert_eq!(refused, 10);
    assert_eq!(counts.begun.load(SeqCst), 70);
    tokio::time::sleep(Duration::from_secs(11)).await;
    for _ in 0..30 {
        let slow_at_a = call(&FETCH, Do::FailAt(&["a"], Kind::Timeout));
        system.gateway().call(slow_at_a).await.expect("it is there again");
    }
}

#[tokio::test(start_paused = true)]
async fn what_reached_nobody_costs_no_budget() {
    let (system, counts) = single(|spec| {
        spec.settings.recover.budget = BudgetSettings {
            share: 0.0,
            floor_per_second: 0,
            ..BudgetSettings::default()
        };
    })
    .await;
    let crashed = system.tree().crash("/root/router", "a rehearsal").await;
    crashed.expect("it runs");
    system
        .gateway()
        .call(call(&FETCH, Do::Answer))
        .await
        .expect("the router is back");
    assert_eq!(counts.begun.load(SeqCst), 1);
}
