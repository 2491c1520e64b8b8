//! A token that is renewed by one for all who wait for it.
//!
//! Invariant: at any time at most one renewal runs, and it runs to its end though everybody who waits for it leaves: what a
//! provider has given out must not be lost.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::HeaderMap;
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use tokio::time::{Instant, timeout_at};

use super::life::Life;
use crate::providers::http::quota::Quota;

/// How long a renewal ahead of time may hold up who has a token that lasts. The provider may kill that by it, so a renewal
/// that is about to land is waited for.
const AHEAD: Duration = Duration::from_secs(1);
/// How long any other one holds up a call: shorter than an attempt mostly may take, so that the call hears why, and may go
/// elsewhere. The renewal goes on.
const LONGEST: Duration = Duration::from_secs(5);

/// A token, ready to be sent.
pub(in super::super) struct Token {
    /// The headers that it is sent in.
    pub(in super::super) headers: HeaderMap,
    /// How long it lasts.
    pub(super) life: Life,
    /// Whose limits it spends, where those are not the credential's own.
    pub(in super::super) quota: Option<Arc<Quota>>,
}

impl Token {
    pub(super) fn new(headers: HeaderMap, life: Life) -> Self {
        Token {
            headers,
            life,
            quota: None,
        }
    }

    /// One without an end.
    #[cfg(test)]
    pub(in super::super) fn lasting(headers: HeaderMap) -> Self {
        Token::new(headers, Life::open(Timestamp::UNIX_EPOCH))
    }
}

type Landing = Result<Arc<Token>, Failure>;

#[derive(Default)]
struct State {
    current: Option<Arc<Token>>,
    flight: Option<Flight>,
}

#[derive(Clone)]
struct Flight {
    since: Instant,
    landing: Shared<BoxFuture<'static, Landing>>,
}

/// One token and its renewal. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub(super) struct Renewing(Arc<Mutex<State>>);

impl Renewing {
    /// The token as it is.
    pub(super) fn current(&self) -> Option<Arc<Token>> {
        self.state().current.clone()
    }

    /// The token, renewed by `renewal` where it is due, there is none, or it is the one that was `refused`.
    ///
    /// # Errors
    /// What the renewal failed with, unless there is a token that still lasts.
    pub(super) async fn get<F>(
        &self,
        now: Timestamp,
        refused: Option<&Arc<Token>>,
        renewal: impl FnOnce() -> F,
    ) -> Landing
    where
        F: Future<Output = Result<Token, Failure>> + Send + 'static,
    {
        let good = |token: &&Arc<Token>| refused.is_none_or(|refused| !Arc::ptr_eq(refused, token));
        let (current, flight) = {
            let mut state = self.state();
            let current = state.current.as_ref().filter(good).cloned();
            if let Some(token) = current.as_ref().filter(|token| !token.life.is_due(now)) {
                return Ok(token.clone());
            }
            let flight = match &state.flight {
                Some(flight) => flight.clone(),
                None => state.flight.insert(self.take_off(renewal())).clone(),
            };
            (current, flight)
        };
        // Renewed ahead of time, or not: what lasts still serves.
        let lasts = current.filter(|token| !token.life.is_over(now));
        let until = match &lasts {
            Some(_) => flight.since + AHEAD,
            None => Instant::now() + LONGEST,
        };
        let landed = timeout_at(until, flight.landing).await;
        let landed = landed.unwrap_or_else(|_| Err(Failure::new(Kind::Timeout, "the renewal of a credential hangs")));
        lasts.filter(|_| landed.is_err()).map_or(landed, Ok)
    }

    fn take_off(&self, renewal: impl Future<Output = Result<Token, Failure>> + Send + 'static) -> Flight {
        let over = Over(self.clone());
        let task = tokio::spawn(async move {
            let landed = renewal.await.map(Arc::new);
            if let Ok(token) = &landed {
                over.0.state().current = Some(token.clone());
            }
            drop(over);
            landed
        });
        let landing = async move {
            task.await.unwrap_or_else(|died| {
                Err(Failure::new(Kind::Internal, "the renewal of a credential was cut off").because(died))
            })
        };
        Flight {
            since: Instant::now(),
            landing: landing.boxed().shared(),
        }
    }

    /// Each change leaves the state whole, so a panic elsewhere spoils nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a flight, however it ended.
struct Over(Renewing);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.state().flight = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;
    use tokio::sync::Semaphore;

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn token() -> Token {
        Token::new(HeaderMap::new(), Life::open(now()))
    }

    #[tokio::test]
    async fn a_renewal_goes_on_though_all_who_wait_leave() {
        let (renewing, gate) = (Renewing::default(), Arc::new(Semaphore::new(0)));
        let waits = gate.clone();
        let renewal = || async move {
            waits.acquire().await.expect("it is open").forget();
            Ok(token())
        };
        // Looked at once, and dropped.
        assert!(renewing.get(now(), None, renewal).now_or_never().is_none());
        gate.add_permits(1);
        let had = renewing
            .get(now(), None, || async { Ok(token()) })
            .await
            .expect("a token");
        assert!(renewing.current().is_some_and(|current| Arc::ptr_eq(&current, &had)));
        assert_eq!(gate.available_permits(), 0, "the first one ran");
    }

    #[tokio::test]
    async fn a_renewal_that_dies_or_fails_leaves_the_way_free() {
        let renewing = Renewing::default();
        let died = renewing.get(now(), None, || async { panic!("as told") }).await;
        assert_eq!(died.err().expect("it died").kind, Kind::Internal);
        let failed = Failure::new(Kind::Network, "as told");
        let failed = renewing.get(now(), None, || async { Err(failed) }).await;
        assert_eq!(failed.err().expect("it failed").kind, Kind::Network);
        assert!(renewing.get(now(), None, || async { Ok(token()) }).await.is_ok());
    }

    #[tokio::test]
    async fn one_that_was_refused_is_not_given_again_and_a_newer_one_is() {
        let (renewing, made) = (Renewing::default(), AtomicU32::new(0));
        let make = || {
            made.fetch_add(1, Relaxed);
            async { Ok(token()) }
        };
        let first = renewing.get(now(), None, make).await.expect("a token");
        let second = renewing.get(now(), Some(&first), make).await.expect("a token");
        let late = renewing.get(now(), Some(&first), make).await.expect("a token");
        assert!(!Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&second, &late));
        assert_eq!(made.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_hangs_holds_nobody_up_for_long() {
        let renewing = Renewing::default();
        let until = Some(now() + SignedDuration::from_secs(30));
        let life = Life { since: now(), until };
        let due = || async move { Ok(Token { life, ..token() }) };
        let old = renewing.get(now(), None, due).await.expect("a token");
        let hangs = || std::future::pending();
        let soon = now() + SignedDuration::from_secs(29);
        let began = Instant::now();
        for _ in 0..100 {
            let had = renewing.get(soon, None, hangs).await.expect("the one that lasts");
            assert!(Arc::ptr_eq(&had, &old));
        }
        assert!(began.elapsed() <= AHEAD * 2, "together: {:?}", began.elapsed());
        // Who has none that serves is told in time to do something else.
        let began = Instant::now();
        let told = renewing.get(soon, Some(&old), hangs).await.err().expect("it hangs");
        assert_eq!((told.kind, told.retryable), (Kind::Timeout, true));
        assert!(began.elapsed() <= LONGEST * 2, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn one_that_lasts_still_serves_where_its_renewal_fails() {
        let renewing = Renewing::default();
        let until = Some(now() + SignedDuration::from_secs(30));
        let life = Life { since: now(), until };
        let due = || async move { Ok(Token { life, ..token() }) };
        renewing.get(now(), None, due).await.expect("a token");
        let fail = || async { Err(Failure::new(Kind::Network, "as told")) };
        let soon = now() + SignedDuration::from_secs(29);
        assert!(renewing.get(soon, None, fail).await.is_ok());
        let over = now() + SignedDuration::from_secs(30);
        assert!(renewing.get(over, None, fail).await.is_err());
    }
}
