//! What a connection is doing: how many requests it has under way, and since when it has none.
//!
//! Invariant: a request counts from its head's arrival until its answer's last byte is produced or abandoned.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::ServerLimits;

/// One connection's activity, and through it its listener's.
pub(super) struct Activity {
    listener: Arc<AtomicUsize>,
    state: Mutex<State>,
}

struct State {
    in_flight: usize,
    served_any: bool,
    quiet_since: Instant,
}

/// One request under way.
pub(super) struct InFlight(Arc<Activity>);

impl Activity {
    pub(super) fn new(listener: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Activity {
            listener,
            state: Mutex::new(State {
                in_flight: 0,
                served_any: false,
                quiet_since: Instant::now(),
            }),
        })
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.listener.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_flight += 1;
        state.served_any = true;
        InFlight(self.clone())
    }

    /// Resolves when the connection has been quiet for as long as `limits` allow. A connection that has sent no
    /// request yet has only the time of a request head: nothing else bounds a client that opens and waits.
    pub(super) async fn too_quiet(&self, limits: &ServerLimits) {
        while let Some(left) = self.quiet_left(limits, Instant::now()) {
            tokio::time::sleep(left).await;
        }
    }

    fn quiet_left(&self, limits: &ServerLimits, now: Instant) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = if state.served_any {
            limits.idle_timeout
        } else {
            limits.header_timeout
        };
        if state.in_flight > 0 {
            return Some(allowed);
        }
        let left = (state.quiet_since + allowed).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_flight -= 1;
        state.quiet_since = Instant::now();
        self.0.listener.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_counted_from_the_end_of_the_last_request() {
        let limits = ServerLimits::default();
        let activity = Activity::new(Arc::default());
        let long = Duration::from_secs(3600);
        let left = |wait| activity.quiet_left(&limits, Instant::now() + wait);
        assert!(left(Duration::ZERO).is_some_and(|left| left <= limits.header_timeout));
        assert_eq!(
            left(limits.header_timeout),
            None,
            "a client that sends nothing has the time of a head"
        );

        let request = activity.begin();
        assert_eq!(activity.listener.load(Ordering::Relaxed), 1);
        assert_eq!(
            left(long),
            Some(limits.idle_timeout),
            "a request under way is never quiet"
        );
        drop(request);
        assert_eq!(activity.listener.load(Ordering::Relaxed), 0);
        assert!(
            left(limits.header_timeout).is_some(),
            "after a request the longer time counts"
        );
        assert_eq!(left(limits.idle_timeout), None);
    }
}
