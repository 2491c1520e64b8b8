//! The requests that serve issues.
//!
//! Invariant: an input that GitHub cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::{GitHub, SIZE, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList};
use crate::providers::forge;
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn list(github: Arc<GitHub>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let labels = forge::labels_word(&input.labels)?;
    let outgoing = github.endpoint.get(&["repos", owner, name, "issues"])?;
    let outgoing = outgoing
        .query("state", forge::state_word(input.state))
        .query_if("labels", labels)
        .query_if("assignee", input.assignee.as_deref())
        .query_if(
            "milestone",
            forge::milestone(input.milestone.as_ref())?.map(|id| id.to_string()),
        )
        .query_if("since", input.updated_since.as_deref());
    // GitHub lists pull requests among the issues. A page that loses all its rows here is still a page.
    let issue = |at: &Arc<str>, row: Row<wire::Issue>| {
        (row.wire.pull_request.is_none()).then(|| convert::issue(at, &request.native, row))
    };
    github.endpoint.page(outgoing, SIZE, &request, issue).await
}

pub async fn get(github: Arc<GitHub>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let (path, number) = forge::numbered(&request.native)?;
    let (owner, name) = forge::project("issue", path)?;
    let outgoing = github
        .endpoint
        .get(&["repos", owner, name, "issues", &number.to_string()])?;
    let received = github.endpoint.send(outgoing).await?;
    let row = received.row::<wire::Issue>(request.include_raw)?;
    if row.wire.pull_request.is_some() {
        return Err(received.failure(Kind::NotFound, "this is a pull request, not an issue"));
    }
    Ok(received.reply(convert::issue(&request.instance, path, row)))
}

pub async fn create(github: Arc<GitHub>, request: Request<IssueCreate>) -> Result<Reply<Issue>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    if request.input.due_on.is_some() {
        let sentence = "this provider knows no day by which an issue shall be done";
        return Err(Failure::unsupported_field("due_on", sentence).never_sent());
    }
    let issue = wire::NewIssue {
        title: &request.input.title,
        body: request.input.body.as_deref(),
        labels: &request.input.labels,
        assignees: &request.input.assignees,
        milestone: forge::milestone(request.input.milestone.as_ref())?,
    };
    let outgoing = github.endpoint.post(&["repos", owner, name, "issues"], &issue)?;
    let convert = |at: &Arc<str>, row| convert::issue(at, &request.native, row);
    github.endpoint.answer(outgoing, &request, convert).await
}
