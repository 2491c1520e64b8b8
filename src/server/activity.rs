//! What a connection is doing: the requests it has under way, what its client has not taken yet, and since when.
//!
//! Invariant: a request counts from its head's arrival until its answer's last byte is produced or abandoned; a client is
//! waited for only while something is there that it does not take.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Version;
use tokio::time::Instant;

use super::limits::ServerLimits;
use super::unread::Unread;

/// How often a connection with requests under way is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// What every answer to a client of HTTP/1.0 begins with.
const BEGINNING: &[u8] = b"HTTP/1.0 ";

/// One connection's activity, and through it its listener's.
pub(super) struct Activity {
    opened: Instant,
    listener: Arc<AtomicUsize>,
    in_flight: AtomicUsize,
    /// Bodies of which a piece was produced that the connection has not had room for since.
    untaken: AtomicUsize,
    /// The socket took no more.
    blocked: AtomicBool,
    /// Nanoseconds after `opened` when the client last took something that had waited.
    taken: AtomicU64,
    state: Mutex<State>,
    pub(super) unread: Unread,
    /// Its HTTP speaks with streams: what is on the socket is not one answer after the other.
    http2: AtomicBool,
    /// It is within TLS: nothing can be sent beside what is sealed.
    sealed: AtomicBool,
    /// Its client understands that an answer is announced.
    announces: AtomicBool,
    /// Bytes of the answer's first line that are sent ahead of it.
    ahead: AtomicUsize,
    /// The answer to the request under way has begun.
    answering: AtomicBool,
    /// Bytes of a request are still to come that nobody will read.
    leftover: AtomicBool,
    /// An answer's body broke off.
    broken: AtomicBool,
    /// An event stream is asked to say something, so that a client that left is noticed.
    nudged: AtomicBool,
}

struct State {
    served_any: bool,
    quiet_since: Instant,
    /// When the head that is on its way began.
    head_since: Option<Instant>,
}

/// One request under way.
pub(super) struct InFlight(pub(super) Arc<Activity>);

/// Why a connection is ended from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It has asked for nothing for too long.
    Quiet,
    /// It has taken nothing of what waits for it for too long.
    Unread,
    /// What it does not take is needed for others.
    Evicted,
}

impl Activity {
    pub(super) fn new(listener: Arc<AtomicUsize>, unread: Unread) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Activity {
            opened: now,
            listener,
            in_flight: AtomicUsize::new(0),
            untaken: AtomicUsize::new(0),
            blocked: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            state: Mutex::new(State {
                served_any: false,
                quiet_since: now,
                head_since: None,
            }),
            unread,
            http2: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            announces: AtomicBool::new(false),
            ahead: AtomicUsize::new(0),
            answering: AtomicBool::new(false),
            leftover: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
        })
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> InFlight {
        self.listener.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        self.http2.store(version == Version::HTTP_2, Relaxed);
        self.announces.store(version == Version::HTTP_11, Relaxed);
        self.answering.store(false, Relaxed);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.served_any = true;
        state.head_since = None;
        InFlight(self.clone())
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Relaxed) > 0
    }

    /// Whether the client can be told `100 Continue` now: nothing of an answer is on its way.
    pub(super) fn may_announce(&self) -> bool {
        self.announces.load(Relaxed) && self.may_speak()
    }

    fn may_speak(&self) -> bool {
        !self.is_sealed() && !self.is_answering() && self.stalled_since().is_none()
    }

    /// What of the answer to a client that understands no announcement can be sent ahead now: the next byte of what each
    /// begins with.
    pub(super) fn next_ahead(&self) -> Option<&'static [u8]> {
        let at = self.ahead.load(Relaxed);
        let may = !self.announces.load(Relaxed) && !self.is_http2() && self.may_speak();
        BEGINNING.get(at..=at).filter(|_| may)
    }

    /// It is sent.
    pub(super) fn sent_ahead(&self) {
        self.ahead.fetch_add(1, Relaxed);
    }

    /// What was sent ahead of the answer that begins now.
    pub(super) fn take_ahead(&self) -> &'static [u8] {
        &BEGINNING[..self.ahead.swap(0, Relaxed)]
    }

    pub(super) fn has_ahead(&self) -> bool {
        self.ahead.load(Relaxed) > 0
    }

    /// Whether it is to be looked at soon.
    pub(super) fn needs_look(&self) -> bool {
        self.is_busy() || self.stalled_since().is_some()
    }

    pub(super) fn is_http2(&self) -> bool {
        self.http2.load(Relaxed)
    }

    /// From now on it speaks TLS.
    pub(super) fn seal(&self) {
        self.sealed.store(true, Relaxed);
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.load(Relaxed)
    }

    /// The answer's head is given to the connection.
    pub(super) fn answers(&self) {
        self.answering.store(true, Relaxed);
    }

    pub(super) fn is_answering(&self) -> bool {
        self.answering.load(Relaxed)
    }

    /// All that was produced is on the socket; what it is given from now on belongs to no request, or to the next.
    pub(super) fn flushed(&self) {
        if !self.is_busy() {
            self.answering.store(false, Relaxed);
        }
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        if self.is_busy() || self.is_http2() {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.head_since.get_or_insert_with(Instant::now);
    }

    /// The socket took bytes, or had no room for them.
    pub(super) fn wrote(&self, room: bool) {
        // Only a change counts: that it still has no room is no progress.
        if self.blocked.swap(!room, Relaxed) == room {
            self.took();
        }
    }

    /// A piece of a body is given to the connection; it is taken when the connection asks for the next.
    pub(super) fn gives(&self) {
        self.untaken.fetch_add(1, Relaxed);
        self.took();
    }

    /// A piece that was given has been taken.
    pub(super) fn taken(&self) {
        self.untaken.fetch_sub(1, Relaxed);
    }

    fn took(&self) {
        self.taken.store(self.since_opened(Instant::now()), Relaxed);
    }

    fn since_opened(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.opened).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Since when the client has taken nothing of what waits for it.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        let waits = self.blocked.load(Relaxed) || self.untaken.load(Relaxed) > 0;
        waits.then(|| self.opened + Duration::from_nanos(self.taken.load(Relaxed)))
    }

    /// Nobody will read what is left of the request.
    pub(super) fn leaves_over(&self) {
        self.leftover.store(true, Relaxed);
    }

    pub(super) fn has_leftover(&self) -> bool {
        self.leftover.load(Relaxed)
    }

    /// An answer's body breaks off.
    pub(super) fn breaks(&self) {
        self.broken.store(true, Relaxed);
    }

    /// Whether an answer broke off that only a reset tells from one that is whole: HTTP/1.0 ends a body without a length
    /// with its connection.
    pub(super) fn broke_unseen(&self) -> bool {
        self.broken.load(Relaxed) && !self.announces.load(Relaxed) && !self.is_http2()
    }

    /// Has an event stream say something.
    pub(super) fn nudge(&self) {
        self.nudged.store(true, Relaxed);
    }

    pub(super) fn take_nudge(&self) -> bool {
        self.nudged.load(Relaxed) && self.nudged.swap(false, Relaxed)
    }

    /// Whether the connection has to end now, or else when to look again.
    ///
    /// A connection that has sent no request yet has only the time of a request head: nothing else bounds a client that
    /// opens and waits.
    pub(super) fn look(&self, limits: &ServerLimits, now: Instant) -> Result<Duration, End> {
        if let Some(since) = self.stalled_since() {
            if now >= since + LOOK && self.unread.all() > limits.max_unread_total {
                return Err(End::Evicted);
            }
            let left = (since + limits.write_timeout).saturating_duration_since(now);
            return if left.is_zero() {
                Err(End::Unread)
            } else {
                Ok(left.min(LOOK))
            };
        }
        if self.is_busy() {
            return Ok(LOOK);
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = match (state.served_any, state.head_since) {
            (false, _) => self.opened + limits.header_timeout,
            (true, Some(since)) => since + limits.header_timeout,
            (true, None) if self.is_http2() => state.quiet_since + limits.idle_timeout,
            (true, None) => state.quiet_since + limits.header_timeout,
        };
        let left = until.saturating_duration_since(now);
        if left.is_zero() { Err(End::Quiet) } else { Ok(left) }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.quiet_since = now;
        self.0.in_flight.fetch_sub(1, Relaxed);
        self.0.listener.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity() -> Arc<Activity> {
        Activity::new(Arc::default(), Unread::new(Arc::default()))
    }

    #[test]
    fn quiet_is_counted_from_the_end_of_the_last_request_and_a_head_from_its_first_byte() {
        let limits = ServerLimits::default();
        let activity = activity();
        let look = |wait| activity.look(&limits, Instant::now() + wait);
        assert!(look(Duration::ZERO).is_ok_and(|left| left <= limits.header_timeout));
        let silent = look(limits.header_timeout);
        assert_eq!(
            silent,
            Err(End::Quiet),
            "a client that sends nothing has the time of a head"
        );

        let request = activity.begin(Version::HTTP_11);
        assert_eq!(activity.listener.load(Relaxed), 1);
        let long = look(Duration::from_secs(3600));
        assert_eq!(long, Ok(LOOK), "a request under way is never quiet");
        drop(request);
        assert_eq!(activity.listener.load(Relaxed), 0);
        assert_eq!(look(limits.header_timeout), Err(End::Quiet));
        drop(activity.begin(Version::HTTP_2));
        assert!(look(limits.header_timeout).is_ok(), "HTTP/2 is kept longer");
        assert_eq!(look(limits.idle_timeout), Err(End::Quiet));
    }

    #[test]
    fn a_client_is_waited_for_from_the_last_that_it_took() {
        let limits = ServerLimits::default();
        let activity = activity();
        let _request = activity.begin(Version::HTTP_2);
        let look = |wait| activity.look(&limits, Instant::now() + wait);
        activity.gives();
        assert_eq!(look(limits.write_timeout), Err(End::Unread));
        activity.taken();
        assert!(look(limits.write_timeout).is_ok(), "it waits for us");
        activity.wrote(false);
        assert_eq!(look(limits.write_timeout), Err(End::Unread));
        activity.wrote(true);
        assert!(look(limits.write_timeout).is_ok());
    }
}
