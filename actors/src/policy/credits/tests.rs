//! Tests of credits: the calendar, and the ledger against a store.

use super::*;
use proptest::prelude::*;

fn credits(amount: u64) -> Credits {
    Credits {
        unit: Unit::NanoUsd,
        amount,
        period: Period::Day,
        hard: false,
    }
}

#[test]
fn periods_begin_with_the_utc_day_the_month_or_whole_hours() {
    // 2024-02-29 12:34:56 UTC.
    let leap = 1_709_210_096;
    assert_eq!(Period::Day.bounds(leap), (1_709_164_800, 1_709_251_200));
    assert_eq!(Period::Month.bounds(leap), (1_706_745_600, 1_709_251_200));
    assert_eq!(Period::Hours(5).bounds(leap), (1_709_208_000, 1_709_226_000));
    // 2023-12-31 23:59:59 UTC ends a year.
    assert_eq!(Period::Month.bounds(1_704_067_199), (1_701_388_800, 1_704_067_200));
    assert_eq!(Period::Month.bounds(0), (0, 31 * DAY));
}

/// The months from 1970 on, counted day by day.
#[test]
fn months_are_those_of_the_calendar_for_four_hundred_years() {
    let (mut day, mut year) = (0, 1970);
    while year < 2370 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for length in [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            let whole = (day * DAY, (day + length) * DAY);
            assert_eq!(Period::Month.bounds(whole.0), whole);
            assert_eq!(Period::Month.bounds(whole.1 - 1), whole);
            day += length;
        }
        year += 1;
    }
}

#[test]
fn what_is_given_back_can_be_reserved_again_and_what_is_beyond_is_owed() {
    let mut ledger = Ledger::new(credits(100), 0);
    assert_eq!(ledger.reserve(10), Err(Unfunded::Short));
    assert_eq!(
        ledger.to_lease(false),
        Some(10),
        "as much as is wanted, where that is more than a part"
    );
    assert!(ledger.granted(0, 100, 0));
    let whole = ledger.reserve(100).unwrap();
    assert_eq!(ledger.reserve(1), Err(Unfunded::Spent));
    ledger.settle(whole, 40);
    assert_eq!((ledger.left(), ledger.spent()), (60, 40));
    let rest = ledger.reserve(50).unwrap();
    ledger.settle(rest, 75);
    assert_eq!((ledger.left(), ledger.take_owed(), ledger.spent()), (0, Some(15), 115));
    assert_eq!(ledger.take_owed(), None);
}

#[test]
fn a_new_period_has_new_credits_and_owes_the_old_ones_nothing() {
    let mut ledger = Ledger::new(credits(100), 0);
    ledger.granted(0, 100, 0);
    let old = ledger.reserve(100).unwrap();
    ledger.roll(DAY - 1);
    assert_eq!(ledger.affords(1), Err(Unfunded::Spent));
    ledger.roll(DAY);
    assert_eq!(ledger.affords(1), Err(Unfunded::Short));
    assert!(!ledger.granted(0, 50, 0), "a lease of the old period came late");
    assert!(ledger.granted(DAY, 100, 0));
    ledger.settle(old, 90);
    assert_eq!((ledger.left(), ledger.spent()), (100, 0));
    // A clock that is set back opens no period again.
    ledger.roll(0);
    assert_eq!(ledger.period(), (DAY, 2 * DAY));
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(usize, u64),
    /// Settles the nth open reservation with so many hundredths of it.
    Settle(usize, u64),
    Lease(usize),
    GiveBack(usize),
    /// One node is killed and comes back.
    Kill(usize),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..3, 0u64..60).prop_map(|(node, amount)| Step::Reserve(node, amount)),
        3 => (0usize..50, 0u64..=100).prop_map(|(at, share)| Step::Settle(at, share)),
        3 => (0usize..3).prop_map(Step::Lease),
        1 => (0usize..3).prop_map(Step::GiveBack),
        1 => (0usize..3).prop_map(Step::Kill),
        1 => (0u64..DAY / 2).prop_map(Step::Advance),
    ]
}

proptest! {
    /// Several nodes over one store: whatever happens, and whoever is killed, what they spend of a period together, and hold
    /// reserved, is never more than its credits; and within one ledger nothing is lost.
    #[test]
    fn nodes_together_never_spend_more_than_the_credits(amount in 0u64..500, steps in proptest::collection::vec(step(), 1..200)) {
        let mut now = 0;
        let mut taken = std::collections::HashMap::<u64, u64>::new();
        let mut spent = std::collections::HashMap::<u64, u64>::new();
        let mut nodes: Vec<Ledger> = (0..3).map(|_| Ledger::new(credits(amount), now)).collect();
        let mut leased = [0u64; 3];
        let mut open: Vec<(usize, u64, Reservation)> = Vec::new();
        for step in steps {
            match step {
                Step::Reserve(node, wanted) => {
                    let ledger = &mut nodes[node];
                    let affordable = ledger.affords(wanted);
                    let reserved = ledger.reserve(wanted);
                    prop_assert_eq!(affordable.err(), reserved.as_ref().err().copied());
                    if let Ok(reservation) = reserved {
                        open.push((node, ledger.period().0, reservation));
                    }
                }
                Step::Settle(at, share) if !open.is_empty() => {
                    let (node, period, reservation) = open.remove(at % open.len());
                    let actual = reservation.amount * share / 100;
                    *spent.entry(period).or_default() += actual;
                    nodes[node].settle(reservation, actual);
                }
                Step::Settle(..) => {}
                Step::Lease(node) => {
                    let (ledger, period) = (&mut nodes[node], now / DAY * DAY);
                    if let Some(wanted) = ledger.to_lease(true) {
                        let taken = taken.entry(period).or_default();
                        let granted = wanted.min(amount - *taken);
                        *taken += granted;
                        leased[node] += granted;
                        prop_assert!(ledger.granted(period, granted, amount - *taken));
                    }
                }
                Step::GiveBack(node) => {
                    let free = nodes[node].give_up();
                    leased[node] -= free;
                    *taken.entry(now / DAY * DAY).or_default() -= free;
                    nodes[node].ask_again();
                }
                Step::Kill(node) => {
                    // Calls that were under way may have been served in full.
                    for (_, period, reservation) in open.extract_if(.., |(of, ..)| *of == node) {
                        *spent.entry(period).or_default() += reservation.amount;
                    }
                    nodes[node] = Ledger::new(credits(amount), now);
                    leased[node] = 0;
                }
                Step::Advance(by) => {
                    let before = now / DAY;
                    now += by;
                    for (node, ledger) in nodes.iter_mut().enumerate() {
                        ledger.roll(now);
                        if now / DAY != before {
                            leased[node] = 0;
                        }
                    }
                }
            }
            let period = now / DAY * DAY;
            for (node, ledger) in nodes.iter().enumerate() {
                prop_assert_eq!(ledger.free + ledger.reserved + ledger.spent, leased[node]);
                prop_assert_eq!(ledger.owed, 0);
            }
            for (of, spent) in &spent {
                let held = open.iter().filter(|(_, period, _)| period == of);
                let held: u64 = held.map(|(_, _, reservation)| reservation.amount).sum();
                prop_assert!(spent + held <= amount, "{spent} + {held} of {amount} in {of}");
                prop_assert!(of <= &period);
            }
        }
    }
}
