//! Following the log of a job where the forge streams none: it is asked for again and again.
//!
//! Invariant: the stream ends where the job has ended and its log was read after that; what was read is not read again where
//! the forge gives parts, and ever more rarely, by its size, where it gives none.

use std::future::Future;
use std::time::Duration;

use futures_util::Stream;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;

use super::{line, missing};
use crate::catalogue::cicd::{Job, LogEvent};
use crate::providers::ci::{Followed, Growing, Then, Told, follow};
use crate::providers::http::{Pieces, Ranged};

/// How often the log of a job that has ended is asked for in vain: where it is kept it may arrive a moment later.
const MOST_ABSENT: u32 = 5;
/// How many bytes a second are read at most of a log that comes whole each time.
const WHOLE_PER_SECOND: u64 = 256 << 10;
/// The longest pause between two readings.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A job's log, as a forge gives it.
pub trait Logged: Send + Sync + 'static {
    /// Whether it can be read while its job goes on.
    const GROWS: bool;

    /// The job as it stands.
    ///
    /// # Errors
    /// What a request fails with.
    fn job(&self) -> impl Future<Output = Result<Job, Failure>> + Send;

    /// The log from this byte on, or all that there is where the forge gives no parts; none where it is shorter.
    ///
    /// # Errors
    /// What a request fails with; `not_found` where there is none.
    fn text(&self, from: u64) -> impl Future<Output = Result<Option<Ranged>, Failure>> + Send;
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
        read: 0,
        last: None,
        parts: true,
        absent: 0,
    };
    follow(polled).await
}

struct Polled<L> {
    log: L,
    lines: Growing,
    reading: Option<Reading>,
    /// How many bytes of the log were read to an end.
    read: u64,
    /// The last of them.
    last: Option<u8>,
    /// The forge may give parts.
    parts: bool,
    /// How often the whole log was not there.
    absent: u32,
}

/// The log as it is read, and its job as it stood before that.
struct Reading {
    pieces: Pieces,
    job: Job,
    /// Where it began.
    from: u64,
    /// The byte that is known is yet to come.
    overlaps: bool,
    /// How much came since, and the last byte of it.
    came: u64,
    last: Option<u8>,
}

fn later() -> Told {
    Told {
        events: vec![],
        then: Then::Later,
    }
}

fn now(events: Vec<LogEvent>) -> Told {
    Told {
        events,
        then: Then::Now,
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
        let Some(mut reading) = self.reading.take() else {
            return self.look().await;
        };
        // One that breaks off is read from where it began.
        match reading.pieces.next().await? {
            Some(mut piece) => {
                if std::mem::take(&mut reading.overlaps) && piece.split_to(1).first().copied() != self.last {
                    return Ok(now(vec![self.replaced()]));
                }
                reading.came += piece.len() as u64;
                reading.last = piece.last().copied().or(reading.last);
                let events = self.lines.more(&piece);
                self.reading = Some(reading);
                Ok(now(events))
            }
            None => Ok(self.read(reading)),
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
        // Of what is known the last byte is asked for, too: a part of nothing would be refused.
        let from = if self.parts { self.read.saturating_sub(1) } else { 0 };
        match self.log.text(from).await {
            Ok(Some(Ranged::Rest(pieces))) => {
                self.lines.again();
                Ok(self.begin(pieces, job, from))
            }
            // As long as it was: nothing has come, and nothing is read.
            Ok(Some(Ranged::Whole(_, Some(size)))) if !ended && self.read > 0 && size == self.read => Ok(later()),
            Ok(Some(Ranged::Whole(pieces, _))) => {
                self.parts = from == 0 && self.parts;
                self.lines.anew();
                Ok(self.begin(pieces, job, 0))
            }
            Ok(None) => Ok(now(vec![self.replaced()])),
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

    fn begin(&mut self, pieces: Pieces, job: Job, from: u64) -> Told {
        self.reading = Some(Reading {
            pieces,
            job,
            from,
            overlaps: from > 0,
            came: 0,
            last: None,
        });
        now(vec![])
    }

    /// The log is another one, and told from its beginning.
    fn replaced(&mut self) -> LogEvent {
        (self.read, self.last, self.reading) = (0, None, None);
        self.lines.replaced()
    }

    /// It was read to its end.
    fn read(&mut self, reading: Reading) -> Told {
        let Reading { job, from, came, .. } = reading;
        let rest = if job.status.has_ended() {
            self.lines.rest()
        } else {
            None
        };
        // A log of fewer lines than were told is another one, and read once more to be told from its beginning.
        if self.lines.is_short() {
            return now(vec![self.replaced()]);
        }
        let whole = from == 0;
        self.read = if whole { came } else { self.read + came };
        self.last = reading.last.or(self.last);
        if self.parts {
            self.lines.mark();
        }
        let mut told = told(rest.into_iter().collect(), job);
        if told.then == Then::Later && !self.parts {
            let pause = Duration::from_millis(self.read.saturating_mul(1000) / WHOLE_PER_SECOND);
            told.then = Then::Slowly(pause.min(LONGEST_PAUSE));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

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

        async fn text(&self, _from: u64) -> Result<Option<Ranged>, Failure> {
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
            let pieces = Pieces::of(stream::iter(pieces.chain(broken).collect::<Vec<_>>()));
            Ok(Some(Ranged::Whole(pieces, None)))
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

    /// A log that grows by a line each time it is asked for, until it has so many; what was read of it is counted.
    struct Grows {
        most: usize,
        asked: Mutex<usize>,
        read: Arc<Mutex<Vec<u64>>>,
        parts: bool,
        sized: bool,
    }

    impl Logged for Grows {
        const GROWS: bool = true;

        async fn job(&self) -> Result<Job, Failure> {
            let ended = *self.asked.lock().expect("alone") >= self.most;
            let status = if ended { "success" } else { "running" };
            let job = json!({"id": "1", "name": "build", "status": status, "raw_status": status});
            Ok(serde_json::from_value(job).expect("a job"))
        }

        async fn text(&self, from: u64) -> Result<Option<Ranged>, Failure> {
            let mut asked = self.asked.lock().expect("alone");
            // Each second time there is nothing new.
            *asked = (*asked + 1).min(self.most);
            let text: String = (0..asked.div_ceil(2)).map(|line| format!("line {line:03}\n")).collect();
            let from = if self.parts { from } else { 0 };
            let rest = Bytes::from(text).slice(usize::try_from(from).expect("small")..);
            let (size, read) = (rest.len() as u64, self.read.clone());
            let pieces = stream::iter([rest]).map(move |piece| {
                read.lock().expect("alone").push(piece.len() as u64);
                Ok(piece)
            });
            let pieces = Pieces::of(pieces);
            Ok(Some(match from {
                0 => Ranged::Whole(pieces, self.sized.then_some(size)),
                _ => Ranged::Rest(pieces),
            }))
        }
    }

    /// How many lines a log of so many questions told, how often any of it was read, and how much altogether.
    async fn grown(most: usize, parts: bool, sized: bool) -> (usize, usize, u64) {
        let read = Arc::<Mutex<Vec<u64>>>::default();
        let log = Grows {
            most,
            asked: Mutex::default(),
            read: read.clone(),
            parts,
            sized,
        };
        let events = polled(log, None).await.expect("it begins");
        let events: Vec<_> = events.collect().await;
        let lines = events
            .iter()
            .filter(|event| matches!(event, Ok(Piece::Item(LogEvent::Line { .. }))));
        let lines = lines.count();
        assert!(events.iter().all(Result::is_ok));
        let read = read.lock().expect("alone");
        (lines, read.len(), read.iter().sum())
    }

    #[tokio::test(start_paused = true)]
    async fn where_parts_are_given_nothing_is_read_twice() {
        let (lines, times, bytes) = grown(400, true, true).await;
        assert_eq!(lines, 200);
        // The byte that is known comes again each time.
        assert!(bytes <= 200 * 9 + times as u64, "{bytes} in {times}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_of_the_same_size_is_not_read_again() {
        let (lines, times, _) = grown(40, false, true).await;
        assert_eq!(lines, 20);
        assert!(times <= 22, "{times}");
        let (lines, times, _) = grown(40, false, false).await;
        assert_eq!((lines, times > 30), (20, true));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_comes_whole_is_asked_for_the_more_rarely_the_larger_it_is() {
        let large: &'static str = Box::leak("x\n".repeat(1 << 20).into_boxed_str());
        let script = [
            ("running", Some(large)),
            ("running", Some(large)),
            ("success", Some(large)),
        ];
        let began = tokio::time::Instant::now();
        let told = told::<true>(None, &script).await.expect("whole");
        assert_eq!(told.len(), (1 << 20) + 1);
        // 2 MiB at 256 KiB a second, once it is known that it comes whole.
        assert!(began.elapsed().as_secs() >= 8, "{:?}", began.elapsed());
    }
}
