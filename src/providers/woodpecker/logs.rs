//! The requests that read logs: as they are stored, and while they are written.
//!
//! Invariant: a followed line has the number that it has in the stored log, so that the one goes on where the other broke
//! off, and nothing is told twice.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use tokio::time::timeout;

use super::names::{again, find, numbered};
use super::runs::pipeline;
use super::stored::{Stored, began};
use super::{Woodpecker, convert, wire};
use crate::catalogue::cicd::{Log, LogEvent, LogFollow, LogGet, LogLine, RunStatus, Step};
use crate::providers::ci::{Counter, Followed, Held, Then, Told, follow};
use crate::providers::http::{list, sse};
use crate::providers::{Reply, Request};

/// A stream says that it is there every 30 seconds, and some ends never arrive.
const QUIET: Duration = Duration::from_secs(10);

/// A step's log. The run is read first: it tells which step is meant, and when it began.
pub async fn log_get(woodpecker: Arc<Woodpecker>, request: Request<LogGet>) -> Result<Reply<Log>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let received = pipeline(&woodpecker, project, number).await?;
    let workflows = received.json::<wire::Pipeline>()?.workflows.unwrap_or_default();
    let blame = |failure: Failure| failure.by(&request.instance);
    let step = find(convert::jobs(workflows), request.input.step.as_deref()).map_err(blame)?;
    let mut stored = Stored::open(&woodpecker, project, number, &step).await?;
    let mut counter = Counter::behind(request.input.after);
    let (mut held, mut raw, mut skipped) = (Held::default(), vec![], 0);
    'log: while let Some(rows) = stored.next().await.map_err(blame)? {
        for row in rows {
            let unread = row.line.is_none();
            let Some(line) = count(&mut counter, row.line) else {
                let wanted = request.input.after.is_none_or(|after| row.at > after);
                skipped += u32::from(unread && wanted);
                continue;
            };
            let json = row.element.json().filter(|_| request.include_raw);
            if !held.add(line, json.as_ref().map_or(0, Vec::len)) {
                break 'log;
            }
            raw.extend(json);
        }
    }
    let mut log = held.log(Resource::neutral_id(&request.instance, &request.native), Some(step));
    if request.include_raw {
        log.raw = Some(list(&raw).map_err(blame)?);
    }
    Ok(Reply {
        value: log,
        upstream_request_id: stored.request_id,
        skipped,
    })
}

/// A line that cannot be read has its number all the same.
fn count(counter: &mut Counter, line: Option<LogLine>) -> Option<LogEvent> {
    if line.is_none() {
        counter.skip_to(counter.next() + 1);
    }
    counter.line(line?)
}

pub async fn log_follow(
    woodpecker: Arc<Woodpecker>,
    request: Request<LogFollow>,
) -> Result<Reply<impl Stream<Item = Result<Piece<LogEvent>, Failure>> + Send + 'static>, Failure> {
    let (project, number) = numbered(&request.native)?;
    let mut counter = Counter::behind(request.input.after);
    counter.skip_to(request.input.after.map_or(0, |after| after.saturating_add(1)));
    let following = Following {
        project: project.to_owned(),
        number,
        step: request.input.step.as_ref().map(ToString::to_string),
        found: None,
        instance: request.instance.clone(),
        counter,
        began: None,
        stream: None,
        stored: None,
        closed: false,
        gapless: true,
        exited: false,
        whole: false,
        woodpecker,
    };
    Ok(Reply::of(follow(following).await?))
}

type Events = Pin<Box<dyn Stream<Item = Result<Piece<sse::Event>, Failure>> + Send>>;

/// A step's log that is being followed: over a stream while the step runs, from the stored log once it has ended.
struct Following {
    woodpecker: Arc<Woodpecker>,
    instance: Arc<str>,
    project: String,
    number: u64,
    /// Its name or id, as asked.
    step: Option<String>,
    /// Its id, once the run was read.
    found: Option<String>,
    counter: Counter,
    began: Option<Timestamp>,
    stream: Option<Events>,
    /// The stored log as it is read, once the step has ended as told.
    stored: Option<(Stored, Step)>,
    /// The stream has said that nothing more comes, or that there is nothing to come.
    closed: bool,
    /// Each line that the stream told is the one behind the last, by its own number too: Woodpecker numbers what it sends,
    /// and drops lines for who is slow.
    gapless: bool,
    /// The last line that it told is the step's exit code.
    exited: bool,
    /// It has told all of the log and said so. Without the exit code its end proves nothing: lines may be on their way.
    whole: bool,
}

impl Followed for Following {
    async fn next(&mut self) -> Result<Told, Failure> {
        if let Some((stored, step)) = self.stored.take() {
            return self.rest(stored, step).await;
        }
        let Some(stream) = &mut self.stream else {
            return self.look().await;
        };
        match soon(stream).await {
            Some(Some(Ok(Piece::Item(event)))) => Ok(self.hear(&event)),
            Some(Some(Ok(Piece::Alive))) => Ok(nothing(Then::Now)),
            // Whether the step is at work, or has ended without a word, the run tells.
            None => self.look().await,
            Some(broken) => {
                self.stream = None;
                let ended = || Failure::new(Kind::UpstreamFailed, "the stream ended before the log was whole");
                let failure = broken.and_then(Result::err).unwrap_or_else(ended);
                Err(failure.by(&self.instance))
            }
        }
    }
}

/// What comes within a while; none where nothing does, and then nothing is lost.
async fn soon<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<Option<T>> {
    timeout(QUIET, stream.next()).await.ok()
}

fn nothing(then: Then) -> Told {
    Told { events: vec![], then }
}

impl Following {
    /// Reads the run, and goes on as its step stands.
    async fn look(&mut self) -> Result<Told, Failure> {
        let received = pipeline(&self.woodpecker, &self.project, self.number).await?;
        let run: wire::Pipeline = received.json()?;
        let at_rest = convert::at_rest(&run);
        let jobs = convert::jobs(run.workflows.unwrap_or_default());
        let step = match &self.found {
            Some(id) => again(jobs, id),
            None => find(jobs, self.step.as_deref()),
        };
        let step = step.map_err(|failure| failure.by(&self.instance))?;
        self.found = Some(step.id.clone());
        self.began = began(&step);
        if step.status.has_ended() || at_rest {
            return self.end(step).await;
        }
        if self.stream.is_some() {
            return Ok(nothing(Then::Now));
        }
        // A step's word may come behind its log's end.
        if step.status != RunStatus::Running || std::mem::take(&mut self.closed) {
            return Ok(nothing(Then::Later));
        }
        self.open(&step).await?;
        Ok(nothing(Then::Now))
    }

    async fn open(&mut self, step: &Step) -> Result<(), Failure> {
        let (number, behind) = (self.number.to_string(), self.counter.next());
        let id = self.woodpecker.id(&self.project).await?.to_string();
        let parts = ["stream", "logs", &id, &number, &step.id];
        let mut outgoing = self.woodpecker.endpoint.get(&parts)?.accept("text/event-stream");
        if behind > 0 {
            // Woodpecker counts them from 1.
            outgoing = outgoing.behind(behind);
        }
        let opened = self.woodpecker.endpoint.open(outgoing).await?;
        self.stream = Some(Box::pin(opened.events().value));
        Ok(())
    }

    fn hear(&mut self, event: &sse::Event) -> Told {
        // Earlier versions say the end as an error. What else is one means that there is no stream, mostly because the
        // step has ended meanwhile.
        if matches!(&*event.name, "eof" | "error") {
            (self.stream, self.closed) = (None, true);
            self.whole = event.name == "eof" && self.gapless && self.exited;
            return nothing(Then::Now);
        }
        let seq = event.id.parse().ok().and_then(|id: u64| id.checked_sub(1));
        if seq.is_some_and(|seq| seq < self.counter.next()) {
            // Somebody between us has taken away what we had said of how far we are.
            return nothing(Then::Now);
        }
        let entry: Option<wire::LogEntry> = sse::json(event).ok();
        let line = entry.as_ref().and_then(|entry| entry.line);
        self.gapless &= seq == Some(self.counter.next()) && seq == line;
        self.exited = entry.as_ref().is_some_and(|entry| entry.kind == wire::EXIT_CODE);
        self.counter.skip_to(seq.unwrap_or_default());
        let line = entry.and_then(|entry| convert::line(self.began, entry));
        if line.is_none() {
            tracing::debug!(provider = &*self.instance, "a line of a followed log is left out");
        }
        Told {
            events: count(&mut self.counter, line).into_iter().collect(),
            then: Then::Now,
        }
    }

    /// The rest of the log and its end.
    async fn end(&mut self, step: Step) -> Result<Told, Failure> {
        if self.whole {
            return Ok(over(step));
        }
        let stored = Stored::open(&self.woodpecker, &self.project, self.number, &step).await?;
        self.stored = Some((stored, step));
        Ok(nothing(Then::Now))
    }

    /// The rest of the log, as it is stored. One that breaks off is asked for again, and gone on from the next line.
    async fn rest(&mut self, mut stored: Stored, step: Step) -> Result<Told, Failure> {
        let blame = |failure: Failure| failure.by(&self.instance);
        let Some(rows) = stored.next().await.map_err(blame)? else {
            return Ok(over(step));
        };
        let mut events = vec![];
        for row in rows {
            if row.at >= self.counter.next() {
                events.extend(count(&mut self.counter, row.line));
            }
        }
        self.stored = Some((stored, step));
        Ok(Told {
            events,
            then: Then::Now,
        })
    }
}

/// The end of a log that is whole.
fn over(step: Step) -> Told {
    let end = LogEvent::End {
        status: step.status,
        raw_status: step.raw_status,
    };
    Told {
        events: vec![end],
        then: Then::Over,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_is_not_lost() {
        let late = |after: u64| async move {
            sleep(Duration::from_secs(after)).await;
            after
        };
        let mut stream = Box::pin(stream::iter([3, 25]).then(late));
        let began = Instant::now();
        let mut heard = vec![];
        for _ in 0..5 {
            heard.push(soon(&mut stream).await);
        }
        assert_eq!(heard, [Some(Some(3)), None, None, Some(Some(25)), Some(None)]);
        assert_eq!(began.elapsed().as_secs(), 28);
    }
}
