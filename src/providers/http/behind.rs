//! Reads behind writes.
//!
//! Invariant: what a write has done is told, whatever becomes of what is read behind it.

use std::future::Future;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use tokio::time::timeout;

/// How long an answer that is known already waits for more.
const AWAITED: Duration = Duration::from_secs(2);

/// What is read behind a write; none where it cannot be read, or not soon.
pub async fn behind<T>(instance: &str, read: impl Future<Output = Result<T, Failure>>) -> Option<T> {
    let failure = match timeout(AWAITED, read).await {
        Ok(Ok(read)) => return Some(read),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::new(Kind::Timeout, "it was not read in time"),
    };
    tracing::debug!(provider = instance, %failure, "what is behind a write cannot be read");
    None
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_read_that_fails_or_hangs_is_none() {
        let began = Instant::now();
        assert_eq!(behind("one", async { Ok(7) }).await, Some(7));
        let failed = async { Err::<(), _>(Failure::new(Kind::UpstreamFailed, "broken")) };
        assert_eq!(behind("one", failed).await, None);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(behind("one", pending::<Result<(), Failure>>()).await, None);
        assert_eq!(began.elapsed(), AWAITED);
    }
}
