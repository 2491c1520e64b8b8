//! What answers that are held whole take together, over all calls of a gateway.
//!
//! Invariant: nobody waits for room: whoever finds none lets go of what it has and is refused, so that those who hold a part
//! never wait for each other; and what was taken comes back when its part is dropped, however that comes about.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use metrics::{Counter, Gauge, Key, Level, Metadata};
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::telemetry::SharedRecorder;

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
const HELD: &str = "mosaic_collected_bytes";
const REFUSED: &str = "mosaic_collected_refused_total";

/// How much all may hold where nobody says.
pub const MAX_COLLECTED: usize = 256 << 20;

const KIB: usize = 1 << 10;
/// What a read begins with, in KiB: most answers need no more.
const FIRST: usize = 16;
/// What an order begins with: its answer should not be lost for want of room. As many as may be in flight have as much.
const FIRST_OF_ORDER: usize = 24;
/// The most that is taken at once beyond what has come.
const STEP: usize = 1 << 10;
/// When to come back: about as long as the answers that are held take to be read.
const COME_BACK: Duration = Duration::from_secs(1);

/// The room for answers that are held whole. Clones share it.
#[derive(Clone)]
pub struct Collected(Arc<Room>);

struct Room {
    most: usize,
    /// In KiB, like all that follows.
    taken: AtomicUsize,
    held: Gauge,
    refused: Counter,
}

impl Default for Collected {
    fn default() -> Self {
        Collected::new(MAX_COLLECTED)
    }
}

impl Collected {
    /// Room for so many bytes, counted for nobody.
    pub fn new(bytes: usize) -> Self {
        Collected::of(bytes, Gauge::noop(), Counter::noop())
    }

    /// The same, counted.
    pub fn metered(bytes: usize, recorder: &SharedRecorder) -> Self {
        let held = "Bytes of providers' answers that are held whole, over all calls.";
        recorder.describe_gauge(HELD.into(), None, held.into());
        let refused = "Answers that were not read, or not to their end, because gateway.max_collected was reached.";
        recorder.describe_counter(REFUSED.into(), None, refused.into());
        Collected::of(
            bytes,
            recorder.register_gauge(&Key::from_static_name(HELD), &METADATA),
            recorder.register_counter(&Key::from_static_name(REFUSED), &METADATA),
        )
    }

    fn of(bytes: usize, held: Gauge, refused: Counter) -> Self {
        held.set(0.0);
        Collected(Arc::new(Room {
            most: bytes / KIB,
            taken: AtomicUsize::new(0),
            held,
            refused,
        }))
    }

    /// The part of a request's answer, before it is sent; `order`: it may change something.
    ///
    /// # Errors
    /// `overloaded`: nothing was sent.
    pub(super) fn part(&self, order: bool) -> Result<Part, Failure> {
        let first = if order { FIRST_OF_ORDER } else { FIRST }.min(self.0.most);
        let mut part = self.nothing(order);
        match part.take(first) {
            true => Ok(part),
            false => {
                self.0.refused.increment(1);
                Err(overloaded().never_sent())
            }
        }
    }

    /// The part of a refusal, which is read as far as there is room.
    pub(super) fn spare(&self) -> Part {
        self.nothing(false)
    }

    fn nothing(&self, order: bool) -> Part {
        Part {
            room: self.0.clone(),
            kib: 0,
            order,
        }
    }
}

fn overloaded() -> Failure {
    let sentence = "answers that are read whole take all the room that there is for them (gateway.max_collected)";
    Failure::new(Kind::Overloaded, sentence).after(COME_BACK)
}

/// What one answer has taken.
pub(super) struct Part {
    room: Arc<Room>,
    kib: usize,
    /// What was asked for may be done by now.
    order: bool,
}

impl Part {
    /// Takes what so many bytes in all need, and some more for those that may follow.
    ///
    /// # Errors
    /// `overloaded` where there is no room. Of an order, which is done by then, `upstream_failed`: to send it again would do
    /// it twice.
    pub(super) fn cover(&mut self, bytes: usize) -> Result<(), Failure> {
        let needed = bytes.div_ceil(KIB);
        if needed <= self.kib {
            return Ok(());
        }
        let ahead = needed.max(self.kib + self.kib.min(STEP));
        if self.take(ahead - self.kib) || self.take(needed - self.kib) {
            return Ok(());
        }
        self.room.refused.increment(1);
        if needed > self.room.most {
            let sentence = "the answer is larger than all that may be held (gateway.max_collected)";
            let failure = Failure::new(Kind::UpstreamFailed, sentence);
            return Err(failure.not_usable().but_sound());
        }
        Err(match self.order {
            false => overloaded(),
            true => unread(),
        })
    }

    fn take(&mut self, kib: usize) -> bool {
        let fits = |taken: usize| taken.checked_add(kib).filter(|taken| *taken <= self.room.most);
        let took = self.room.taken.fetch_update(Relaxed, Relaxed, fits).is_ok();
        if took {
            self.kib += kib;
            self.room.held.increment((kib * KIB) as f64);
        }
        took
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.kib, Relaxed);
        self.room.held.decrement((self.kib * KIB) as f64);
    }
}

/// An order is done, and what came of it cannot be told.
fn unread() -> Failure {
    let sentence = "what was asked for was answered, and there was no room for its answer (gateway.max_collected)";
    let mut failure = Failure::new(Kind::UpstreamFailed, sentence).not_usable().but_sound();
    failure.source = Source::Gateway;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn taken(collected: &Collected) -> usize {
        collected.0.taken.load(Relaxed)
    }

    #[test]
    fn what_is_taken_comes_back_however_it_ends() {
        let collected = Collected::new(MIB);
        let mut one = collected.part(false).expect("room");
        assert_eq!(taken(&collected), FIRST);
        one.cover(FIRST * KIB).expect("it has as much");
        assert_eq!(taken(&collected), FIRST);
        one.cover(FIRST * KIB + 1).expect("room");
        assert_eq!(taken(&collected), 2 * FIRST);
        let mut other = collected.part(false).expect("room");
        let refused = other.cover(MIB - 2 * FIRST * KIB + 1).expect_err("no room");
        assert!(refused.kind == Kind::Overloaded && refused.retry_after.is_some() && refused.retryable);
        drop(other);
        one.cover(MIB).expect("the other's part is back");
        drop(one);
        assert_eq!(taken(&collected), 0);
    }

    #[test]
    fn nobody_is_sent_out_without_room_and_an_order_that_is_done_is_no_overload() {
        let collected = Collected::new(MIB);
        let mut order = collected.part(true).expect("room");
        let mut all = collected.part(false).expect("room");
        all.cover(MIB - FIRST_OF_ORDER * KIB).expect("room");
        let refused = collected.part(false).err().expect("no room");
        assert!(refused.kind == Kind::Overloaded && refused.unsent);
        let refused = order.cover(MIB / 2).expect_err("no room");
        assert!(refused.kind == Kind::UpstreamFailed && !refused.retryable && !refused.unsent && refused.sound);
        // What can never fit is no matter of coming back.
        let refused = all.cover(2 * MIB).expect_err("too large");
        assert!(refused.kind == Kind::UpstreamFailed && !refused.retryable);
    }

    #[test]
    fn two_that_hold_a_part_do_not_wait_for_each_other() {
        let collected = Collected::new(MIB);
        let mut parts = [(); 2].map(|()| collected.part(false).expect("room"));
        for part in &mut parts {
            part.cover(MIB / 2).expect("room");
        }
        let [mut one, mut other] = parts;
        assert!(one.cover(MIB).is_err());
        drop(one);
        assert!(other.cover(MIB).is_ok());
    }
}
