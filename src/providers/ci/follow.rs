//! Following a log: one stream of events, whatever the provider gives them by.
//!
//! Invariant: a log that breaks off is gone on with where it broke off, a bounded number of times in a row; the stream ends
//! cleanly only where the log is whole.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use futures_util::{Stream, stream};
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Piece;
use tokio::time::sleep;

use super::pauses::Pauses;
use crate::catalogue::cicd::LogEvent;

/// How often in a row a log may break off before anything came of it.
const MOST_BREAKS: u32 = 5;
/// The longest wait that a provider may ask for before it is gone on.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A log that is being followed.
pub trait Followed: Send + 'static {
    /// What is to be told next.
    ///
    /// # Errors
    /// What a request fails with. After one that is retryable it is asked again.
    fn next(&mut self) -> impl Future<Output = Result<Told, Failure>> + Send;
}

/// What a log tells.
pub struct Told {
    /// Its events.
    pub events: Vec<LogEvent>,
    /// When it is asked again.
    pub then: Then,
}

/// When a log is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// At once.
    Now,
    /// After a pause, which grows while nothing comes.
    Later,
    /// The same, after so long at least: what was asked cost much.
    Slowly(Duration),
    /// Never: it is whole.
    Over,
}

/// The events of `log`, once it has told for the first time.
///
/// # Errors
/// As [`Followed::next`].
pub async fn follow<L: Followed>(
    mut log: L,
) -> Result<impl Stream<Item = Result<Piece<LogEvent>, Failure>> + Send + 'static, Failure> {
    let first = log.next().await?;
    let mut following = Following {
        log,
        ready: VecDeque::new(),
        then: Then::Now,
        pauses: Pauses::default(),
        breaks: 0,
    };
    following.hear(first);
    Ok(stream::try_unfold(following, |mut following| async move {
        let piece = following.piece().await?;
        Ok(piece.map(|piece| (piece, following)))
    }))
}

struct Following<L> {
    log: L,
    /// Events to hand out: at most those of one piece of an answer.
    ready: VecDeque<LogEvent>,
    then: Then,
    pauses: Pauses,
    /// How often in a row it broke off.
    breaks: u32,
}

impl<L: Followed> Following<L> {
    async fn piece(&mut self) -> Result<Option<Piece<LogEvent>>, Failure> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(Piece::Item(event)));
            }
            match self.then {
                Then::Over => return Ok(None),
                Then::Later => sleep(self.pauses.next()).await,
                Then::Slowly(at_least) => sleep(self.pauses.next().max(at_least)).await,
                Then::Now => {}
            }
            match self.log.next().await {
                Ok(told) => self.hear(told),
                Err(failure) => {
                    self.broke(failure).await?;
                    continue;
                }
            }
            if self.ready.is_empty() {
                return Ok(Some(Piece::Alive));
            }
        }
    }

    fn hear(&mut self, told: Told) {
        // Who only says that there is more has proven nothing yet.
        if !told.events.is_empty() || told.then != Then::Now {
            self.breaks = 0;
        }
        if !told.events.is_empty() {
            self.pauses.begin_anew();
        }
        self.ready.extend(told.events);
        self.then = told.then;
    }

    async fn broke(&mut self, failure: Failure) -> Result<(), Failure> {
        let wait = failure.retry_after.unwrap_or_default();
        if !failure.retryable || self.breaks >= MOST_BREAKS || wait > LONGEST_WAIT {
            return Err(failure);
        }
        self.breaks += 1;
        self.then = Then::Now;
        sleep(self.pauses.next().max(wait)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use mosaic_actors::error::Kind;

    use super::super::counter::Counter;
    use super::super::lines::stdout;
    use super::*;
    use crate::catalogue::cicd::RunStatus;

    /// What it tells, in order; `None`: it breaks off.
    struct Script(VecDeque<Option<Told>>);

    impl Followed for Script {
        async fn next(&mut self) -> Result<Told, Failure> {
            let broken = || Failure::new(Kind::Network, "the connection broke");
            self.0.pop_front().expect("asked once too often").ok_or_else(broken)
        }
    }

    fn told(lines: &[&str], then: Then) -> Option<Told> {
        let mut counter = Counter::default();
        let mut events: Vec<_> = lines
            .iter()
            .filter_map(|line| counter.line(stdout((*line).to_owned())))
            .collect();
        if then == Then::Over {
            events.push(LogEvent::End {
                status: RunStatus::Success,
                raw_status: "success".to_owned(),
            });
        }
        Some(Told { events, then })
    }

    /// How many events came, and how it ended.
    async fn followed(script: impl IntoIterator<Item = Option<Told>>) -> (usize, Option<Kind>) {
        let stream = match follow(Script(script.into_iter().collect())).await {
            Ok(stream) => stream,
            Err(failure) => return (0, Some(failure.kind)),
        };
        let mut stream = Box::pin(stream);
        let mut events = 0;
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(Piece::Item(_)) => events += 1,
                Ok(Piece::Alive) => {}
                Err(failure) => return (events, Some(failure.kind)),
            }
        }
        (events, None)
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_where_it_broke_off() {
        let script = [
            told(&["a"], Then::Later),
            None,
            told(&["b"], Then::Now),
            None,
            told(&["c"], Then::Over),
        ];
        assert_eq!(followed(script).await, (4, None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_breaks_off_again_and_again_fails() {
        let opens = || [told(&[], Then::Now), None];
        let script = [told(&["a"], Then::Now)]
            .into_iter()
            .chain((0..6).flat_map(|_| opens()));
        assert_eq!(followed(script).await, (1, Some(Kind::Network)));
        // At first, it is the call that fails.
        assert_eq!(followed([None]).await, (0, Some(Kind::Network)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_ever_more_rarely_while_nothing_comes() {
        let began = tokio::time::Instant::now();
        let quiet = (0..9).map(|_| told(&[], Then::Later));
        assert_eq!(followed(quiet.chain([told(&[], Then::Over)])).await, (1, None));
        // 1 + 1.5 + 2.25 + 3.375 + 5.06 + 7.59 + 10 + 10 + 10
        assert_eq!(began.elapsed().as_secs(), 50);
    }
}
