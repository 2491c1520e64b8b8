//! The room for deliveries that are on their way in.
//!
//! Invariant: what is held never exceeds the room, and whoever comes finds some: where there is none left, the one that has
//! been coming longest is given up, of the instance that holds the most.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::super::bodies::{STEP, capacity_for};

/// What a body takes before it has any bytes.
const BASE: usize = 1 << 10;
/// The room of small bodies that are not proven.
const SMALL: usize = 8 << 20;
/// The room of the others, and of those that are proven: at least so much, and twice the longest body.
const LARGE: usize = 8 << 20;

/// Which room a body is in: none takes another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Not proven, and small so far: as nearly all are that are sent in earnest.
    Small,
    /// Not proven, and large.
    Large,
    /// Proven by its head.
    Proven,
}

/// There is no room, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The room of all instances.
pub struct Room {
    most: [usize; 3],
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// By class.
    bytes: [usize; 3],
    next: u64,
    /// In the order in which they came.
    bodies: BTreeMap<u64, Entry>,
}

struct Entry {
    instance: Arc<str>,
    class: Class,
    /// What it takes of its class's room.
    taken: usize,
    /// It has come, and is being looked at.
    whole: bool,
    body: Arc<Body>,
}

struct Body {
    /// None once it is given up, or has been handed on.
    bytes: Mutex<Option<Vec<u8>>>,
    given_up: CancellationToken,
}

/// A body that is coming; what it takes is given back when it is dropped.
pub struct Coming {
    room: Arc<Room>,
    number: u64,
    body: Arc<Body>,
    length: usize,
    capacity: usize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    /// For bodies of at most so many bytes.
    pub fn new(max_body: usize) -> Arc<Self> {
        // Twice: one that is whole and looked at leaves room for one that comes.
        let large = LARGE.max(2 * (max_body.next_multiple_of(STEP) + BASE));
        Arc::new(Room {
            most: [SMALL, large, large],
            held: Mutex::default(),
        })
    }

    /// Begins a body of `instance`, which its head has `proven` or not.
    ///
    /// # Errors
    /// There is no room.
    pub fn begin(self: &Arc<Self>, instance: &str, proven: bool) -> Result<Coming, Full> {
        let class = if proven { Class::Proven } else { Class::Small };
        let body = Arc::new(Body {
            bytes: Mutex::new(Some(Vec::new())),
            given_up: CancellationToken::new(),
        });
        let mut held = locked(&self.held);
        let number = held.next;
        held.next += 1;
        let entry = Entry {
            instance: Arc::from(instance),
            class,
            taken: 0,
            whole: false,
            body: body.clone(),
        };
        held.bodies.insert(number, entry);
        held.take(number, BASE, &self.most)?;
        Ok(Coming {
            room: self.clone(),
            number,
            body,
            length: 0,
            capacity: 0,
        })
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        locked(&self.held).bytes.iter().sum()
    }
}

impl Held {
    /// Takes so much more for a body, from others where it must be; a body that can have none is given up.
    fn take(&mut self, number: u64, more: usize, most: &[usize; 3]) -> Result<(), Full> {
        loop {
            let Some(entry) = self.bodies.get(&number) else {
                return Err(Full);
            };
            let class = entry.class as usize;
            if self.bytes[class] + more <= most[class] {
                break;
            }
            match self.victim(entry.class) {
                Some(victim) if victim != number => self.give_up(victim),
                _ => {
                    self.give_up(number);
                    return Err(Full);
                }
            }
        }
        if let Some(entry) = self.bodies.get_mut(&number) {
            entry.taken += more;
            self.bytes[entry.class as usize] += more;
        }
        Ok(())
    }

    /// Has a body that is no longer small take its room among the large ones.
    fn outgrow(&mut self, number: u64, most: &[usize; 3]) -> Result<(), Full> {
        let Some(entry) = self.bodies.get_mut(&number).filter(|entry| entry.class == Class::Small) else {
            return Ok(());
        };
        let taken = std::mem::take(&mut entry.taken);
        entry.class = Class::Large;
        self.bytes[Class::Small as usize] -= taken;
        self.take(number, taken, most)
    }

    /// The one that has been coming longest, of the instance that holds the most of a class.
    fn victim(&self, class: Class) -> Option<u64> {
        let of_class = || self.bodies.iter().filter(move |(_, entry)| entry.class == class);
        let mut by_instance: HashMap<&str, usize> = HashMap::new();
        for (_, entry) in of_class() {
            *by_instance.entry(&entry.instance).or_default() += entry.taken;
        }
        let coming = of_class().filter(|(_, entry)| !entry.whole);
        // Of equals, the first that is found.
        let worse = |(_, a): &(&u64, &Entry), (_, b): &(&u64, &Entry)| {
            by_instance[&*b.instance].cmp(&by_instance[&*a.instance])
        };
        coming.min_by(worse).map(|(number, _)| *number)
    }

    fn give_up(&mut self, number: u64) {
        if let Some(entry) = self.bodies.remove(&number) {
            self.bytes[entry.class as usize] -= entry.taken;
            // At once: what is given back may be taken by another at once.
            drop(locked(&entry.body.bytes).take());
            entry.body.given_up.cancel();
        }
    }
}

impl Coming {
    /// How many bytes have come.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Resolves when it is given up for another.
    pub async fn given_up(&self) {
        self.body.given_up.cancelled().await;
    }

    /// Keeps what has come.
    ///
    /// # Errors
    /// There is no room for it, or it was given up.
    pub fn push(&mut self, data: &[u8]) -> Result<(), Full> {
        let length = self.length + data.len();
        let wanted = capacity_for(length);
        if wanted > self.capacity {
            let mut held = locked(&self.room.held);
            if wanted > STEP {
                held.outgrow(self.number, &self.room.most)?;
            }
            held.take(self.number, wanted - self.capacity, &self.room.most)?;
            self.capacity = wanted;
        }
        let mut bytes = locked(&self.body.bytes);
        let bytes = bytes.as_mut().ok_or(Full)?;
        bytes.reserve_exact(self.capacity - bytes.len());
        bytes.extend_from_slice(data);
        self.length = length;
        Ok(())
    }

    /// It has come whole: its bytes, and what holds their room until it is dropped.
    ///
    /// # Errors
    /// It was given up.
    pub fn whole(self) -> Result<(Bytes, Coming), Full> {
        match locked(&self.room.held).bodies.get_mut(&self.number) {
            Some(entry) => entry.whole = true,
            None => return Err(Full),
        }
        let bytes = locked(&self.body.bytes).take().ok_or(Full)?;
        Ok((bytes.into(), self))
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        locked(&self.room.held).give_up(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn body(room: &Arc<Room>, instance: &str, length: usize) -> Result<Coming, Full> {
        let mut coming = room.begin(instance, false)?;
        let piece = vec![0; 64 << 10];
        while coming.length() < length {
            let left = length - coming.length();
            coming.push(&piece[..left.min(piece.len())])?;
        }
        Ok(coming)
    }

    #[test]
    fn who_announces_or_sends_much_leaves_room_for_what_is_small() {
        let room = Room::new(8 * MIB);
        let stalled: Vec<_> = (0..2)
            .map(|_| body(&room, "forge", 8 * MIB - 1).expect("room"))
            .collect();
        let small = body(&room, "forge", 10 << 10).expect("room for what is small");
        assert!(small.whole().is_ok());
        // One more of the large: the oldest gives way, at once.
        let third = body(&room, "forge", 8 * MIB - 1).expect("room");
        assert!(stalled[0].body.given_up.is_cancelled() && !stalled[1].body.given_up.is_cancelled());
        assert!(room.bytes() <= 17 * MIB);
        drop((stalled, third));
        assert_eq!(room.bytes(), 0);
    }

    #[test]
    fn however_many_small_ones_stall_the_next_is_taken() {
        let room = Room::new(8 * MIB);
        let stalled: Vec<_> = (0..2_000)
            .map(|_| body(&room, "forge", 9 << 10).expect("room"))
            .collect();
        assert!(room.bytes() <= SMALL);
        let (bytes, held) = body(&room, "forge", 200 << 10)
            .expect("room")
            .whole()
            .expect("it is whole");
        assert_eq!(bytes.len(), 200 << 10);
        assert!(room.bytes() <= SMALL);
        drop((stalled, held));
        assert_eq!(room.bytes(), 0);
    }

    #[test]
    fn who_floods_one_instance_floods_no_other_and_takes_nothing_of_what_is_proven() {
        let room = Room::new(8 * MIB);
        let mut proven = room.begin("wiki", true).expect("room");
        proven.push(&[1; 100]).expect("room");
        let patient = body(&room, "other", 100 << 10).expect("room");
        let flood: Vec<_> = (0..500)
            .map(|_| body(&room, "forge", 200 << 10).expect("room"))
            .collect();
        assert!(!patient.body.given_up.is_cancelled());
        assert_eq!(proven.whole().expect("it is there").0.len(), 100);
        drop(flood);
    }

    #[test]
    fn what_is_given_up_can_neither_grow_nor_end() {
        let room = Room::new(1);
        let mut given_up = room.begin("forge", false).expect("room");
        given_up.push(b"a").expect("room");
        locked(&room.held).give_up(given_up.number);
        assert_eq!(given_up.push(b"b"), Err(Full));
        assert!(given_up.whole().is_err());
        assert_eq!(room.bytes(), 0);
    }
}
