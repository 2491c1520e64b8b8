//! The requests that read a build's log: as a whole, and while it is written.
//!
//! Invariant: where a log goes on, Jenkins alone says: it counts the bytes of a file of which it does not give all.

use std::sync::Arc;

use futures_util::Stream;
use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Piece;

use super::names::Build;
use super::{Jenkins, builds, standing};
use crate::catalogue::cicd::{Log, LogEvent, LogFollow, LogGet};
use crate::providers::ci::{self, Followed, Growing, Then, Told, stdout};
use crate::providers::http::Pieces;
use crate::providers::{Reply, Request};

/// Where the log goes on.
const SIZE: &str = "x-text-size";
/// It is there while more is to come.
const MORE: &str = "x-more-data";

pub async fn get(jenkins: Arc<Jenkins>, request: Request<LogGet>) -> Result<Reply<Log>, Failure> {
    whole(request.input.step.as_deref())?;
    let native = standing::native(&jenkins, &request).await?;
    let build = Build::named("run", &native)?;
    let outgoing = jenkins
        .endpoint
        .get(&build.parts(&["consoleText"]))?
        .accept("text/plain");
    let text = jenkins.endpoint.open(outgoing).await?.pieces()?;
    let held = ci::held(text.value, request.input.after, stdout).await?;
    Ok(Reply {
        value: held.log(Resource::neutral_id(&request.instance, &native), None),
        upstream_request_id: text.upstream_request_id,
        skipped: 0,
    })
}

fn whole(step: Option<&str>) -> Result<(), Failure> {
    match step {
        None => Ok(()),
        Some(_) => {
            let sentence = "this provider keeps one log for a whole run";
            Err(Failure::unsupported_field("step", sentence).never_sent())
        }
    }
}

pub async fn follow(
    jenkins: Arc<Jenkins>,
    request: Request<LogFollow>,
) -> Result<Reply<impl Stream<Item = Result<Piece<LogEvent>, Failure>> + Send + 'static>, Failure> {
    whole(request.input.step.as_deref())?;
    let run = standing::native(&jenkins, &request).await?;
    Build::named("run", &run)?;
    let following = Following {
        run,
        instance: request.instance.clone(),
        log: Growing::behind(request.input.after, stdout),
        start: 0,
        part: None,
        jenkins,
    };
    Ok(Reply::of(ci::follow(following).await?))
}

/// A build's log that is being followed.
struct Following {
    jenkins: Arc<Jenkins>,
    instance: Arc<str>,
    run: Arc<str>,
    log: Growing,
    /// Where it goes on, as Jenkins has said.
    start: u64,
    /// The part from there on, as it is read.
    part: Option<Part>,
}

/// A part of a log: as much as there was when it was asked for.
struct Part {
    text: Pieces,
    /// Where the log goes on behind it.
    end: u64,
    /// More is to come.
    more: bool,
}

impl Followed for Following {
    async fn next(&mut self) -> Result<Told, Failure> {
        let Some(mut part) = self.part.take() else {
            return self.look().await;
        };
        // One that breaks off is asked for again, from where it began.
        match part.text.next().await? {
            Some(piece) => {
                self.part = Some(part);
                Ok(now(self.log.more(&piece)))
            }
            None => self.read(part.end, part.more).await,
        }
    }
}

fn now(events: Vec<LogEvent>) -> Told {
    Told {
        events,
        then: Then::Now,
    }
}

impl Following {
    /// Asks for the part that comes next.
    async fn look(&mut self) -> Result<Told, Failure> {
        let run = self.run.clone();
        let build = Build::named("run", &run)?;
        let parts = build.parts(&["logText", "progressiveText"]);
        let outgoing = self.jenkins.endpoint.get(&parts)?.accept("text/plain");
        let outgoing = outgoing.query("start", self.start.to_string());
        let opened = self.jenkins.endpoint.open(outgoing).await?;
        let size = opened.header(SIZE).and_then(|size| size.trim().parse::<u64>().ok());
        let Some(end) = size else {
            return Err(opened.unusable("the answer does not say where the log goes on"));
        };
        let mut events = vec![];
        if end < self.start {
            // Jenkins has begun at the beginning again, since the log is shorter than it was.
            events.push(self.replaced());
        }
        self.log.again();
        self.part = Some(Part {
            end,
            more: opened.header(MORE) == Some("true"),
            text: opened.pieces()?.value,
        });
        Ok(now(events))
    }

    fn replaced(&mut self) -> LogEvent {
        self.start = 0;
        self.log.replaced()
    }

    /// A part was read to its end.
    async fn read(&mut self, end: u64, more: bool) -> Result<Told, Failure> {
        if self.log.is_short() {
            return Ok(now(vec![self.replaced()]));
        }
        // What is said to be at the same place comes once more, and is told once.
        if end > self.start {
            self.start = end;
            self.log.mark();
        }
        if more {
            return Ok(Told {
                events: vec![],
                then: Then::Later,
            });
        }
        let run = self.run.clone();
        self.ended(&Build::named("run", &run)?).await
    }

    /// A log that is whole ends once its build has.
    async fn ended(&mut self, build: &Build<'_>) -> Result<Told, Failure> {
        let run = builds::run(&self.jenkins, &self.instance, build).await?;
        if !run.status.has_ended() {
            return Ok(Told {
                events: vec![],
                then: Then::Later,
            });
        }
        let rest = self.log.rest();
        let end = LogEvent::End {
            status: run.status,
            raw_status: run.raw_status,
        };
        Ok(Told {
            events: rest.into_iter().chain([end]).collect(),
            then: Then::Over,
        })
    }
}
