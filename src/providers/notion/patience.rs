//! Requests of an operation that has begun already.
//!
//! Invariant: a wait that the provider asks for is kept while the deadline allows it, so that what has begun is brought to
//! its end; nothing is sent again but what was refused unread.

use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use tokio::time::{Instant, sleep};

use super::Notion;
use crate::providers::http::{Outgoing, Received};

/// How often one request may be put off.
const MOST: usize = 10;
/// What is left for the answer behind the last wait.
const LEFT: Duration = Duration::from_secs(1);

impl Notion {
    /// Sends a request that others came before: where the rate limit refuses it, once more behind the wait.
    pub(super) async fn patient(
        &self,
        deadline: Instant,
        outgoing: impl Fn() -> Result<Outgoing, Failure>,
    ) -> Result<Received, Failure> {
        let mut put_off = 0;
        loop {
            let failure = match self.endpoint.send(outgoing()?).await {
                Ok(received) => return Ok(received),
                Err(failure) => failure,
            };
            let limited = failure.kind == Kind::UpstreamRateLimited && failure.retryable;
            let wait = failure.retry_after.filter(|_| limited && put_off < MOST);
            let wait = wait.filter(|wait| Instant::now() + *wait + LEFT <= deadline);
            let Some(wait) = wait else { return Err(failure) };
            put_off += 1;
            sleep(wait).await;
        }
    }
}
