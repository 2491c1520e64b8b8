//! The requests that serve issues.
//!
//! Invariant: nothing is written before every label of it is known, and no label that there is not lists everything.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::names::{found, label_ids};
use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList, IssueListInput};
use crate::providers::gitea::lookup::{Place, numbered};
use crate::providers::gitea::refusal::{Says, blaming, is, told};
use crate::providers::gitea::{Gitea, convert, pages, wire};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request, forge, tracker};

pub async fn list(gitea: Arc<Gitea>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let labels = forge::labels_word(&input.labels)?;
    let milestone = forge::milestone(input.milestone.as_ref())?.map(|id| id.to_string());
    // What there is not Gitea leaves out of the question (GT23). Behind the first page that was looked up.
    if request.cursor().is_none() {
        let known = found(&gitea.endpoint, owner, name, &input.labels).await?;
        if input.labels.iter().any(|label| !known.contains_key(&**label)) {
            return Ok(Reply::of(Page::new(vec![], None)));
        }
        if let Some(id) = milestone.as_deref() {
            is_there(&gitea, (owner, name), id).await?;
        }
    }
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "issues"])?;
    let outgoing = outgoing
        // Without it pull requests are listed too.
        .query("type", "issues")
        .query("state", forge::state_word(input.state))
        .query_if("labels", labels)
        .query_if(
            "assigned_by",
            input.assignee.as_deref().map(|name| gitea.directory.account(name)),
        )
        .query_if("milestones", milestone)
        .query_if("since", input.updated_since.as_deref());
    let part = outgoing.part(pages::SIZE, request.limit(), request.cursor());
    let received = match gitea.endpoint.send(part).await {
        // A project without issues is not found as well.
        Err(failure) if is(&failure, &[404]) && input.assignee.is_some() || is_of_assignee(input, &failure) => {
            return Err(nobody(&gitea, (owner, name), failure).await);
        }
        sent => sent?,
    };
    let rows = received.rows::<wire::Issue>(request.include_raw)?;
    let issues = rows
        .into_iter()
        .filter(|row| row.wire.pull_request.is_none())
        .map(|row| convert::issue(&request.instance, &request.native, row))
        .filter(|issue| is_asked_for(input, issue));
    let mut page = pages::page(&received, issues.collect());
    if !input.labels.is_empty() || input.milestone.is_some() {
        // Its total counts what was filtered out here, too.
        page.total = None;
    }
    Ok(received.reply(page))
}

/// Whether 422 can be of nothing but the assignee: it is the word for every filter that is not understood.
fn is_of_assignee(input: &IssueListInput, failure: &Failure) -> bool {
    let alone = input.labels.is_empty() && input.milestone.is_none() && input.updated_since.is_none();
    input.assignee.is_some() && alone && is(failure, &[422])
}

/// Of labels that an organisation shares Gitea lists what carries any, and more.
fn is_asked_for(input: &IssueListInput, issue: &Issue) -> bool {
    let carries = |label: &str| issue.labels.iter().any(|its| its == label);
    let belongs = |id: &str| issue.milestone.as_ref().is_some_and(|its| its.id == id);
    input.labels.iter().all(|label| carries(label)) && input.milestone.as_deref().is_none_or(belongs)
}

/// What it means that issues of somebody's are not found: that the repository is not there or keeps none, or that nobody is
/// called so.
async fn nobody(gitea: &Gitea, place: Place<'_>, failure: Failure) -> Failure {
    match gitea.repo(place).await {
        Ok(repo) if repo.has_issues == Some(false) => failure,
        Ok(_) => {
            let sentence = "assignee has no account there";
            blaming(&failure, Kind::InvalidInput, "assignee", sentence)
        }
        Err(absent) if absent.kind == Kind::NotFound => absent,
        Err(_) => failure,
    }
}

/// Refuses a milestone that there is not.
async fn is_there(gitea: &Gitea, (owner, name): Place<'_>, id: &str) -> Result<(), Failure> {
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "milestones", id])?;
    match gitea.endpoint.send(outgoing).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.kind == Kind::NotFound => {
            let sentence = "milestone is none of the project's";
            Err(blaming(&failure, Kind::InvalidInput, "milestone", sentence).never_sent())
        }
        Err(failure) => Err(failure),
    }
}

pub async fn get(gitea: Arc<Gitea>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let (path, place, number) = numbered("issue", &request.native)?;
    let (received, row) = one(&gitea, place, &number, request.include_raw).await?;
    Ok(received.reply(convert::issue(&request.instance, path, row)))
}

/// An issue as it is now.
pub async fn one(
    gitea: &Gitea,
    (owner, name): Place<'_>,
    number: &str,
    include_raw: bool,
) -> Result<(Received, Row<wire::Issue>), Failure> {
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "issues", number])?;
    let received = gitea.endpoint.send(outgoing).await?;
    let row = received.row::<wire::Issue>(include_raw)?;
    match row.wire.pull_request {
        Some(_) => Err(received.failure(Kind::NotFound, "this is a pull request, not an issue")),
        None => Ok((received, row)),
    }
}

pub async fn create(gitea: Arc<Gitea>, request: Request<IssueCreate>) -> Result<Reply<Issue>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    // Whatever fails here, the issue was not sent, and the whole may be repeated.
    let labels = label_ids(&gitea.endpoint, owner, name, &input.labels)
        .await
        .map_err(|failure| failure.by(&request.instance).never_sent())?;
    let assignees = gitea.directory.accounts(&input.assignees);
    let milestone = forge::milestone(input.milestone.as_ref())?;
    let issue = wire::NewIssue {
        title: &input.title,
        body: input.body.as_deref(),
        labels,
        assignees: &assignees,
        milestone,
        due_date: input.due_on.as_deref().map(tracker::noon),
    };
    let outgoing = gitea.endpoint.post(&["repos", owner, name, "issues"], &issue)?;
    let convert = |at: &Arc<str>, row| convert::issue(at, &request.native, row);
    let answered = gitea.endpoint.answer(outgoing, &request, convert).await;
    let mut reply = answered.map_err(no_account)?;
    // Without the right to write Gitea passes these over, and says nothing (GT25).
    tracker::note_missing(input, &assignees, &mut reply.value);
    Ok(reply)
}

/// The failure, where it says that somebody has no account there.
fn no_account(failure: Failure) -> Failure {
    match told(&failure).is_some_and(|told| told.says == Says::NoAssignee) {
        true => {
            let sentence = "assignees names somebody who has no account there, or cannot be assigned";
            blaming(&failure, Kind::InvalidInput, "assignees", sentence)
        }
        false => failure,
    }
}
