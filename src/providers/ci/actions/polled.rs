//! Following the log of a job where the forge streams none: it is asked for again and again.
//!
//! Invariant: the stream ends where the job has ended and its log was read after that.

use std::future::Future;

use futures_util::Stream;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;

use super::{line, missing};
use crate::catalogue::cicd::{Job, LogEvent};
use crate::providers::ci::{Followed, Growing, Then, Told, follow};
use crate::providers::http::Pieces;

/// How often the log of a job that has ended is asked for in vain: where it is kept it may arrive a moment later.
const MOST_ABSENT: u32 = 5;

/// A job's log, as a forge gives it.
pub trait Logged: Send + Sync + 'static {
    /// Whether it can be read while its job goes on.
    const GROWS: bool;

    /// The job as it stands.
    ///
    /// # Errors
    /// What a request fails with.
    fn job(&self) -> impl Future<Output = Result<Job, Failure>> + Send;

    /// All of the log that there is.
    ///
    /// # Errors
    /// What a request fails with; `not_found` where there is none.
    fn text(&self) -> impl Future<Output = Result<Pieces, Failure>> + Send;
}

/// The events of a job's log, behind the line of the number `after`.
///
/// # Errors
/// As [`Logged::job`].
pub async fn polled<L: Logged>(
    log: L,
    after: Option<u64>,
) -> Result<impl Stream<Item = Result<Piece<LogEvent>, Failure>> + Send + 'static, Failure> {
    let polled = Polled {
        log,
        lines: Growing::behind(after, line),
        reading: None,
        absent: 0,
    };
    follow(polled).await
}

struct Polled<L> {
    log: L,
    lines: Growing,
    /// The log as it is read, and its job as it stood before that.
    reading: Option<(Pieces, Job)>,
    /// How often the whole log was not there.
    absent: u32,
}

fn later() -> Told {
    Told {
        events: vec![],
        then: Then::Later,
    }
}

/// What there is of a log whose job stands so.
fn told(mut events: Vec<LogEvent>, job: Job) -> Told {
    let ended = job.status.has_ended();
    if ended {
        events.push(LogEvent::End {
            status: job.status,
            raw_status: job.raw_status,
        });
    }
    Told {
        events,
        then: if ended { Then::Over } else { Then::Later },
    }
}

impl<L: Logged> Followed for Polled<L> {
    async fn next(&mut self) -> Result<Told, Failure> {
        let Some((mut pieces, job)) = self.reading.take() else {
            return self.look().await;
        };
        // One that breaks off is read from its beginning.
        match pieces.next().await? {
            Some(piece) => {
                self.reading = Some((pieces, job));
                Ok(Told {
                    events: self.lines.more(&piece),
                    then: Then::Now,
                })
            }
            None => Ok(self.read(job)),
        }
    }
}

impl<L: Logged> Polled<L> {
    /// Begins to read the log, if there is one.
    async fn look(&mut self) -> Result<Told, Failure> {
        // Read before its log, so that one that has ended is whole.
        let job = self.log.job().await?;
        let ended = job.status.has_ended();
        if !ended && !L::GROWS {
            return Ok(later());
        }
        match self.log.text().await {
            Ok(pieces) => {
                self.lines.again();
                self.reading = Some((pieces, job));
                Ok(Told {
                    events: vec![],
                    then: Then::Now,
                })
            }
            Err(failure) if failure.kind == Kind::NotFound => match missing(job.status) {
                Ok(()) => Ok(told(vec![], job)),
                Err(_) if !ended => Ok(later()),
                Err(_) if self.absent < MOST_ABSENT => {
                    self.absent += 1;
                    Ok(later())
                }
                Err(gone) => Err(gone),
            },
            Err(failure) => Err(failure),
        }
    }

    /// It was read to its end.
    fn read(&mut self, job: Job) -> Told {
        if job.status.has_ended() {
            let rest = self.lines.rest();
            // A log of fewer lines than were told is another one, and read once more to be told from its beginning.
            if !self.lines.is_short() {
                return told(rest.into_iter().collect(), job);
            }
        }
        match self.lines.is_short() {
            true => Told {
                events: vec![self.lines.replaced()],
                then: Then::Now,
            },
            false => told(vec![], job),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use serde_json::json;

    use super::*;

    /// A text that ends so breaks off there.
    const BREAKS: &str = "|";

    /// Shows, each time, a job that stands so and a log of this text; `None`: it is not there.
    struct Script<const GROWS: bool>(Mutex<VecDeque<(&'static str, Option<&'static str>)>>);

    impl<const GROWS: bool> Script<GROWS> {
        fn now(&self) -> (&'static str, Option<&'static str>) {
            self.0
                .lock()
                .expect("alone")
                .front()
                .copied()
                .expect("the script is over")
        }

        fn over(&self) {
            self.0.lock().expect("alone").pop_front();
        }
    }

    impl<const GROWS: bool> Logged for Script<GROWS> {
        const GROWS: bool = GROWS;

        async fn job(&self) -> Result<Job, Failure> {
            let (status, _) = self.now();
            if status == "running" && !GROWS {
                self.over();
            }
            let job = json!({"id": "1", "name": "build", "status": status, "raw_status": status});
            Ok(serde_json::from_value(job).expect("a job"))
        }

        async fn text(&self) -> Result<Pieces, Failure> {
            let (_, text) = self.now();
            self.over();
            let gone = || Failure::new(Kind::NotFound, "nothing there");
            let text = text.ok_or_else(gone)?;
            let (text, breaks) = match text.strip_suffix(BREAKS) {
                Some(text) => (text, true),
                None => (text, false),
            };
            let pieces = text.as_bytes().chunks(7).map(|piece| Ok(Bytes::from_static(piece)));
            let broken = breaks.then(|| Err(Failure::new(Kind::Network, "it broke off")));
            Ok(Pieces::of(stream::iter(pieces.chain(broken).collect::<Vec<_>>())))
        }
    }

    async fn told<const GROWS: bool>(
        after: Option<u64>,
        script: &[(&'static str, Option<&'static str>)],
    ) -> Result<Vec<String>, Kind> {
        let script = Script::<GROWS>(Mutex::new(script.iter().copied().collect()));
        let events = polled(script, after).await.map_err(|failure| failure.kind)?;
        let mut events = std::pin::pin!(events);
        let mut told = vec![];
        while let Some(piece) = events.next().await {
            match piece.map_err(|failure| failure.kind)? {
                Piece::Item(LogEvent::Line { seq, line }) => told.push(format!("{seq} {}", line.text)),
                Piece::Item(LogEvent::Replaced {}) => told.push("replaced".to_owned()),
                Piece::Item(LogEvent::End { raw_status, .. }) => told.push(raw_status),
                Piece::Alive => {}
            }
        }
        Ok(told)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_new_is_told_and_the_end_comes_with_the_job() {
        let script = [
            ("queued", None),
            ("running", Some("2024-05-06T07:08:09Z a\n2024-05-06T07:08:09Z b")),
            ("running", Some("2024-05-06T07:08:09Z a\n2024-05-06T07:08:09Z bb\n")),
            ("failure", Some("2024-05-06T07:08:09Z a\n2024-05-06T07:08:09Z bb\nc")),
        ];
        assert_eq!(
            told::<true>(None, &script).await.unwrap(),
            ["0 a", "1 bb", "2 c", "failure"]
        );
        assert_eq!(
            told::<true>(Some(0), &script).await.unwrap(),
            ["1 bb", "2 c", "failure"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_comes_at_the_end_is_not_asked_for_before() {
        let script = [("running", None), ("running", None), ("success", Some("a\n"))];
        assert_eq!(told::<false>(None, &script).await.unwrap(), ["0 a", "success"]);
        assert_eq!(
            told::<false>(None, &[("cancelled", None)]).await.unwrap(),
            ["cancelled"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_arrives_late_is_waited_for_and_one_that_is_gone_is_not() {
        let script = [("success", None), ("success", None), ("success", Some("a"))];
        assert_eq!(told::<false>(None, &script).await.unwrap(), ["0 a", "success"]);
        assert_eq!(
            told::<false>(None, &[("success", None); 6]).await.unwrap_err(),
            Kind::NotFound
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_breaks_off_is_told_once() {
        let script = [
            ("running", Some("a\nb\nc")),
            ("running", Some("a\nb\nc\nd\ne|")),
            ("success", Some("a\n|")),
            ("success", Some("a\nb\nc\nd\ne\nf")),
        ];
        let whole = ["0 a", "1 b", "2 c", "3 d", "4 e", "5 f", "success"];
        assert_eq!(told::<true>(None, &script).await.unwrap(), whole);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_shorter_than_before_is_another_one() {
        let script = [
            ("running", Some("a\nb\nc\n")),
            ("running", Some("x\ny")),
            ("running", Some("x\ny")),
            ("success", Some("x\ny\n")),
        ];
        let told = told::<true>(None, &script).await.unwrap();
        assert_eq!(told, ["0 a", "1 b", "2 c", "replaced", "0 x", "1 y", "success"]);
    }
}
