//! The room for request bodies that are read whole, and their way into it.
//!
//! Invariant: what is held never exceeds the room, nor what one tenant holds its share; nobody waits for room: whoever finds
//! none lets go of what has come and is refused; and what was taken comes back with its body, however that ends.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::stream::UPLOAD_FIELD;
use tokio::time::{Instant, timeout, timeout_at};

use super::problem::Problem;

/// The least that a body with any bytes takes.
const FIRST: usize = 4 << 10;
/// The most that one takes beyond what has come, and the most of one that counts as small.
pub(super) const STEP: usize = 256 << 10;
/// When to come back: about as long as honest bodies take to come.
const COME_BACK: Duration = Duration::from_secs(1);

/// What bounds bodies that are read whole.
#[derive(Clone, Copy, Debug)]
pub struct BodyBounds {
    /// Bytes of all together.
    pub all: usize,
    /// Bytes of one tenant's.
    pub share: usize,
    /// What is told of the room: the setting that bounds it.
    pub named: &'static str,
    /// How long the sender of one may bring nothing.
    pub idle: Duration,
    /// How long one may take to come, however long its call may take.
    pub time: Duration,
}

/// The room for bodies that are read whole. Clones share it.
#[derive(Clone)]
pub struct Bodies(Arc<Room>);

struct Room {
    bounds: BodyBounds,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: usize,
    /// Those who hold any.
    by_tenant: HashMap<Arc<str>, usize>,
}

impl Bodies {
    /// Room within these bounds.
    pub fn new(bounds: BodyBounds) -> Self {
        Bodies(Arc::new(Room {
            bounds,
            held: Mutex::default(),
        }))
    }

    /// Reads a body of `tenant`'s, of at most `limit` bytes, which has to be there by `deadline`.
    ///
    /// # Errors
    /// 413; `overloaded`, where there is no room; `timeout`, where it does not come in time; `invalid_input`, where it
    /// breaks off.
    pub(super) async fn read(
        &self,
        tenant: &Arc<str>,
        body: Body,
        limit: usize,
        deadline: Instant,
    ) -> Result<Whole, Problem> {
        // Files may be larger, so that nobody before has refused it for its length.
        if body.size_hint().lower() > limit as u64 {
            return Err(Problem::too_large(limit));
        }
        let time = self.0.bounds.time;
        let until = Instant::now() + time;
        let come = self.come(tenant, body, limit);
        match timeout_at(deadline.min(until), come).await {
            Ok(came) => came,
            Err(_) if deadline <= until => {
                Err(late("the body did not come whole within the call's time; nothing was done").into())
            }
            Err(_) => {
                let sentence = "the body did not come whole within server.request_timeout";
                Err(late(format!("{sentence}, {time:?}; nothing was done")).into())
            }
        }
    }

    /// Room is taken as bytes come: who announces many and sends few holds little.
    async fn come(&self, tenant: &Arc<str>, mut body: Body, limit: usize) -> Result<Whole, Problem> {
        let idle = self.0.bounds.idle;
        let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
        let most = announced.map_or(limit, |bytes| bytes.min(limit));
        let mut whole = self.nothing(tenant);
        loop {
            let frame = timeout(idle, body.frame()).await.map_err(|_| silent(idle))?;
            let Some(frame) = frame else { return Ok(whole) };
            let Ok(data) = frame.map_err(|error| unread(&error, limit))?.into_data() else {
                continue;
            };
            if whole.bytes.len() + data.len() > limit {
                return Err(Problem::too_large(limit));
            }
            whole.push(&data, most)?;
        }
    }

    /// A body of `tenant`'s that comes from elsewhere, of which nothing is there yet.
    pub(super) fn nothing(&self, tenant: &Arc<str>) -> Whole {
        Whole {
            room: self.0.clone(),
            tenant: tenant.clone(),
            taken: 0,
            bytes: Vec::new(),
        }
    }

    #[cfg(test)]
    fn held(&self) -> (usize, usize) {
        let held = self.0.locked();
        (held.all, held.by_tenant.len())
    }
}

impl Room {
    fn locked(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, tenant: &Arc<str>, more: usize) -> Result<(), Failure> {
        let BodyBounds { all, share, named, .. } = self.bounds;
        let mut held = self.locked();
        let own = held.by_tenant.get(tenant).copied().unwrap_or_default();
        if held.all + more > all {
            let sentence = format!("bodies that are read whole take all the room that there is for them ({named})");
            return Err(overloaded(&sentence));
        }
        if own + more > share {
            let sentence = format!("bodies of this tenant take its whole share of the room for them ({named})");
            return Err(overloaded(&sentence));
        }
        held.all += more;
        held.by_tenant.insert(tenant.clone(), own + more);
        Ok(())
    }

    fn give_back(&self, tenant: &Arc<str>, taken: usize) {
        let mut held = self.locked();
        held.all -= taken;
        if let Entry::Occupied(mut own) = held.by_tenant.entry(tenant.clone()) {
            *own.get_mut() -= taken;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

/// What has come of a body, and the room that it takes until it is dropped.
pub(super) struct Whole {
    room: Arc<Room>,
    tenant: Arc<str>,
    taken: usize,
    bytes: Vec<u8>,
}

impl Whole {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, which keep their room for as long as any part of them is there.
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// Keeps what has come of a body that will have at most so many bytes.
    ///
    /// # Errors
    /// `overloaded`, where there is no room.
    pub(super) fn push(&mut self, data: &[u8], most: usize) -> Result<(), Failure> {
        let length = self.bytes.len() + data.len();
        let wanted = capacity_for(length).min(most).max(length);
        if wanted > self.taken {
            self.room.take(&self.tenant, wanted - self.taken)?;
            self.taken = wanted;
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        // First: what is given back may be taken by another at once.
        drop(std::mem::take(&mut self.bytes));
        self.room.give_back(&self.tenant, self.taken);
    }
}

/// How much room a body of so many bytes takes: twice as much each time while it is small, then a step more.
pub(super) fn capacity_for(length: usize) -> usize {
    match length {
        0 => 0,
        1..=STEP => length.next_power_of_two().max(FIRST),
        _ => length.next_multiple_of(STEP),
    }
}

fn overloaded(sentence: &str) -> Failure {
    Failure::new(Kind::Overloaded, sentence).after(COME_BACK).never_sent()
}

fn silent(idle: Duration) -> Failure {
    let sentence = "nothing more of the body came within server.header_read_timeout";
    late(format!("{sentence}, {idle:?}; nothing was done"))
}

fn late(sentence: impl AsRef<str>) -> Failure {
    let mut failure = Failure::new(Kind::Timeout, sentence).never_sent();
    failure.source = Source::Caller;
    failure.field = Some(Arc::from(UPLOAD_FIELD));
    failure
}

/// What is told of a body of at most `limit` bytes that could not be read.
pub(super) fn unread(error: &axum::Error, limit: usize) -> Problem {
    if is_too_large(error) {
        return Problem::too_large(limit);
    }
    Failure::invalid(UPLOAD_FIELD, "the body broke off before its end").into()
}

/// Whether a body could not be read because it is over its limit.
pub(super) fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use tokio::time::sleep;

    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    const IDLE: Duration = Duration::from_secs(10);
    const TIME: Duration = Duration::from_secs(30);

    fn bodies() -> Bodies {
        Bodies::new(BodyBounds {
            all: MIB,
            share: MIB / 2,
            named: "server.max_bodies",
            idle: IDLE,
            time: TIME,
        })
    }

    fn tenant(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    /// One that ends when its call is far from its end.
    async fn read(bodies: &Bodies, of: &str, body: Body) -> Result<Whole, Problem> {
        let deadline = Instant::now() + 20 * TIME;
        bodies.read(&tenant(of), body, MIB / 2, deadline).await
    }

    fn came(bodies: &Bodies, of: &str, length: usize) -> Result<Whole, Failure> {
        let mut whole = bodies.nothing(&tenant(of));
        let piece = vec![0; 16 * KIB];
        while whole.bytes.len() < length {
            let left = length - whole.bytes.len();
            whole.push(&piece[..left.min(piece.len())], MIB)?;
        }
        Ok(whole)
    }

    /// Pieces of which each comes after such a pause, without an end of their own.
    fn dripping(pause: Duration) -> Body {
        let pieces = stream::repeat(()).then(move |()| async move {
            sleep(pause).await;
            Ok::<_, Infallible>("piece")
        });
        Body::from_stream(pieces)
    }

    #[test]
    fn what_is_taken_comes_back_however_it_ends() {
        let bodies = bodies();
        let one = came(&bodies, "acme", 1).expect("room");
        assert_eq!(bodies.held(), (FIRST, 1));
        // A tenant's share, then the room.
        let refused = came(&bodies, "acme", 400 * KIB).err().expect("no room");
        assert!(refused.message().contains("share"), "{refused:?}");
        assert!(refused.kind == Kind::Overloaded && refused.retry_after.is_some() && refused.retryable);
        assert_eq!(bodies.held(), (FIRST, 1));
        let other = came(&bodies, "umbrella", 512 * KIB).expect("room");
        let rest = came(&bodies, "initech", 256 * KIB).expect("room");
        let refused = came(&bodies, "hooli", 256 * KIB).err().expect("no room");
        assert!(refused.message().contains("all the room"), "{refused:?}");
        drop(other);
        let last = came(&bodies, "hooli", 256 * KIB).expect("the other's room is back");
        drop((one, rest, last));
        assert_eq!(bodies.held(), (0, 0));
    }

    #[test]
    fn however_many_come_at_once_the_room_is_not_exceeded_and_comes_back() {
        let bodies = bodies();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let bodies = &bodies;
                scope.spawn(move || {
                    let name = format!("tenant-{}", number % 3);
                    for _ in 0..200 {
                        let came = came(bodies, &name, 200 * KIB);
                        assert!(bodies.held().0 <= MIB);
                        drop(came);
                    }
                });
            }
        });
        assert_eq!(bodies.held(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_a_time_of_its_own_however_long_its_call_may_take() {
        let bodies = bodies();
        for (pause, ends) in [(IDLE * 2, IDLE), (IDLE / 4, TIME)] {
            let before = Instant::now();
            let problem = read(&bodies, "acme", dripping(pause)).await.err().expect("it is late");
            assert_eq!((problem.code(), before.elapsed()), ("timeout", ends));
            assert_eq!(bodies.held(), (0, 0));
        }
        // One that is cut, as where its client goes.
        let cut = timeout(IDLE, read(&bodies, "acme", dripping(IDLE / 4)));
        assert!(cut.await.is_err());
        assert_eq!(bodies.held(), (0, 0));
    }

    #[tokio::test]
    async fn a_body_takes_no_more_than_it_announces() {
        let bodies = bodies();
        let whole = read(&bodies, "acme", Body::from(vec![1_u8; 300 * KIB])).await;
        let whole = whole.expect("room");
        assert_eq!((whole.bytes().len(), bodies.held()), (300 * KIB, (300 * KIB, 1)));
        let over = read(&bodies, "acme", Body::from(vec![1_u8; MIB])).await.err();
        assert_eq!(over.expect("too large").code(), "payload_too_large");
        let full = read(&bodies, "acme", Body::from(vec![1_u8; 300 * KIB])).await.err();
        assert_eq!(full.expect("no room").code(), "overloaded");
        drop(whole);
        assert_eq!(bodies.held(), (0, 0));
    }

    #[test]
    fn what_is_passed_on_of_a_body_keeps_its_room() {
        let bodies = bodies();
        let whole = came(&bodies, "a", 16 * KIB).expect("there is room").into_bytes();
        let held = bodies.held();
        let part = whole.slice(10..20);
        drop(whole);
        assert!(held.0 >= 16 * KIB && bodies.held() == held);
        drop(part);
        assert_eq!(bodies.held(), (0, 0));
    }
}
