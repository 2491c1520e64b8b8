//! The requests about the queue: what waits, and the build that came of it.
//!
//! Invariant: a build is the one that was asked for only where Jenkins says so by the queue's number, never by when it began.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};

use super::jobs::ROWS;
use super::names::{self, Build};
use super::{Jenkins, builds, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{QueueItem, QueueList, RunResolve, TriggerOutcome, Triggered};
use crate::providers::ci;
use crate::providers::http::Received;
use crate::providers::{Reply, Request};

/// Builds that are looked through for the one that came of an item that the queue has forgotten, which it does 300 seconds
/// after that has left it. A job that builds more often than once a second is none.
const LOOKED_THROUGH: u32 = 300;
const OF_ANOTHER: &str = "what waits under this number is of another job";
const GONE: &str = "it waits no more, or cannot be taken out of the queue";

pub async fn resolve(jenkins: Arc<Jenkins>, request: Request<RunResolve>) -> Result<Reply<Triggered>, Failure> {
    let Some((project, id)) = names::waiting(&request.native) else {
        let sentence = "pending must be what a trigger has answered as such";
        return Err(Failure::invalid("pending", sentence).never_sent());
    };
    let looked = item(&jenkins, id).await;
    if has_left(&looked, project) {
        jenkins.queued.has_left(project, id);
    }
    match looked {
        Ok((received, item)) if is_of_another(&item, project) => Err(received.failure(Kind::NotFound, OF_ANOTHER)),
        Ok((received, item)) if item.cancelled == Some(true) => {
            Err(received.failure(Kind::NotFound, "there is no run: it was cancelled while it waited"))
        }
        Ok((received, item)) => match item.executable.as_ref().and_then(|executable| executable.number) {
            Some(number) => begun(&jenkins, &request, project, number, id).await,
            None if item.has_left() => left(&jenkins, &request, project, id, pending(&request, &received)).await,
            None => Ok(pending(&request, &received)),
        },
        Err(failure) if failure.kind == Kind::NotFound => found(&jenkins, &request, project, id).await,
        Err(failure) => Err(failure),
    }
}

/// Whether a project's item still waits; if not, it is a build by now, or forgotten.
///
/// # Errors
/// `not_found` where what has its number is of another job; `precondition_failed` where it was cancelled.
pub async fn waits(jenkins: &Jenkins, project: &str, id: u64) -> Result<bool, Failure> {
    match item(jenkins, id).await {
        Ok((received, item)) if is_of_another(&item, project) => Err(received.failure(Kind::NotFound, OF_ANOTHER)),
        Ok((received, item)) if item.cancelled == Some(true) => Err(received.failure(Kind::PreconditionFailed, GONE)),
        Ok((_, item)) => Ok(item.executable.is_none() && !item.has_left()),
        Err(failure) if failure.kind == Kind::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// 422: it has left the queue meanwhile, or may not be taken out of it.
pub fn gone(failure: &Failure) -> Failure {
    let mut refusal = Failure::new(Kind::PreconditionFailed, GONE);
    refusal.provider.clone_from(&failure.provider);
    refusal
}

/// Whether what waits says that it is of another job: numbers begin anew where Jenkins was set up again.
fn is_of_another(item: &wire::Item, project: &str) -> bool {
    let name = item.task.as_ref().and_then(|task| task.full_name.as_deref());
    name.is_some_and(|name| name != project)
}

/// Whether a look at a project's item shows that it waits no more.
fn has_left(looked: &Result<(Received, wire::Item), Failure>, project: &str) -> bool {
    match looked {
        Ok((_, item)) => {
            let ended = item.cancelled == Some(true) || item.executable.is_some() || item.has_left();
            ended || is_of_another(item, project)
        }
        Err(failure) => failure.kind == Kind::NotFound,
    }
}

async fn item(jenkins: &Jenkins, id: u64) -> Result<(Received, wire::Item), Failure> {
    let parts = ["queue", "item", &id.to_string()];
    let received = jenkins.endpoint.send(jenkins.tell(&parts, wire::ITEM)?).await?;
    let item = received.json()?;
    Ok((received, item))
}

/// What is still to come.
fn pending(request: &Request<RunResolve>, received: &Received) -> Reply<Triggered> {
    received.reply(Triggered {
        outcome: TriggerOutcome::Pending,
        run: None,
        pending: Some(Resource::neutral_id(&request.instance, &request.native)),
    })
}

/// The build that came of an item that has left the queue and names none. Where there is none, it begins at this moment, or
/// was deleted: the one lasts for a short while alone.
async fn left(
    jenkins: &Jenkins,
    request: &Request<RunResolve>,
    project: &str,
    item: u64,
    pending: Reply<Triggered>,
) -> Result<Reply<Triggered>, Failure> {
    match found(jenkins, request, project, item).await {
        Err(failure) if failure.kind == Kind::NotFound => match jenkins.left.is_over(project, item) {
            true => Err(failure.saying("it has left the queue, and none of the job's last builds came of it")),
            false => Ok(pending),
        },
        other => other,
    }
}

/// The build of this number, if it came of the item.
async fn begun(
    jenkins: &Jenkins,
    request: &Request<RunResolve>,
    project: &str,
    number: u64,
    item: u64,
) -> Result<Reply<Triggered>, Failure> {
    let build = Build::of("pending", project, number)?;
    let received = builds::read(jenkins, &build).await?;
    let wire: wire::Build = received.json()?;
    if wire.queue_id.is_some_and(|id| id > 0 && id.unsigned_abs() != item) {
        return found(jenkins, request, project, item).await;
    }
    let run = convert::run(&request.instance, project, received.row(false)?);
    Ok(received.reply(Triggered {
        outcome: TriggerOutcome::Started,
        run: Some(run),
        pending: None,
    }))
}

/// The build that came of an item that the queue has forgotten.
async fn found(
    jenkins: &Jenkins,
    request: &Request<RunResolve>,
    project: &str,
    item: u64,
) -> Result<Reply<Triggered>, Failure> {
    let parts = names::job("pending", project)?;
    let tree = format!("allBuilds[{}]{{0,{LOOKED_THROUGH}}}", wire::TRACES);
    let received = jenkins.endpoint.send(jenkins.tell(&parts, &tree)?).await?;
    let below: wire::Below = received.json()?;
    let rows = received.rows_of::<wire::Trace>(&below.all_builds.unwrap_or_default(), false)?;
    let of_item = |build: &wire::Trace| build.queue_id.is_some_and(|id| id > 0 && id.unsigned_abs() == item);
    let Some(build) = rows.into_iter().map(|row| row.wire).find(of_item) else {
        let sentence = "the queue has forgotten it, and none of the job's last builds came of it";
        return Err(received.failure(Kind::NotFound, sentence));
    };
    let build = Build::of("pending", project, build.number)?;
    let run = builds::run(jenkins, &request.instance, &build).await?;
    Ok(received.reply(Triggered {
        outcome: TriggerOutcome::Started,
        run: Some(run),
        pending: None,
    }))
}

/// Jenkins gives the whole queue at once.
pub async fn list(jenkins: Arc<Jenkins>, request: Request<QueueList>) -> Result<Reply<Page<QueueItem>>, Failure> {
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    let tree = format!("items[{}]", wire::ITEM);
    let received = jenkins.endpoint.send(jenkins.tell(&["queue"], &tree)?).await?;
    let queue: wire::Queue = received.json()?;
    let rows = received.rows_of(&queue.items.unwrap_or_default(), request.include_raw)?;
    let items = rows
        .into_iter()
        .map(|row| convert::queued(&request.instance, row))
        .collect();
    Ok(received.reply(ci::part(items, &ROWS, &page)))
}
