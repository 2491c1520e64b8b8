//! The requests that serve labels.
//!
//! Invariant: an issue that shall carry no label is asked to carry none, never an empty list of them.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::issues;
use crate::catalogue::Page;
use crate::catalogue::projects::{IssueLabels, Label, LabelCreate, LabelList, LabelSet};
use crate::providers::github::lookup::{At, Numbered, named};
use crate::providers::github::{GitHub, SIZE, convert, wire};
use crate::providers::{Reply, Request, tracker};

pub async fn list(github: Arc<GitHub>, request: Request<LabelList>) -> Result<Reply<Page<Label>>, Failure> {
    let repo = At::of("project", &request.native)?;
    let outgoing = github.endpoint.get(&repo.parts(&["labels"]))?;
    let label = |_: &Arc<str>, row| Some(convert::label(row));
    github.endpoint.page(outgoing, SIZE, &request, label).await
}

pub async fn create(github: Arc<GitHub>, request: Request<LabelCreate>) -> Result<Reply<Label>, Failure> {
    let repo = At::of("project", &request.native)?;
    let input = &request.input;
    let label = wire::NewLabel {
        name: &input.name,
        color: input.color.as_deref().map(|colour| colour.trim_start_matches('#')),
        description: input.description.as_deref(),
    };
    let outgoing = github.endpoint.post(&repo.parts(&["labels"]), &label)?;
    github
        .endpoint
        .answer(outgoing, &request, |_, row| convert::label(row))
        .await
}

pub async fn set(github: Arc<GitHub>, request: Request<LabelSet>) -> Result<Reply<IssueLabels>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    let asked = &request.input.labels;
    let (_, row) = issues::one(&github, &issue, false).await.map_err(Failure::never_sent)?;
    let id = convert::issue(&request.instance, issue.path, row).id;
    let parts = issue.parts("issues", &["labels"]);
    if asked.is_empty() {
        let received = github.endpoint.send(github.endpoint.delete(&parts)?).await?;
        return Ok(received.reply(IssueLabels { id, labels: vec![] }));
    }
    let body = wire::Labels { labels: asked };
    let received = github.endpoint.send(github.endpoint.put(&parts, &body)?).await?;
    let rows = received.rows::<wire::Label>(false)?;
    let labels = convert::labels(rows.into_iter().map(|row| row.wire).collect());
    if tracker::lacks(asked.iter().map(|label| &**label), &labels) {
        let sentence = "labels names one that GitHub passes over";
        return Err(named(received.failure(Kind::InvalidInput, sentence), "labels"));
    }
    Ok(received.reply(IssueLabels { id, labels }))
}
