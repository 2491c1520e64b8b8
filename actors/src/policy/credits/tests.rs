//! Tests of credits: the calendar, and the ledger against a store.

use std::collections::HashMap;

use super::period::DAY;
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
    assert!(ledger.granted((0, DAY), 100, 0, 0));
    let whole = ledger.reserve(100).unwrap();
    assert_eq!(ledger.reserve(1), Err(Unfunded::Spent));
    ledger.settle(whole, 40);
    assert_eq!((ledger.left(), ledger.spent()), (60, 40));
    let rest = ledger.reserve(50).unwrap();
    ledger.settle(rest, 75);
    let charge = Charge { number: 1, amount: 15 };
    assert_eq!((ledger.left(), ledger.charge(), ledger.spent()), (0, Some(charge), 115));
    // Told again under its number until it is known to be entered, whatever is owed meanwhile.
    ledger.settle(ledger.uncovered(0), 7);
    assert_eq!(ledger.charge(), Some(charge));
    ledger.charged(1);
    assert_eq!(ledger.charge(), Some(Charge { number: 2, amount: 7 }));
    ledger.charged(1);
    assert_eq!(
        (ledger.charge().map(|charge| charge.number), ledger.spent()),
        (Some(2), 122)
    );
    ledger.charged(2);
    assert_eq!((ledger.charge(), ledger.spent()), (None, 122));
}

#[test]
fn a_new_period_has_new_credits_and_owes_the_old_ones_nothing() {
    let mut ledger = Ledger::new(credits(100), 0);
    ledger.granted((0, DAY), 100, 0, 0);
    let old = ledger.reserve(100).unwrap();
    ledger.roll(DAY - 1);
    assert_eq!(ledger.affords(1), Err(Unfunded::Spent));
    ledger.roll(DAY);
    assert_eq!(ledger.affords(1), Err(Unfunded::Short));
    assert!(
        !ledger.granted((0, DAY), 50, 0, DAY),
        "a lease of the old period came late"
    );
    assert!(ledger.granted((DAY, 2 * DAY), 100, 0, DAY));
    ledger.settle(old, 90);
    assert_eq!((ledger.left(), ledger.spent()), (100, 0));
    // A clock that is set back opens no period again.
    ledger.roll(0);
    assert_eq!(ledger.period(), (DAY, 2 * DAY));
}

fn lasting(period: Period) -> Credits {
    Credits { period, ..credits(100) }
}

#[test]
fn a_reload_goes_on_where_the_period_is_the_same_and_settles_nothing_twice_where_it_is_not() {
    let begun = || {
        let mut ledger = Ledger::new(lasting(Period::Day), 0);
        ledger.granted((0, DAY), 50, 50, 0);
        let under_way = ledger.reserve(30).unwrap();
        ledger.settle(ledger.uncovered(0), 25);
        (ledger, under_way)
    };
    // A day is 24 hours.
    let (mut ledger, under_way) = begun();
    ledger.follow(lasting(Period::Hours(24)), 5);
    assert_eq!((ledger.leased(), ledger.spent()), (30, 25));
    ledger.settle(under_way, 10);
    assert_eq!((ledger.leased(), ledger.spent()), (20, 35));
    // Two days begin with the first, and are another period.
    let (mut ledger, under_way) = begun();
    ledger.follow(lasting(Period::Hours(48)), 5);
    assert_eq!((ledger.period(), ledger.leased(), ledger.spent()), ((0, 2 * DAY), 0, 5));
    assert!(!ledger.granted((0, DAY), 50, 0, 5), "a lease of the other came late");
    ledger.settle(under_way, 10);
    assert_eq!(ledger.leased(), 0, "nothing is made of it");
    assert_eq!(
        ledger.charge(),
        Some(Charge { number: 1, amount: 5 }),
        "what is owed is told"
    );
}

#[test]
fn leases_are_as_large_as_what_is_spent_within_some_seconds() {
    let mut ledger = Ledger::new(credits(8_000), 0);
    let mut now = 100;
    let mut lease = |every: u64| {
        let size = ledger.to_lease(false).expect("it is used up");
        ledger.granted((0, DAY), size, 8_000, now);
        let all = ledger.reserve(ledger.leased()).unwrap();
        ledger.settle(all, 0);
        let all = ledger.reserve(ledger.leased()).unwrap();
        let amount = all.amount;
        ledger.settle(all, amount);
        now += every;
        size
    };
    let sizes = |lease: &mut dyn FnMut(u64) -> u64, every| (0..7).map(|_| lease(every)).collect::<Vec<_>>();
    assert_eq!(sizes(&mut lease, 1), [20, 20, 40, 80, 160, 320, 400]);
    assert_eq!(sizes(&mut lease, 30), [400; 7]);
    assert_eq!(sizes(&mut lease, 61), [400, 400, 200, 100, 50, 25, 20]);
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
    /// One node's credits are for another period, or the same by another name.
    Follow(usize, Period),
    Advance(u64),
}

const PERIODS: [Period; 4] = [Period::Day, Period::Hours(24), Period::Hours(48), Period::Hours(12)];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..3, 0u64..60).prop_map(|(node, amount)| Step::Reserve(node, amount)),
        6 => (0usize..50, 0u64..=100).prop_map(|(at, share)| Step::Settle(at, share)),
        6 => (0usize..3).prop_map(Step::Lease),
        2 => (0usize..3).prop_map(Step::GiveBack),
        2 => (0usize..3).prop_map(Step::Kill),
        1 => (0usize..3, proptest::sample::select(&PERIODS[..])).prop_map(|(node, period)| Step::Follow(node, period)),
        2 => (0u64..DAY / 2).prop_map(Step::Advance),
    ]
}

/// Several nodes over one store.
struct World {
    amount: u64,
    now: u64,
    nodes: Vec<Ledger>,
    /// What each of them leased in its ledger's generation.
    leased: [u64; 3],
    /// By period: what of it is taken, and what was spent of that.
    taken: HashMap<(u64, u64), u64>,
    spent: HashMap<(u64, u64), u64>,
    open: Vec<(usize, (u64, u64), Reservation)>,
}

impl World {
    fn new(amount: u64) -> Self {
        World {
            amount,
            now: 0,
            nodes: (0..3).map(|_| Ledger::new(credits(amount), 0)).collect(),
            leased: [0; 3],
            taken: HashMap::new(),
            spent: HashMap::new(),
            open: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Reserve(node, wanted) => {
                let ledger = &mut self.nodes[node];
                let affordable = ledger.affords(wanted);
                let reserved = ledger.reserve(wanted);
                prop_assert_eq!(affordable.err(), reserved.as_ref().err().copied());
                if let Ok(reservation) = reserved {
                    self.open.push((node, ledger.period(), reservation));
                }
            }
            Step::Settle(at, share) if !self.open.is_empty() => {
                let (node, period, reservation) = self.open.remove(at % self.open.len());
                let actual = reservation.amount * share / 100;
                *self.spent.entry(period).or_default() += actual;
                self.nodes[node].settle(reservation, actual);
            }
            Step::Settle(..) => {}
            Step::Lease(node) => {
                let ledger = &mut self.nodes[node];
                if let Some(wanted) = ledger.to_lease(true) {
                    let taken = self.taken.entry(ledger.period()).or_default();
                    let granted = wanted.min(self.amount - *taken);
                    *taken += granted;
                    self.leased[node] += granted;
                    prop_assert!(ledger.granted(ledger.period(), granted, self.amount - *taken, self.now));
                }
            }
            Step::GiveBack(node) => {
                let free = self.nodes[node].give_up();
                self.leased[node] -= free;
                *self.taken.entry(self.nodes[node].period()).or_default() -= free;
                self.nodes[node].ask_again();
            }
            Step::Kill(node) => {
                // Calls that were under way may have been served in full.
                for (_, period, reservation) in self.open.extract_if(.., |(of, ..)| *of == node) {
                    *self.spent.entry(period).or_default() += reservation.amount;
                }
                self.nodes[node] = Ledger::new(self.nodes[node].credits(), self.now);
                self.leased[node] = 0;
            }
            Step::Follow(node, period) => {
                let credits = Credits {
                    period,
                    ..credits(self.amount)
                };
                self.change(node, |ledger, now| ledger.follow(credits, now));
            }
            Step::Advance(by) => {
                self.now += by;
                (0..3).for_each(|node| self.change(node, Ledger::roll));
            }
        }
        Ok(())
    }

    fn change(&mut self, node: usize, change: impl FnOnce(&mut Ledger, u64)) {
        let before = self.nodes[node].period();
        change(&mut self.nodes[node], self.now);
        if self.nodes[node].period() != before {
            self.leased[node] = 0;
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (node, ledger) in self.nodes.iter().enumerate() {
            prop_assert_eq!(ledger.leased() + ledger.spent, self.leased[node]);
            prop_assert_eq!(ledger.owed, 0);
        }
        for (of, spent) in &self.spent {
            let held = self.open.iter().filter(|(_, period, _)| period == of);
            let held: u64 = held.map(|(_, _, reservation)| reservation.amount).sum();
            prop_assert!(
                spent + held <= self.amount,
                "{} + {} of {} in {:?}",
                spent,
                held,
                self.amount,
                of
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens, whoever is killed or configured otherwise, what they spend of a period together, and hold reserved, is
    /// never more than its credits; and within one ledger nothing is lost.
    #[test]
    fn nodes_together_never_spend_more_than_the_credits(amount in 0u64..500, steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new(amount);
        for step in steps {
            world.step(step)?;
            world.check()?;
        }
    }

    /// Against a store that enters a charge, and does not say so, or says so late: all that is owed is entered, and once.
    #[test]
    fn what_is_owed_is_entered_once_however_often_it_is_told(
        steps in proptest::collection::vec((0u64..30, any::<bool>(), any::<bool>(), 0u64..DAY), 1..60),
    ) {
        let mut ledger = Ledger::new(credits(0), 0);
        let (mut owed, mut entered, mut now) = (0, HashMap::<u64, u64>::new(), 0);
        for (amount, enters, is_known, by) in steps {
            ledger.settle(ledger.uncovered(0), amount);
            owed += amount;
            now += by;
            ledger.roll(now);
            let Some(charge) = ledger.charge() else { continue };
            if enters {
                let known = entered.insert(charge.number, charge.amount);
                prop_assert!(known.is_none_or(|known| known == charge.amount));
            }
            if enters && is_known {
                ledger.charged(charge.number);
            }
        }
        while let Some(charge) = ledger.charge() {
            entered.insert(charge.number, charge.amount);
            ledger.charged(charge.number);
        }
        prop_assert_eq!(entered.values().sum::<u64>(), owed);
    }
}
