//! A short queue in front of a bound: who waits, who is turned away, and whose turn is next.
//!
//! Invariant: it is never longer than its bound; tenants take turns, so none is passed over twice while it waits and may be
//! served; within a tenant the more urgent come first, and those that are equally urgent in the order of their coming.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Priority;

/// Bounds of the waiting for a place, and of a tenant's part in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaitingSettings {
    /// Who may wait at once; 0: nobody, and who finds no place is refused. Calls of low priority may fill a quarter, those
    /// of low and normal priority three, so that urgent ones find room in a queue that grows.
    pub max_waiting: usize,
    /// The longest that one waits.
    pub max_wait: Duration,
    /// The part of the places, and of the queue, that one tenant may have: of the places only while another holds one or
    /// waits, save for uploads, whose senders alone say how long a place is held. 1: all.
    pub tenant_share: f64,
}

impl Default for WaitingSettings {
    /// Long enough for a burst to pass, and too short to be felt: a quarter of a second. A queue can only be drained within
    /// that if it is short.
    fn default() -> Self {
        WaitingSettings {
            max_waiting: 32,
            max_wait: Duration::from_millis(250),
            tenant_share: 0.5,
        }
    }
}

impl WaitingSettings {
    /// A tenant's part of `all`: one at least.
    pub fn share_of(&self, all: usize) -> usize {
        let part = (all as f64 * self.tenant_share.clamp(0.0, 1.0)).ceil();
        (part as usize).max(1)
    }

    /// How many of this priority and below may wait.
    fn room_for(&self, priority: Priority) -> usize {
        match priority {
            Priority::Low => self.max_waiting / 4,
            Priority::Normal => self.max_waiting - self.max_waiting / 4,
            Priority::High => self.max_waiting,
        }
    }
}

/// Names one who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Those who wait, with what each of them is given its turn by.
#[derive(Debug)]
pub struct Waiting<T> {
    /// In the order of their turns.
    lines: VecDeque<Line<T>>,
    /// How many wait of each priority, the lowest first.
    by_priority: [usize; 3],
    last: u64,
}

#[derive(Debug)]
struct Line<T> {
    tenant: Arc<str>,
    /// The most urgent first.
    waiting: VecDeque<(Priority, Ticket, T)>,
}

impl<T> Line<T> {
    /// How many wait that are no more urgent.
    fn up_to(&self, priority: Priority) -> usize {
        self.waiting.iter().filter(|(other, ..)| *other <= priority).count()
    }
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Waiting {
            lines: VecDeque::new(),
            by_priority: [0; 3],
            last: 0,
        }
    }
}

impl<T> Waiting<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.by_priority.iter().sum()
    }

    /// Nobody waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether several tenants wait.
    pub fn of_several(&self) -> bool {
        self.lines.len() > 1
    }

    /// Whether one of another tenant waits.
    pub fn others_than(&self, tenant: &str) -> bool {
        self.lines.iter().any(|line| *line.tenant != *tenant)
    }

    /// How many wait that are no more urgent.
    fn up_to(&self, priority: Priority) -> usize {
        self.by_priority[..=priority as usize].iter().sum()
    }

    /// Joins the queue.
    ///
    /// # Errors
    /// Gives `what` back where too many wait that are no more urgent, or too many of those are of this tenant: nobody is
    /// kept out by what others wait for more urgently, nor by how many one other tenant sends.
    pub fn join(
        &mut self,
        tenant: &Arc<str>,
        priority: Priority,
        what: T,
        settings: &WaitingSettings,
    ) -> Result<Ticket, T> {
        let place = self.lines.iter().position(|line| line.tenant == *tenant);
        let room = settings.room_for(priority);
        let own = place.map_or(0, |place| self.lines[place].up_to(priority));
        if self.up_to(priority) >= room || own >= settings.share_of(room) {
            return Err(what);
        }
        let place = place.unwrap_or_else(|| {
            self.lines.push_back(Line {
                tenant: tenant.clone(),
                waiting: VecDeque::new(),
            });
            self.lines.len() - 1
        });
        self.last += 1;
        self.by_priority[priority as usize] += 1;
        let (ticket, line) = (Ticket(self.last), &mut self.lines[place].waiting);
        let behind = line.iter().rposition(|(other, ..)| *other >= priority);
        line.insert(behind.map_or(0, |at| at + 1), (priority, ticket, what));
        Ok(ticket)
    }

    /// Leaves the queue. False where its turn had come.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        for place in 0..self.lines.len() {
            let line = &mut self.lines[place].waiting;
            let at = line.iter().position(|(_, other, _)| *other == ticket);
            if let Some((priority, ..)) = at.and_then(|at| line.remove(at)) {
                self.by_priority[priority as usize] -= 1;
                if line.is_empty() {
                    self.lines.remove(place);
                }
                return true;
            }
        }
        false
    }

    /// Whose turn it is among those that may be served: its tenant's next turn comes after everybody else's.
    pub fn next(&mut self, may: impl Fn(&Arc<str>, &T) -> bool) -> Option<(Arc<str>, T)> {
        let first = |line: &Line<T>| line.waiting.iter().position(|(.., what)| may(&line.tenant, what));
        let turn = |(place, line)| first(line).map(|at| (place, at));
        let (place, at) = self.lines.iter().enumerate().find_map(turn)?;
        let mut line = self.lines.remove(place)?;
        let (priority, _, what) = line.waiting.remove(at)?;
        self.by_priority[priority as usize] -= 1;
        let tenant = line.tenant.clone();
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
        Some((tenant, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

    fn settings(max_waiting: usize, tenant_share: f64) -> WaitingSettings {
        WaitingSettings {
            max_waiting,
            tenant_share,
            ..WaitingSettings::default()
        }
    }

    #[test]
    fn the_least_urgent_are_turned_away_first() {
        let (tenant, bounds) = (Arc::from("t"), settings(8, 1.0));
        let mut queue = Waiting::default();
        let mut joined = |priority| {
            (0..10)
                .filter(|n| queue.join(&tenant, priority, *n, &bounds).is_ok())
                .count()
        };
        assert_eq!(ALL.map(&mut joined), [2, 4, 2]);
        let nobody = settings(0, 1.0);
        assert!(Waiting::default().join(&tenant, Priority::High, (), &nobody).is_err());
    }

    #[test]
    fn a_flood_of_one_tenant_leaves_room_for_another() {
        let (flood, other, bounds) = (Arc::from("flood"), Arc::from("other"), settings(8, 0.5));
        let mut queue = Waiting::default();
        let mut joined = |tenant| {
            (0..10)
                .filter(|n| queue.join(tenant, Priority::Normal, *n, &bounds).is_ok())
                .count()
        };
        assert_eq!((joined(&flood), joined(&other)), (3, 3));
    }

    #[test]
    fn who_is_less_urgent_finds_room_beside_a_flood_of_others() {
        let (flood, other, bounds) = (Arc::from("flood"), Arc::from("other"), settings(32, 0.5));
        for flooding in ALL {
            let mut queue = Waiting::default();
            let mut joined = |tenant, priority| {
                (0..40)
                    .filter(|n| queue.join(tenant, priority, *n, &bounds).is_ok())
                    .count()
            };
            assert!(joined(&flood, flooding) > 0);
            assert_eq!(joined(&other, Priority::Low), 4, "{flooding:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        /// Against a plain list: a tenant's next is its most urgent and then its oldest, and a tenant that waited through
        /// another's turn comes before it.
        #[test]
        fn tenants_take_turns_within_one_turn_of_each_other(
            events in proptest::collection::vec((0u8..3, 0usize..4, 0usize..3), 1..150),
        ) {
            let bounds = settings(20, 0.5);
            let tenants: Vec<Arc<str>> = (0..4).map(|n| Arc::from(format!("t{n}"))).collect();
            let mut queue = Waiting::default();
            let mut model: Vec<(usize, Priority, Ticket, u64)> = Vec::new();
            // For each pair: turns that the first had since the second began to wait.
            let mut ahead = [[0u32; 4]; 4];
            for (number, (what, tenant, priority)) in events.into_iter().enumerate() {
                let (number, priority) = (number as u64, ALL[priority]);
                match what {
                    0 => {
                        let began = !model.iter().any(|(other, ..)| *other == tenant);
                        if let Ok(ticket) = queue.join(&tenants[tenant], priority, number, &bounds) {
                            model.push((tenant, priority, ticket, number));
                            if began {
                                for row in &mut ahead { row[tenant] = 0; }
                            }
                        }
                    }
                    1 if !model.is_empty() => {
                        let (_, _, ticket, _) = model.remove(number as usize % model.len());
                        prop_assert!(queue.leave(ticket));
                        prop_assert!(!queue.leave(ticket));
                    }
                    // One tenant may not be served now.
                    _ => {
                        let barred = (number % 2 == 0).then_some(tenant);
                        let served = queue.next(|name, _| barred.is_none_or(|barred| *name != tenants[barred]));
                        let able = |other: usize| barred != Some(other) && model.iter().any(|(waits, ..)| *waits == other);
                        let Some((name, what)) = served else {
                            prop_assert!(!(0..4).any(able));
                            continue;
                        };
                        let whose = tenants.iter().position(|tenant| *tenant == name).unwrap();
                        prop_assert!(able(whose));
                        for (other, turns) in ahead[whose].iter_mut().enumerate() {
                            if other != whose && able(other) {
                                *turns += 1;
                                prop_assert!(*turns <= 1, "{whose} came twice before {other}");
                            }
                        }
                        for row in &mut ahead { row[whose] = 0; }
                        let own = model.iter().enumerate().filter(|(_, (waits, ..))| *waits == whose);
                        let best = own.max_by_key(|(_, (_, priority, ticket, _))| (*priority, std::cmp::Reverse(*ticket)));
                        let at = best.map(|(at, _)| at).unwrap();
                        prop_assert_eq!(model.remove(at).3, what);
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert!(queue.len() <= bounds.max_waiting);
            }
        }
    }
}
