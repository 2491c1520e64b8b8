//! The places of one instance: who holds them, who waits for one, and to whom a free one goes.
//!
//! Invariant: no more places are held than the limit allows when one is taken; while there is a free place, nobody waits who
//! may have it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::waiting::{Ticket, Waiting, WaitingSettings};
use crate::call::Priority;

/// The shortest wait that one who finds no place is told: about the time of one short upstream call.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest: whoever stays away longer does so for reasons of its own.
const LONGEST: Duration = Duration::from_secs(30);
/// The weight of the last interval between two places that became free.
const WEIGHT: f64 = 0.2;

/// What one asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Whose place it will be.
    pub tenant: &'a Arc<str>,
    /// It sends an upload: it holds its place for as long as its sender likes.
    pub upload: bool,
}

/// A place that was given to one who waited.
#[derive(Debug)]
pub struct Given<T> {
    /// Whose it is.
    pub tenant: Arc<str>,
    /// It is an upload's.
    pub upload: bool,
    /// What it is given by.
    pub to: T,
}

/// The places of one instance.
#[derive(Debug)]
pub struct Places<T> {
    limit: usize,
    taken: usize,
    held: HashMap<Arc<str>, Held, RandomState>,
    waiting: Waiting<(bool, T)>,
    freed: Freed,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    places: usize,
    uploads: usize,
}

/// How often places become free while all are taken: how rarely they do while nobody lacks one tells nothing.
#[derive(Debug, Default)]
struct Freed {
    /// Since when all have been taken, or since when the next one is awaited.
    since: Option<u64>,
    /// Nanoseconds between two, smoothed.
    every: Option<f64>,
}

impl Freed {
    /// The last free place is taken.
    fn awaited(&mut self, now: u64) {
        self.since.get_or_insert(now);
    }

    /// A place became free; `lacked`: there is still none for all who ask.
    fn note(&mut self, now: u64, lacked: bool) {
        if let Some(since) = self.since {
            let since = now.saturating_sub(since) as f64;
            self.every = Some(self.every.map_or(since, |every| every + WEIGHT * (since - every)));
        }
        self.since = lacked.then_some(now);
    }

    /// When so many more will have become free, by how it went so far. A stall counts as it grows.
    fn wait_for(&self, count: usize, now: u64) -> Duration {
        let since = self.since.map_or(0, |since| now.saturating_sub(since)) as f64;
        let every = self.every.map_or(since, |every| every.max(since));
        Duration::from_nanos((every * count as f64) as u64).clamp(SHORTEST, LONGEST)
    }
}

impl<T> Places<T> {
    /// So many places, all free.
    pub fn new(limit: usize) -> Self {
        Places {
            limit,
            taken: 0,
            held: HashMap::default(),
            waiting: Waiting::default(),
            freed: Freed::default(),
        }
    }

    /// Places held.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How long one who finds no place should stay away: until those who wait have been served, and itself.
    pub fn come_back(&self, now: u64) -> Duration {
        self.freed.wait_for(self.waiting.len() + 1, now)
    }

    /// Takes a place at `now`, if there is one that this tenant may have.
    pub fn take(&mut self, asking: Asking<'_>, now: u64, settings: &WaitingSettings) -> bool {
        let may = self.may_have(asking, settings);
        if may {
            self.hold(asking, now);
        }
        may
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// Gives `to` back where no more may wait.
    pub fn wait(
        &mut self,
        asking: Asking<'_>,
        priority: Priority,
        to: T,
        settings: &WaitingSettings,
    ) -> Result<Ticket, T> {
        let joined = self
            .waiting
            .join(asking.tenant, priority, (asking.upload, to), settings);
        joined.map_err(|(_, to)| to)
    }

    /// Gives up waiting. Others may have a place for that; false where its own had come.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.waiting.leave(ticket)
    }

    /// Gives a place back.
    pub fn give_back(&mut self, asking: Asking<'_>, now: u64) {
        self.taken -= 1;
        self.freed
            .note(now, self.taken >= self.limit || !self.waiting.is_empty());
        if let Some(held) = self.held.get_mut(asking.tenant) {
            held.places -= 1;
            held.uploads -= usize::from(asking.upload);
            if held.places == 0 {
                self.held.remove(asking.tenant);
            }
        }
    }

    /// There are so many places now. Those held beyond are given back in their time.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Gives a free place to whose turn it is at `now`. To be called until there is none, whenever a place or a waiter has
    /// gone.
    pub fn next(&mut self, now: u64, settings: &WaitingSettings) -> Option<Given<T>> {
        if self.waiting.is_empty() || self.taken >= self.limit {
            return None;
        }
        // Taken out while it is asked who may have one.
        let mut waiting = std::mem::take(&mut self.waiting);
        let others = waiting.of_several();
        let served = waiting.next(|tenant, (upload, _)| {
            let asking = Asking {
                tenant,
                upload: *upload,
            };
            self.has_share(asking, others, settings)
        });
        self.waiting = waiting;
        let (tenant, (upload, to)) = served?;
        let asking = Asking {
            tenant: &tenant,
            upload,
        };
        self.hold(asking, now);
        Some(Given { tenant, upload, to })
    }

    fn may_have(&self, asking: Asking<'_>, settings: &WaitingSettings) -> bool {
        let others = self.waiting.others_than(asking.tenant);
        self.taken < self.limit && self.has_share(asking, others, settings)
    }

    /// Whether one more is within the tenant's share. `others`: one of another tenant waits.
    fn has_share(&self, asking: Asking<'_>, others: bool, settings: &WaitingSettings) -> bool {
        let held = self.held.get(asking.tenant).copied().unwrap_or_default();
        let share = settings.share_of(self.limit);
        let alone = !others && self.held.len() == usize::from(held.places > 0);
        (!asking.upload || held.uploads < share) && (alone || held.places < share)
    }

    fn hold(&mut self, asking: Asking<'_>, now: u64) {
        self.taken += 1;
        if self.taken >= self.limit {
            self.freed.awaited(now);
        }
        let held = match self.held.get_mut(asking.tenant) {
            Some(held) => held,
            None => self.held.entry(asking.tenant.clone()).or_default(),
        };
        held.places += 1;
        held.uploads += usize::from(asking.upload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn asking(tenant: &Arc<str>, upload: bool) -> Asking<'_> {
        Asking { tenant, upload }
    }

    #[test]
    fn a_tenant_alone_may_have_all_but_for_uploads() {
        let (one, other, settings) = (Arc::from("one"), Arc::from("other"), WaitingSettings::default());
        let mut places: Places<()> = Places::new(4);
        let mut taken = |tenant, upload| {
            (0..10)
                .filter(|_| places.take(asking(tenant, upload), 0, &settings))
                .count()
        };
        assert_eq!((taken(&one, true), taken(&one, false)), (2, 2));
        assert_eq!(taken(&other, false), 0);
        places.give_back(asking(&one, true), 0);
        places.give_back(asking(&one, true), 0);
        let mut taken = |tenant, upload| {
            (0..10)
                .filter(|_| places.take(asking(tenant, upload), 0, &settings))
                .count()
        };
        assert_eq!((taken(&other, false), taken(&one, false)), (2, 0));
    }

    #[test]
    fn who_is_told_to_come_back_is_told_by_how_fast_places_become_free() {
        let (tenant, settings) = (Arc::from("t"), WaitingSettings::default());
        let mut places = Places::new(4);
        for _ in 0..4 {
            assert!(places.take(asking(&tenant, false), 0, &settings));
        }
        assert_eq!(places.come_back(0), SHORTEST);
        for second in 1..4 {
            places.give_back(asking(&tenant, false), second * SECOND);
            assert!(places.take(asking(&tenant, false), second * SECOND, &settings));
        }
        assert_eq!(places.come_back(3 * SECOND), Duration::from_secs(1));
        for _ in 0..2 {
            places
                .wait(asking(&tenant, false), Priority::Normal, (), &settings)
                .unwrap();
        }
        assert_eq!(places.come_back(3 * SECOND), Duration::from_secs(3));
        // Nothing has moved for a while.
        assert_eq!(places.come_back(7 * SECOND), Duration::from_secs(12));
    }

    #[test]
    fn a_lull_before_a_burst_makes_nobody_wait_longer() {
        let (tenant, settings) = (Arc::from("t"), WaitingSettings::default());
        let mut places: Places<()> = Places::new(2);
        let mut turn = |at: u64, calls: usize| {
            let taken = (0..calls)
                .filter(|_| places.take(asking(&tenant, false), at, &settings))
                .count();
            let told = places.come_back(at + SECOND / 2);
            (0..taken).for_each(|_| places.give_back(asking(&tenant, false), at + SECOND / 2));
            told
        };
        // All are taken for half a second at a time; between, nobody comes for long, or for one place only.
        for (at, calls) in [(0, 2), (60, 2), (100, 1), (200, 1), (400, 2), (4_000, 2)] {
            let told = turn(at * SECOND, calls);
            assert!(told <= Duration::from_millis(500), "{at}: {told:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// Whatever is taken, given back, waited for and given up.
        #[test]
        fn nobody_waits_for_a_free_place_that_it_may_have(
            events in proptest::collection::vec((0u8..5, 0usize..3, any::<bool>(), 0usize..7), 1..200),
        ) {
            let settings = WaitingSettings { max_waiting: 6, ..WaitingSettings::default() };
            let tenants: Vec<Arc<str>> = (0..3).map(|n| Arc::from(format!("t{n}"))).collect();
            let (mut places, mut limit) = (Places::new(4), 4);
            let mut held: Vec<(usize, bool)> = Vec::new();
            let mut tickets: Vec<(Ticket, usize, bool, usize)> = Vec::new();
            for (turn, (what, tenant, upload, number)) in events.into_iter().enumerate() {
                match what {
                    0 | 1 => {
                        if places.take(asking(&tenants[tenant], upload), 0, &settings) {
                            prop_assert!(held.len() < limit);
                            held.push((tenant, upload));
                        } else if let Ok(ticket) =
                            places.wait(asking(&tenants[tenant], upload), Priority::High, turn, &settings)
                        {
                            tickets.push((ticket, tenant, upload, turn));
                        }
                    }
                    2 if !held.is_empty() => {
                        let (tenant, upload) = held.remove(number % held.len());
                        places.give_back(asking(&tenants[tenant], upload), 0);
                    }
                    3 if !tickets.is_empty() => {
                        let (ticket, ..) = tickets.remove(number % tickets.len());
                        prop_assert!(places.leave(ticket));
                    }
                    _ => {
                        limit = 1 + number;
                        places.set_limit(limit);
                    }
                }
                while let Some(given) = places.next(0, &settings) {
                    prop_assert!(held.len() < limit);
                    let at = tickets.iter().position(|(.., turn)| *turn == given.to);
                    let (_, tenant, upload, _) = tickets.remove(at.expect("it waited"));
                    prop_assert_eq!((&given.tenant, given.upload), (&tenants[tenant], upload));
                    held.push((tenant, upload));
                }
                prop_assert_eq!((places.taken(), places.waiting()), (held.len(), tickets.len()));
                // Counted anew: who waits has found no place, or is at its share.
                for (_, tenant, upload, _) in &tickets {
                    let own = held.iter().filter(|(holder, _)| holder == tenant).count();
                    let uploads = held.iter().filter(|place| **place == (*tenant, true)).count();
                    let others = held.iter().any(|(holder, _)| holder != tenant)
                        || tickets.iter().any(|(_, waits, ..)| waits != tenant);
                    let share = settings.share_of(limit);
                    let full = held.len() >= limit;
                    prop_assert!(full || (*upload && uploads >= share) || (others && own >= share));
                }
            }
        }
    }
}
