//! Progress, for those who gave a token to be told of it by.
//!
//! Invariant: what is told only grows, and nobody is told more often than once in a while.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::time::{Instant, sleep};

/// How long nothing is told of what takes its time. Half of the shortest time after which clients give up.
const EVERY: Duration = Duration::from_secs(5);
/// What comes quickly is not told of one by one.
const AT_MOST: Duration = Duration::from_millis(200);

/// Tells of one request's progress.
pub(super) struct Progress {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    began: Instant,
    told: Option<Instant>,
    steps: u32,
}

impl Progress {
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Self {
        Progress {
            peer: context.peer.clone(),
            token: context.meta.get_progress_token(),
            began: Instant::now(),
            told: None,
            steps: 0,
        }
    }

    /// Does some work, and tells meanwhile that it goes on.
    pub(super) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(EVERY) => {
                    let message = format!("{} s, and it goes on", self.began.elapsed().as_secs());
                    self.tell(message).await;
                }
            }
        }
    }

    /// Tells of a step, unless it has just told of another.
    pub(super) async fn step(&mut self, message: impl FnOnce() -> String) {
        if self.told.is_none_or(|told| told.elapsed() >= AT_MOST) {
            self.tell(message()).await;
        }
    }

    async fn tell(&mut self, message: String) {
        let Some(token) = self.token.clone() else { return };
        self.steps += 1;
        self.told = Some(Instant::now());
        let told = ProgressNotificationParam::new(token, f64::from(self.steps)).with_message(message);
        // Who is no longer there has not asked for it any more: the request ends by itself.
        if let Err(error) = self.peer.notify_progress(told).await {
            tracing::debug!(%error, "progress could not be told");
        }
    }
}
