//! The requests that serve labels.
//!
//! Invariant: labels are one text with commas between them, and a name that holds one is refused.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::Page;
use crate::catalogue::fields::Name;
use crate::catalogue::projects::{IssueLabels, Label, LabelCreate, LabelList, LabelSet};
use crate::providers::gitlab::{GitLab, convert, ids, wire};
use crate::providers::{Reply, Request, forge, tracker};

/// The colour of a label that nobody gave one: GitLab wants one.
const GREY: &str = "#ededed";

/// Labels as GitLab is told them; an empty text stands for none.
pub fn word(labels: &[Name]) -> Result<String, Failure> {
    Ok(forge::labels_word(labels)?.unwrap_or_default())
}

pub async fn list(gitlab: Arc<GitLab>, request: Request<LabelList>) -> Result<Reply<Page<Label>>, Failure> {
    let path = ids::project("project", &request.native)?;
    let outgoing = gitlab.get(&["projects", path, "labels"])?;
    gitlab.list(outgoing, &request, |_, row| convert::label(row)).await
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<LabelCreate>) -> Result<Reply<Label>, Failure> {
    let path = ids::project("project", &request.native)?;
    let input = &request.input;
    if input.name.contains(',') {
        let sentence = "GitLab separates labels by commas and has none whose name holds one";
        return Err(Failure::unsupported_field("name", sentence).never_sent());
    }
    let label = wire::NewLabel {
        name: &input.name,
        color: input.color.as_deref().unwrap_or(GREY),
        description: input.description.as_deref(),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "labels"], &label)?;
    gitlab
        .endpoint
        .answer(outgoing, &request, |_, row| convert::label(row))
        .await
}

pub async fn set(gitlab: Arc<GitLab>, request: Request<LabelSet>) -> Result<Reply<IssueLabels>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let asked = &request.input.labels;
    let change = wire::IssueChange {
        labels: Some(word(asked)?),
        ..wire::IssueChange::default()
    };
    let outgoing = gitlab.with(Method::PUT, &["projects", path, "issues", &iid], &change)?;
    let received = gitlab.endpoint.send(outgoing).await?;
    let issue = convert::issue(&request.instance, path, received.row(false)?);
    let spare = tracker::lacks(issue.labels.iter().map(String::as_str), &names(asked));
    if spare || tracker::lacks(names(asked), &issue.labels) {
        let sentence = "labels cannot be set there: GitLab passes over one of them, or the right is lacking";
        let mut failure = received.failure(Kind::InvalidInput, sentence);
        failure.field = Some("labels".into());
        return Err(failure);
    }
    Ok(received.reply(IssueLabels {
        id: issue.id,
        labels: issue.labels,
    }))
}

fn names(labels: &[Name]) -> Vec<&str> {
    labels.iter().map(|label| &**label).collect()
}
