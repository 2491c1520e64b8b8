//! An issuer's keys as they were asked for last, and when they are asked for again.
//!
//! Invariant: one request is under way at a time, and none follows within [`PAUSE`], whatever tokens come; a set that could
//! not be renewed for [`TRUSTED`] is forgotten.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::jwks::KeySet;
use super::jwt::Header;

/// So long after one request no other is made.
pub const PAUSE: Duration = Duration::from_secs(10);
/// So old a set is renewed, so that a key that was withdrawn is not taken for long.
const RENEWED: Duration = Duration::from_secs(300);
/// So old a set is not trusted any more.
const TRUSTED: Duration = Duration::from_secs(24 * 3600);
/// How long a request may take, and a caller waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for the issuer's set of keys.
pub type Fetch = Arc<dyn Fn() -> BoxFuture<Result<Bytes, Failure>> + Send + Sync>;

/// The keys of one issuer.
pub struct Keys {
    fetch: Fetch,
    current: ArcSwap<Known>,
    /// They were asked for in vain last.
    failing: AtomicBool,
    /// When they were asked for last.
    turn: Arc<Mutex<Option<Instant>>>,
}

#[derive(Default)]
struct Known {
    set: Arc<KeySet>,
    since: Option<Instant>,
}

impl Keys {
    /// Keys that `fetch` asks for, of which none is known so far.
    pub fn new(fetch: Fetch) -> Arc<Self> {
        Arc::new(Keys {
            fetch,
            current: ArcSwap::default(),
            failing: AtomicBool::new(false),
            turn: Arc::default(),
        })
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        let known = self.current.load();
        match known.since.is_some_and(|since| since.elapsed() < TRUSTED) {
            true => known.set.clone(),
            false => Arc::default(),
        }
    }

    /// Whether a key that is none of them may be the issuer's all the same: they were never had, are too old, or could not be
    /// asked for again.
    pub(super) fn are_out(&self) -> bool {
        let since = self.current.load().since;
        self.failing.load(Relaxed) || since.is_none_or(|since| since.elapsed() >= TRUSTED)
    }

    /// Waits until the keys were asked for, where none is known that `header` names; has them asked for, and does not wait,
    /// where they are old.
    pub(super) async fn ready_for(self: &Arc<Self>, header: &Header) {
        if self.current().find(header).is_err() {
            return self.renew(|keys| keys.current().find(header).is_ok()).await;
        }
        if self.is_old() && self.turn.try_lock().is_ok() {
            let keys = self.clone();
            tokio::spawn(async move { keys.renew(|keys| !keys.is_old()).await });
        }
    }

    fn is_old(&self) -> bool {
        self.current.load().since.is_none_or(|since| since.elapsed() >= RENEWED)
    }

    /// Asks for them, unless `is_done` by whoever asked meanwhile, or somebody has asked just now. The request goes on where
    /// its caller goes away: the pause behind it would else keep everybody from keys that nobody has asked for.
    async fn renew(self: &Arc<Self>, is_done: impl Fn(&Self) -> bool) {
        let Ok(mut turn) = timeout(PATIENCE, self.turn.clone().lock_owned()).await else {
            return;
        };
        if is_done(self) || turn.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        *turn = Some(Instant::now());
        let keys = self.clone();
        let asking = tokio::spawn(async move {
            keys.ask().await;
            drop(turn);
        });
        if let Err(error) = asking.await {
            tracing::error!(%error, "the asking for the issuer's keys was cut");
        }
    }

    /// Asks for them, and tells what came of it.
    async fn ask(&self) {
        let read = match timeout(PATIENCE, (self.fetch)()).await {
            Err(_) => Err("no answer in time".to_owned()),
            Ok(Err(failure)) => Err(failure.message().to_owned()),
            Ok(Ok(document)) => KeySet::read(&document).ok_or_else(|| "the answer is no set of keys".to_owned()),
        };
        self.failing.store(read.is_err(), Relaxed);
        match read {
            Ok(set) => {
                tracing::debug!(keys = set.len(), "the issuer's keys are read");
                let (set, since) = (Arc::new(set), Some(Instant::now()));
                self.current.store(Arc::new(Known { set, since }));
            }
            Err(why) => tracing::warn!(
                why,
                "the issuer's keys cannot be had: those of before are taken for a day"
            ),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;

    use super::*;
    use crate::oauth::jwt::Algorithm;

    fn header(kid: &str) -> Header {
        Header {
            algorithm: Algorithm::EdDsa,
            kid: Some(kid.to_owned()),
        }
    }

    fn asked(answer: fn(usize) -> Result<Bytes, Failure>) -> (Arc<Keys>, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let fetch: Fetch = Arc::new(move || {
            let nth = counted.fetch_add(1, SeqCst);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                answer(nth)
            })
        });
        (Keys::new(fetch), count)
    }

    fn set(kid: &str) -> Result<Bytes, Failure> {
        Ok(format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"AQ"}}]}}"#).into())
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_miss_a_key_ask_once_and_again_after_a_pause() {
        let (keys, count) = asked(|nth| set(&format!("key-{nth}")));
        let floods = (0..100).map(|at| {
            let keys = keys.clone();
            async move { keys.ready_for(&header(&format!("unknown-{at}"))).await }
        });
        futures_util::future::join_all(floods).await;
        assert_eq!(count.load(SeqCst), 1);
        keys.ready_for(&header("key-0")).await;
        assert!(keys.current().find(&header("key-0")).is_ok());
        assert_eq!(count.load(SeqCst), 1, "it is known");
        tokio::time::advance(PAUSE).await;
        keys.ready_for(&header("key-1")).await;
        assert!(keys.current().find(&header("key-1")).is_ok());
        assert_eq!(count.load(SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_leaves_the_request_to_those_behind() {
        let (keys, count) = asked(|_| set("key"));
        let gone = timeout(Duration::from_millis(1), keys.ready_for(&header("bogus"))).await;
        assert!(gone.is_err(), "it left before the answer came");
        keys.ready_for(&header("key")).await;
        assert!(keys.current().find(&header("key")).is_ok());
        assert_eq!(count.load(SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_set_is_renewed_beside_and_one_that_cannot_be_is_forgotten_in_the_end() {
        let (keys, count) = asked(|nth| match nth {
            0 => set("key"),
            1 => Ok(Bytes::from_static(b"<html>")),
            _ => Err(Failure::new(mosaic_actors::error::Kind::Network, "gone")),
        });
        keys.ready_for(&header("key")).await;
        tokio::time::advance(RENEWED).await;
        keys.ready_for(&header("key")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(count.load(SeqCst), 2);
        assert!(
            keys.current().find(&header("key")).is_ok(),
            "an answer that is none changes nothing"
        );
        tokio::time::advance(TRUSTED).await;
        assert!(keys.current().find(&header("key")).is_err());
    }
}
