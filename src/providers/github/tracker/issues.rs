//! The requests that serve issues.
//!
//! Invariant: an input that GitHub cannot be asked is refused before anything is sent, naming the field.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList};
use crate::providers::github::lookup::{At, Numbered, unsupported};
use crate::providers::github::{GitHub, SIZE, convert, wire};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request, forge, tracker};

/// Words that stand for no account where GitHub lists by whom.
const NOBODY: [&str; 2] = ["none", "*"];

pub async fn list(github: Arc<GitHub>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let repo = At::of("project", &request.native)?;
    let input = &request.input;
    let labels = forge::labels_word(&input.labels)?;
    let assignee = input.assignee.as_deref().map(|name| github.directory.account(name));
    if assignee.is_some_and(|account| NOBODY.contains(&account)) {
        let sentence = "this word means nobody, or everybody, to GitHub, which cannot be asked for such an account";
        return Err(unsupported("assignee", sentence));
    }
    let outgoing = github.endpoint.get(&repo.parts(&["issues"]))?;
    let outgoing = outgoing
        .query("state", forge::state_word(input.state))
        .query_if("labels", labels)
        .query_if("assignee", assignee)
        .query_if("milestone", forge::milestone(input.milestone.as_ref())?)
        .query_if("since", input.updated_since.as_deref());
    // GitHub lists pull requests among the issues. A page that loses all its rows here is still a page.
    let issue = |at: &Arc<str>, row: Row<wire::Issue>| {
        (row.wire.pull_request.is_none()).then(|| convert::issue(at, &request.native, row))
    };
    github.endpoint.page(outgoing, SIZE, &request, issue).await
}

pub async fn get(github: Arc<GitHub>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    let (received, row) = one(&github, &issue, request.include_raw).await?;
    Ok(received.reply(convert::issue(&request.instance, issue.path, row)))
}

/// An issue as it is now.
pub async fn one(
    github: &GitHub,
    issue: &Numbered<'_>,
    include_raw: bool,
) -> Result<(Received, Row<wire::Issue>), Failure> {
    let outgoing = github.endpoint.get(&issue.parts("issues", &[]))?;
    let received = github.endpoint.send(outgoing).await?;
    let row = received.row::<wire::Issue>(include_raw)?;
    match row.wire.pull_request {
        Some(_) => Err(received.failure(Kind::NotFound, "this is a pull request, not an issue")),
        None => Ok((received, row)),
    }
}

pub async fn create(github: Arc<GitHub>, request: Request<IssueCreate>) -> Result<Reply<Issue>, Failure> {
    let repo = At::of("project", &request.native)?;
    let input = &request.input;
    if input.due_on.is_some() {
        return Err(unsupported("due_on", NO_DAY));
    }
    let assignees = github.directory.accounts(&input.assignees);
    let milestone = forge::milestone(input.milestone.as_ref())?;
    let issue = wire::NewIssue {
        title: &input.title,
        body: input.body.as_deref(),
        labels: &input.labels,
        assignees: &assignees,
        milestone,
    };
    let outgoing = github.endpoint.post(&repo.parts(&["issues"]), &issue)?;
    let convert = |at: &Arc<str>, row| convert::issue(at, &request.native, row);
    let mut reply = github.endpoint.answer(outgoing, &request, convert).await?;
    // Without the right to write GitHub passes these over, and says nothing (H15).
    tracker::note_missing(input, &assignees, &mut reply.value);
    Ok(reply)
}

/// Why an issue has no `due_on` here.
pub const NO_DAY: &str = "GitHub knows no day by which an issue shall be done";
