//! Waiting until a run has ended.
//!
//! Invariant: a wait answers before its call's deadline, with what was seen last; it fails only where the run could not be
//! read.

use std::future::Future;
use std::time::Duration;

use mosaic_actors::error::Failure;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::pauses::Pauses;
use crate::catalogue::cicd::{Run, RunWait, Waited};
use crate::providers::{Reply, Request};

/// So long before the deadline a wait answers at the latest, so that its answer arrives.
const TO_ARRIVE: Duration = Duration::from_millis(500);
/// How often in a row a run may be unreadable after it was read.
const MOST_FAILURES: u32 = 3;

/// What one look at a run has shown.
pub struct Look {
    /// The run.
    pub reply: Reply<Run>,
    /// Whether it moves on no more.
    pub ended: bool,
}

impl Look {
    /// A run of which its status tells whether it has ended.
    pub fn of(reply: Reply<Run>) -> Self {
        Look {
            ended: reply.value.status.has_ended(),
            reply,
        }
    }

    fn waited(self) -> Reply<Waited> {
        Reply {
            value: Waited {
                ended: self.ended,
                status: self.reply.value.status,
                run: self.reply.value,
            },
            upstream_request_id: self.reply.upstream_request_id,
            skipped: self.reply.skipped,
        }
    }
}

/// Looks at a run until it has ended, or the time that the caller gave is over.
///
/// # Errors
/// As `look`, where the run cannot be read at first, or several times in a row.
pub async fn wait<F>(request: &Request<RunWait>, look: impl Fn() -> F) -> Result<Reply<Waited>, Failure>
where
    F: Future<Output = Result<Look, Failure>> + Send,
{
    let now = Instant::now();
    let left = request.deadline.saturating_duration_since(now);
    let latest = request.deadline - TO_ARRIVE.min(left / 10);
    let asked = request.input.seconds.map(|seconds| now + Duration::from_secs(seconds));
    wait_until(asked.map_or(latest, |asked| asked.min(latest)), look).await
}

async fn wait_until<F>(end: Instant, look: impl Fn() -> F) -> Result<Reply<Waited>, Failure>
where
    F: Future<Output = Result<Look, Failure>> + Send,
{
    // Without it there is nothing to answer: the call's deadline alone bounds it.
    let mut last = look().await?;
    let mut pauses = Pauses::default();
    let mut failures = 0;
    let mut pause = pauses.next();
    while !last.ended {
        let next = Instant::now() + pause;
        sleep_until(next.min(end)).await;
        if next >= end {
            break;
        }
        pause = pauses.next();
        match timeout_at(end, look()).await {
            Ok(Ok(seen)) => (last, failures) = (seen, 0),
            Ok(Err(failure)) if failure.retryable && failures < MOST_FAILURES => {
                failures += 1;
                pause = pause.max(failure.retry_after.unwrap_or_default());
            }
            Ok(Err(failure)) => return Err(failure),
            Err(_) => break,
        }
    }
    Ok(last.waited())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;
    use crate::catalogue::cicd::RunStatus;
    use mosaic_actors::error::Kind;

    fn run(status: RunStatus) -> Result<Look, Failure> {
        let run = serde_json::json!({"id": "ci~a/b#1", "project": "a/b", "status": status, "raw_status": ""});
        Ok(Look::of(Reply::of(serde_json::from_value(run).expect("a run"))))
    }

    /// Waits so long for a run that shows itself like this, and then as it was last; and how long that took.
    async fn waited(
        seconds: u64,
        shows: impl IntoIterator<Item = Result<Look, Failure>>,
    ) -> (Result<(bool, RunStatus), Kind>, f64) {
        let shows = RefCell::new(shows.into_iter().collect::<VecDeque<_>>());
        let began = Instant::now();
        let look = || {
            std::future::ready(
                shows
                    .borrow_mut()
                    .pop_front()
                    .unwrap_or_else(|| run(RunStatus::Running)),
            )
        };
        let outcome = wait_until(began + Duration::from_secs(seconds), look).await;
        let outcome = outcome.map(|reply| (reply.value.ended, reply.value.status));
        (outcome.map_err(|failure| failure.kind), began.elapsed().as_secs_f64())
    }

    fn broken() -> Result<Look, Failure> {
        Err(Failure::new(Kind::Network, "the connection broke"))
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_run_or_with_its_time() {
        use RunStatus::{Queued, Running, Success};
        let (outcome, took) = waited(60, [run(Queued), run(Running), run(Success)]).await;
        assert_eq!(outcome, Ok((true, Success)));
        assert!((2.5..2.6).contains(&took), "{took}");
        let (outcome, took) = waited(5, [run(Queued)]).await;
        assert_eq!(outcome, Ok((false, Running)));
        assert!((5.0..5.1).contains(&took), "{took}");
        let (outcome, took) = waited(60, [run(Success)]).await;
        assert_eq!((outcome, took), (Ok((true, Success)), 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hiccup_ends_no_wait() {
        use RunStatus::{Running, Success};
        let shows = [run(Running), broken(), broken(), broken(), run(Success)];
        assert_eq!(waited(60, shows).await.0, Ok((true, Success)));
        let shows = [run(Running), broken(), broken(), broken(), broken()];
        assert_eq!(waited(60, shows).await.0, Err(Kind::Network));
        assert_eq!(waited(60, [broken()]).await.0, Err(Kind::Network));
        let gone = Err(Failure::new(Kind::NotFound, "gone"));
        assert_eq!(waited(60, [run(Running), gone]).await.0, Err(Kind::NotFound));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_takes_too_long_is_left_out() {
        let looks = RefCell::new(0);
        let began = Instant::now();
        let look = || {
            *looks.borrow_mut() += 1;
            let hangs = *looks.borrow() > 1;
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                run(RunStatus::Running)
            }
        };
        let waited = wait_until(began + Duration::from_secs(5), look).await.expect("waited");
        assert!(!waited.value.ended);
        assert_eq!(began.elapsed().as_secs(), 5);
    }
}
