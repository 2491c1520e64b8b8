//! The requests that serve issues.
//!
//! Invariant: each list says which states and whose issues it wants: GitLab's own choice is another (GL14).

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::{accounts, labels};
use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueCreate, IssueGet, IssueList, StateFilter};
use crate::providers::gitlab::asked::{SIZE, means};
use crate::providers::gitlab::{GitLab, convert, ids, quick, wire};
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request, forge, tracker};

/// GitLab's word for the states that are asked for.
pub fn state_word(state: StateFilter) -> &'static str {
    match state {
        StateFilter::Open => "opened",
        StateFilter::Closed => "closed",
        StateFilter::All => "all",
    }
}

pub async fn list(gitlab: Arc<GitLab>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let path = ids::project("project", &request.native)?;
    let input = &request.input;
    let labels = forge::labels_word(&input.labels)?;
    let mut outgoing = gitlab
        .get(&["projects", path, "issues"])?
        .query("scope", "all")
        .query("state", state_word(input.state))
        .query_if("labels", labels)
        .query_if(
            "assignee_username",
            input.assignee.as_deref().map(|name| gitlab.directory.account(name)),
        )
        .query_if("updated_after", input.updated_since.as_deref());
    let milestone = forge::milestone(input.milestone.as_ref())?.map(|id| id.to_string());
    // A list takes a milestone's title; behind the first page the cursor holds it.
    if let Some(id) = milestone.as_deref().filter(|_| request.cursor().is_none()) {
        outgoing = outgoing.query("milestone", title_of(&gitlab, path, id).await?);
    }
    // Titles of milestones may be alike in a group and in its projects.
    let issue = |at: &Arc<str>, row: Row<wire::Issue>| {
        let issue = convert::issue(at, path, row);
        let belongs = |id: &str| issue.milestone.as_ref().is_some_and(|its| its.id == id);
        milestone.as_deref().is_none_or(belongs).then_some(issue)
    };
    gitlab.endpoint.page(outgoing, SIZE, &request, issue).await
}

/// What a milestone is called.
async fn title_of(gitlab: &GitLab, path: &str, id: &str) -> Result<String, Failure> {
    let outgoing = gitlab.get(&["projects", path, "milestones", id])?;
    match gitlab.endpoint.send(outgoing).await {
        Ok(received) => Ok(received.row::<wire::Milestone>(false)?.wire.title),
        Err(failure) if failure.kind == Kind::NotFound => {
            let sentence = "milestone is none of the project's";
            Err(means(&failure, Kind::InvalidInput, Some("milestone"), sentence).never_sent())
        }
        Err(failure) => Err(failure),
    }
}

pub async fn get(gitlab: Arc<GitLab>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let (received, row) = one(&gitlab, path, &iid, request.include_raw).await?;
    Ok(received.reply(convert::issue(&request.instance, path, row)))
}

/// An issue as it is now.
pub async fn one(
    gitlab: &GitLab,
    path: &str,
    iid: &str,
    include_raw: bool,
) -> Result<(Received, Row<wire::Issue>), Failure> {
    let outgoing = gitlab.get(&["projects", path, "issues", iid])?;
    let received = gitlab.endpoint.send(outgoing).await?;
    let row = received.row(include_raw)?;
    Ok((received, row))
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<IssueCreate>) -> Result<Reply<Issue>, Failure> {
    let path = ids::project("project", &request.native)?;
    let input = &request.input;
    let labels = labels::word(&input.labels)?;
    let milestone = forge::milestone(input.milestone.as_ref())?;
    let people = gitlab.directory.accounts(&input.assignees);
    let assignees = accounts::numbers(&gitlab, &people).await?;
    let issue = wire::IssueChange {
        title: Some(&input.title),
        description: input.body.as_deref().map(quick::inert),
        labels: (!input.labels.is_empty()).then_some(labels),
        assignee_ids: (!assignees.is_empty()).then_some(assignees),
        milestone_id: milestone,
        due_date: input.due_on.as_deref(),
        ..wire::IssueChange::default()
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "issues"], &issue)?;
    let convert = |at: &Arc<str>, row| convert::issue(at, path, row);
    let mut reply = gitlab.endpoint.answer(outgoing, &request, convert).await?;
    // Without the right to set these, or the licence for more than one person, they are passed over.
    tracker::note_missing(input, &people, &mut reply.value);
    Ok(reply)
}
