//! The requests that read a build's log: as a whole, and while it is written.
//!
//! Invariant: where a log goes on, Jenkins alone says: it counts the bytes of a file of which it does not give all.

use std::sync::Arc;

use futures_util::Stream;
use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Piece;

use super::names::Build;
use super::{Jenkins, builds};
use crate::catalogue::cicd::{Log, LogEvent, LogFollow, LogGet};
use crate::providers::ci::{self, Followed, Growing, Then, Told, stdout};
use crate::providers::http::Received;
use crate::providers::{Reply, Request};

/// Where the log goes on.
const SIZE: &str = "x-text-size";
/// It is there while more is to come.
const MORE: &str = "x-more-data";

pub async fn get(jenkins: Arc<Jenkins>, request: Request<LogGet>) -> Result<Reply<Log>, Failure> {
    whole(request.input.step.as_deref())?;
    let build = Build::named("run", &request.native)?;
    let outgoing = jenkins
        .endpoint
        .get(&build.parts(&["consoleText"]))?
        .accept("text/plain");
    let received = jenkins.endpoint.send(outgoing).await?;
    Ok(received.reply(Log {
        run: Resource::neutral_id(&request.instance, &request.native),
        step: None,
        lines: ci::lines(ci::bounded(received.bytes())?),
        raw: None,
    }))
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
    Build::named("run", &request.native)?;
    let following = Following {
        run: request.native.clone(),
        instance: request.instance.clone(),
        log: Growing::behind(request.input.after),
        start: 0,
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
}

impl Followed for Following {
    async fn next(&mut self) -> Result<Told, Failure> {
        let run = self.run.clone();
        let build = Build::named("run", &run)?;
        let received = self.piece(&build).await?;
        let size = received.header(SIZE).and_then(|size| size.trim().parse::<u64>().ok());
        let Some(size) = size else {
            return Err(received.unusable("the answer does not say where the log goes on"));
        };
        let mut events = vec![];
        if size < self.start {
            // Jenkins has begun at the beginning again, since the log is shorter than it was.
            events.push(self.log.replaced());
        }
        self.start = size;
        events.extend(self.log.more(ci::bounded(received.bytes())?, stdout));
        if received.header(MORE) == Some("true") {
            return Ok(Told {
                events,
                then: Then::Later,
            });
        }
        self.ended(&build, events).await
    }
}

impl Following {
    async fn piece(&self, build: &Build<'_>) -> Result<Received, Failure> {
        let parts = build.parts(&["logText", "progressiveText"]);
        let outgoing = self.jenkins.endpoint.get(&parts)?.accept("text/plain");
        let outgoing = outgoing.query("start", self.start.to_string());
        self.jenkins.endpoint.send(outgoing).await
    }

    /// A log that is whole ends once its build has.
    async fn ended(&mut self, build: &Build<'_>, mut events: Vec<LogEvent>) -> Result<Told, Failure> {
        let run = match builds::run(&self.jenkins, &self.instance, build).await {
            Ok(run) if run.status.has_ended() => run,
            // What has come is told first; the build is asked for again behind that.
            Err(failure) if !failure.retryable || events.is_empty() => return Err(failure),
            Ok(_) | Err(_) => {
                return Ok(Told {
                    events,
                    then: Then::Later,
                });
            }
        };
        events.extend(self.log.rest(stdout));
        events.push(LogEvent::End {
            status: run.status,
            raw_status: run.raw_status,
        });
        Ok(Told {
            events,
            then: Then::Over,
        })
    }
}
