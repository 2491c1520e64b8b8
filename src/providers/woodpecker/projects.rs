//! The requests about projects: their list, their secrets, and the queue.
//!
//! Invariant: a secret's value is sent once, to the repository that was named, and is in no answer.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use url::form_urlencoded::parse;

use super::runs::ROWS;
use super::{Woodpecker, blaming, convert, names, wire};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Pipeline, PipelineList, QueueItem, QueueList, RunStatus, SecretPut, SecretWritten};
use crate::providers::ci;
use crate::providers::http::pages::NumberedPage;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// What is preselected for a new secret on Woodpecker's own pages.
const USUAL_EVENT: &str = "push";

/// Marks the cursors of the list that is a user's own.
const OWN: (&str, &str) = ("of", "user");

pub async fn pipeline_list(
    woodpecker: Arc<Woodpecker>,
    request: Request<PipelineList>,
) -> Result<Reply<Page<Pipeline>>, Failure> {
    if request.input.project.is_some() {
        let project = names::project("project", &request.native)?;
        ROWS.page(&[], request.limit(), request.cursor())?;
        let received = woodpecker.repo(project).await?;
        let row: Row<wire::Repo> = received.row(request.include_raw)?;
        woodpecker.ids.remember(project, row.wire.id);
        let found = convert::project(&request.instance, row);
        return Ok(received.reply(Page::new(found.into_iter().collect(), None)));
    }
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    if is_own(&page) {
        return own(&woodpecker, &request, &page).await;
    }
    let outgoing = woodpecker.endpoint.get(&["repos"])?.continued(&page.query);
    match woodpecker.endpoint.send(outgoing.query("active", "true")).await {
        Ok(received) => {
            let rows = received.rows(request.include_raw)?;
            let next = (rows.len() as u64 + u64::from(received.skipped()) >= page.size).then(|| ROWS.after(&page));
            let items = known(&woodpecker, &request, &received, rows);
            Ok(received.reply(Page::new(items, next)))
        }
        // All repositories are shown to administrators only.
        Err(failure) if matches!(failure.kind, Kind::Forbidden | Kind::NotFound) && request.cursor().is_none() => {
            let page = ROWS.page(&[OWN], request.limit(), None)?;
            own(&woodpecker, &request, &page).await
        }
        Err(failure) => Err(failure),
    }
}

fn is_own(page: &NumberedPage) -> bool {
    parse(page.query.as_bytes()).any(|(name, value)| (&*name, &*value) == OWN)
}

/// The active repositories of the credential's user, which Woodpecker gives all at once.
async fn own(
    woodpecker: &Woodpecker,
    request: &Request<PipelineList>,
    page: &NumberedPage,
) -> Result<Reply<Page<Pipeline>>, Failure> {
    let received = woodpecker
        .endpoint
        .send(woodpecker.endpoint.get(&["user", "repos"])?)
        .await?;
    let rows = received.rows(request.include_raw)?;
    let items = known(woodpecker, request, &received, rows);
    Ok(received.reply(ci::part(items, &ROWS, page)))
}

/// The rows as pipelines, and their ids remembered.
fn known(
    woodpecker: &Woodpecker,
    request: &Request<PipelineList>,
    received: &Received,
    rows: Vec<Row<wire::Repo>>,
) -> Vec<Pipeline> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.wire.id;
        match convert::project(&request.instance, row) {
            Some(pipeline) => {
                woodpecker.ids.remember(&pipeline.project, id);
                found.push(pipeline);
            }
            None => received.skip("a repository has no name"),
        }
    }
    found
}

/// Woodpecker has one request that changes a secret and another that makes one, and answers a second making with 500.
pub async fn secret_put(
    woodpecker: Arc<Woodpecker>,
    request: Request<SecretPut>,
) -> Result<Reply<SecretWritten>, Failure> {
    let project = names::project("project", &request.native)?;
    let input = &*request.input;
    let events: Vec<&str> = input.events.iter().map(|event| &**event).collect();
    let value = input.value.expose();
    let changed = wire::Secret {
        name: None,
        value,
        events: &events,
    };
    let change = || {
        woodpecker.in_repo(project, |id| {
            woodpecker
                .endpoint
                .patch(&["repos", id, "secrets", &input.name], &changed)
        })
    };
    let (received, created) = match change().await {
        Err(failure) if failure.kind == Kind::NotFound => {
            let usual = [USUAL_EVENT];
            let made = wire::Secret {
                name: Some(&input.name),
                value,
                events: if events.is_empty() { &usual } else { &events },
            };
            let make = woodpecker.in_repo(project, |id| woodpecker.endpoint.post(&["repos", id, "secrets"], &made));
            match make.await {
                // Somebody may have been faster.
                Err(failure) if failure.kind == Kind::UpstreamFailed => (change().await.map_err(|_| failure), false),
                made => (made, true),
            }
        }
        changed => (changed, false),
    };
    let received = received.map_err(|failure| match events.is_empty() {
        true => failure,
        false => blaming(failure, "events", "events holds one that Woodpecker does not know"),
    })?;
    // It is written, whatever the answer to it looks like.
    let named: Option<wire::Named> = received.json().ok();
    Ok(received.reply(SecretWritten {
        name: named.map_or_else(|| input.name.to_string(), |named| named.name),
        created: Some(created),
    }))
}

/// Woodpecker gives the whole queue at once, to administrators only.
pub async fn queue_list(
    woodpecker: Arc<Woodpecker>,
    request: Request<QueueList>,
) -> Result<Reply<Page<QueueItem>>, Failure> {
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    let outgoing = woodpecker.endpoint.get(&["queue", "info"])?;
    let received = woodpecker.endpoint.send(outgoing).await?;
    let info: wire::QueueInfo = received.json()?;
    let paused = info.paused.then_some("the queue is paused");
    let mut items = vec![];
    for (tasks, status, reason) in [
        (info.running, RunStatus::Running, None),
        (info.pending, RunStatus::Queued, paused),
        (
            info.waiting_on_deps,
            RunStatus::Queued,
            Some("it waits for others of its run"),
        ),
    ] {
        let rows = received.rows_of::<wire::Task>(&tasks.unwrap_or_default(), request.include_raw)?;
        let rows = rows.into_iter();
        items.extend(rows.map(|row| convert::queued(&request.instance, row, status, reason)));
    }
    Ok(received.reply(ci::part(items, &ROWS, &page)))
}
