//! The requests that serve labels.
//!
//! Invariant: Gitea is given ids, and none is made of a name that there is not.

use std::collections::HashMap;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::issues::one;
use super::names::{find_labels, label_ids};
use crate::catalogue::Page;
use crate::catalogue::projects::{IssueLabels, Label, LabelCreate, LabelList, LabelSet};
use crate::providers::gitea::lookup::numbered;
use crate::providers::gitea::{Gitea, convert, pages, wire};
use crate::providers::{Reply, Request, forge, tracker};

/// The colour of a label that nobody gave one: Gitea wants one.
const GREY: &str = "#ededed";

pub async fn list(gitea: Arc<Gitea>, request: Request<LabelList>) -> Result<Reply<Page<Label>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let parts = ["repos", owner, name, "labels"];
    let label = |_: &Arc<str>, row| Some(convert::label(row));
    pages::list(&gitea, &parts, &[], &request, label).await
}

pub async fn create(gitea: Arc<Gitea>, request: Request<LabelCreate>) -> Result<Reply<Label>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let parts = ["repos", owner, name, "labels"];
    // Gitea makes as many of one name as are asked for.
    let (mut known, names) = (HashMap::new(), std::slice::from_ref(&input.name));
    let looked = find_labels(&gitea.endpoint, &parts, names, &mut known).await;
    looked.map_err(Failure::never_sent)?;
    if !known.is_empty() {
        let mut failure = Failure::new(Kind::Conflict, "name exists already").by(&request.instance);
        failure.field = Some("name".into());
        return Err(failure.never_sent());
    }
    let label = wire::NewLabel {
        name: &input.name,
        color: input.color.as_deref().unwrap_or(GREY),
        description: input.description.as_deref(),
    };
    let outgoing = gitea.endpoint.post(&parts, &label)?;
    gitea
        .endpoint
        .answer(outgoing, &request, |_, row| convert::label(row))
        .await
}

pub async fn set(gitea: Arc<Gitea>, request: Request<LabelSet>) -> Result<Reply<IssueLabels>, Failure> {
    let (path, place, number) = numbered("issue", &request.native)?;
    let (owner, name) = place;
    let asked = &request.input.labels;
    let before = one(&gitea, place, &number, false).await;
    let (_, row) = before.map_err(Failure::never_sent)?;
    let id = convert::issue(&request.instance, path, row).id;
    let parts = ["repos", owner, name, "issues", &number, "labels"];
    if asked.is_empty() {
        let received = gitea.endpoint.send(gitea.endpoint.delete(&parts)?).await?;
        return Ok(received.reply(IssueLabels { id, labels: vec![] }));
    }
    let ids = label_ids(&gitea.endpoint, owner, name, asked)
        .await
        .map_err(|failure| failure.by(&request.instance).never_sent())?;
    let body = wire::LabelIds { labels: ids };
    let received = gitea.endpoint.send(gitea.endpoint.put(&parts, &body)?).await?;
    let rows = received.rows::<wire::Label>(false)?;
    let labels: Vec<String> = rows.into_iter().map(|row| row.wire.name).collect();
    // What it does not take it passes over (GT24).
    if tracker::lacks(asked.iter().map(|label| &**label), &labels) {
        let mut failure = received.failure(Kind::InvalidInput, "labels names one that Gitea passes over");
        failure.field = Some("labels".into());
        return Err(failure);
    }
    Ok(received.reply(IssueLabels { id, labels }))
}
