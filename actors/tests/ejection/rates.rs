//! Rates over an interval eject.

use std::time::Duration;

use mosaic_actors::policy::outlier::{FailurePercentage, OutlierSettings, SuccessRate};
use mosaic_actors::system::SystemSpec;
use tokio::time::sleep;

use crate::{NAMES, stage};

/// Rules by rates alone, for few attempts.
fn by_rates(system: &mut SystemSpec) {
    system.settings.outlier = OutlierSettings {
        consecutive_failures: 0,
        success_rate: Some(SuccessRate {
            minimum_attempts: 20,
            ..SuccessRate::default()
        }),
        ..OutlierSettings::default()
    };
}

#[tokio::test(start_paused = true)]
async fn who_succeeds_far_less_than_the_rest_is_ejected_after_the_interval() {
    let stage = stage(6, by_rates).await;
    stage.turns(6).await;
    let met = [("a", 0), ("b", 1), ("c", 0), ("d", 2), ("e", 1), ("f", 30)];
    stage.interval(&met, 50).await;
    assert_eq!(stage.ejected_for("f"), None, "the interval has not ended");
    sleep(Duration::from_secs(10)).await;
    stage.is_ejected("f").await;
    assert!(NAMES[..5].iter().all(|name| stage.ejected_for(name).is_none()));
    // What was before is not held against it again.
    sleep(Duration::from_secs(41)).await;
    assert_eq!(stage.ejected_for("f"), None);
}

#[tokio::test(start_paused = true)]
async fn few_hosts_or_few_attempts_are_not_compared() {
    let few_hosts = stage(4, by_rates).await;
    few_hosts.turns(4).await;
    few_hosts.interval(&[("a", 0), ("b", 0), ("c", 0), ("d", 40)], 50).await;
    let few_attempts = stage(6, by_rates).await;
    few_attempts.turns(6).await;
    let met = [("a", 0), ("b", 0), ("c", 0), ("d", 0), ("e", 0), ("f", 15)];
    few_attempts.interval(&met, 18).await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(
        (few_hosts.ejected_for("d"), few_attempts.ejected_for("f")),
        (None, None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_percentage_ejects_where_it_is_on_though_all_are_alike() {
    let percentage = |system: &mut SystemSpec| {
        by_rates(system);
        system.settings.outlier.max_ejected_share = 0.5;
        system.settings.outlier.success_rate = None;
        system.settings.outlier.failure_percentage = Some(FailurePercentage {
            minimum_attempts: 20,
            ..FailurePercentage::default()
        });
    };
    let stage = stage(6, percentage).await;
    stage.turns(6).await;
    stage.interval(&NAMES.map(|name| (name, 27)), 30).await;
    sleep(Duration::from_secs(11)).await;
    let ejected = NAMES.iter().filter(|name| stage.ejected_for(name).is_some()).count();
    assert_eq!(ejected, 3, "as many as may be");
}
