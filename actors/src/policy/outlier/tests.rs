//! Ejection against plain readings of its rules.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn interval() -> impl Strategy<Value = Interval> {
    (0u64..300, 0.0..=1.0f64).prop_map(|(attempts, share)| Interval {
        attempts,
        failed: (attempts as f64 * share) as u64,
    })
}

fn both() -> OutlierSettings {
    OutlierSettings {
        failure_percentage: Some(FailurePercentage::default()),
        ..OutlierSettings::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// In whole numbers and percent, as Envoy's text has the rules.
    #[test]
    fn who_is_an_outlier_is_what_the_rules_say(group in prop::collection::vec(interval(), 0..12)) {
        let found = outliers(&group, &both());
        let rates: Vec<f64> = group.iter().filter(|host| host.attempts >= 100)
            .map(|host| 100.0 * (host.attempts - host.failed) as f64 / host.attempts as f64).collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        let variance = rates.iter().map(|rate| rate * rate).sum::<f64>() / rates.len() as f64 - mean * mean;
        let least = mean - 1.9 * variance.max(0.0).sqrt();
        let busy = group.iter().filter(|host| host.attempts >= 50).count();
        for (place, host) in group.iter().enumerate() {
            let rate = 100.0 * (host.attempts - host.failed) as f64 / host.attempts as f64;
            let by_rate = rates.len() >= 5 && host.attempts >= 100 && rate < least - 1e-6;
            let near = rates.len() >= 5 && host.attempts >= 100 && (rate - least).abs() <= 1e-6;
            let by_share = busy >= 5 && host.attempts >= 50 && host.failed * 100 >= host.attempts * 85;
            let why = found.iter().find(|(at, _)| *at == place).map(|(_, why)| *why);
            // Either may hold where the two ways to reckon differ in the last digits.
            if !near {
                let expected = if by_rate { Some(Why::SuccessRate) } else { by_share.then_some(Why::FailurePercentage) };
                prop_assert_eq!(why, expected, "{} of {:?}", place, group);
            }
        }
        let successes: Vec<_> = found.iter().map(|(place, _)| group[*place].success()).collect();
        prop_assert!(successes.is_sorted(), "the worst first");
    }

    #[test]
    fn no_more_than_the_share_is_ejected_and_one_always_may(members in 0usize..200, percent in 0u32..=100) {
        let settings = OutlierSettings { max_ejected_share: f64::from(percent) / 100.0, ..OutlierSettings::default() };
        let mut ejected = 0;
        while has_room(ejected, members, &settings) {
            ejected += 1;
        }
        let share = members * percent as usize / 100;
        let expected = if members < 2 { 0 } else { share.max(1) };
        // A share such as 0.29 of 100 is a little less than 29 in a computer's numbers.
        prop_assert!(ejected == expected || ejected + 1 == expected, "{ejected} {expected}");
        prop_assert!(members < 2 || percent < 100 || ejected == members);
    }

    /// Against a model that counts in seconds.
    #[test]
    fn ejections_grow_with_each_and_shrink_with_each_quiet_interval(
        history in prop::collection::vec((0u8..10, 0.0..1.0f64), 1..60),
    ) {
        let settings = OutlierSettings { jitter: Duration::from_secs(5), ..OutlierSettings::default() };
        let (mut standing, mut multiplier, mut until, mut now) = (Standing::default(), 0u64, 0u64, 0u64);
        for (step, chance) in history {
            match step {
                // An interval passes.
                0..6 => {
                    let since = now;
                    now += 10 * SECOND;
                    standing = standing.rested(since);
                    if until <= since {
                        multiplier = multiplier.saturating_sub(1);
                        until = 0;
                    }
                }
                6..9 if !standing.is_ejected(now) => {
                    standing = standing.ejected(&settings, now, chance);
                    let seconds = (30 * (multiplier + 1)).min(300);
                    until = now + seconds * SECOND + (5e9 * chance) as u64;
                    multiplier = (multiplier + 1).min(10);
                }
                9 => {
                    standing = standing.well();
                    until = 0;
                }
                _ => {}
            }
            prop_assert_eq!(standing.until, until);
            prop_assert_eq!(u64::from(standing.times), multiplier);
            prop_assert_eq!(standing.is_ejected(now), now < until);
        }
    }
}

#[test]
fn the_defaults_are_envoys() {
    let settings = OutlierSettings::default();
    let mut standing = Standing::default();
    let seconds: Vec<_> = (0..12)
        .map(|_| {
            standing = standing.ejected(&settings, 0, 0.5);
            standing.until / SECOND
        })
        .collect();
    assert_eq!(seconds, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
    assert!(has_room(0, 3, &settings) && !has_room(1, 19, &settings) && has_room(1, 20, &settings));
    assert!(!has_room(0, 1, &settings), "one alone is no outlier");
    assert!(panics(4, 9, &settings) && !panics(5, 10, &settings) && panics(0, 1, &settings));
}

#[test]
fn equals_have_no_outlier_and_few_are_not_compared() {
    let host = |failed| Interval {
        attempts: 1_000,
        failed,
    };
    assert_eq!(outliers(&[host(333); 7], &both()), []);
    let one_bad = [host(1), host(0), host(2), host(1), host(300)];
    assert_eq!(outliers(&one_bad, &both()), [(4, Why::SuccessRate)]);
    assert_eq!(outliers(&one_bad[1..], &both()), []);
    assert_eq!(
        outliers(&[host(1_000); 5], &both()).len(),
        5,
        "nearly all fails, everywhere"
    );
    assert_eq!(outliers(&[host(1_000); 5], &OutlierSettings::OFF), []);
}

#[test]
fn what_cannot_be_meant_is_named() {
    assert_eq!(OutlierSettings::default().check(), Ok(()));
    assert_eq!(OutlierSettings::OFF.check(), Ok(()));
    let key = |change: fn(&mut OutlierSettings)| {
        let mut settings = both();
        change(&mut settings);
        settings.check().expect_err("it cannot be meant").0
    };
    assert_eq!(key(|settings| settings.interval = Duration::ZERO), "interval");
    assert_eq!(key(|settings| settings.max_ejected_share = 1.1), "max_ejected_share");
    assert_eq!(key(|settings| settings.panic_share = f64::NAN), "panic_share");
    let rate = |settings: &mut OutlierSettings| {
        settings.success_rate = Some(SuccessRate {
            deviations: f64::NAN,
            ..SuccessRate::default()
        });
    };
    assert_eq!(key(rate), "success_rate.deviations");
    let share = |settings: &mut OutlierSettings| {
        settings.failure_percentage = Some(FailurePercentage {
            share: 0.0,
            ..FailurePercentage::default()
        });
    };
    assert_eq!(key(share), "failure_percentage.share");
}
