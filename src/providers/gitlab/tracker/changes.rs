//! The requests that change an issue.
//!
//! Invariant: what is cleared is said in the form in which GitLab clears it (GL27).

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::issues::one;
use crate::catalogue::op::Op;
use crate::catalogue::outcome::Deleted;
use crate::catalogue::projects::{
    Clearable, Issue, IssueClose, IssueDelete, IssueLock, IssueLocked, IssueReopen, IssueUpdate,
};
use crate::providers::gitlab::{GitLab, convert, ids, quick, wire};
use crate::providers::{Reply, Request, forge, tracker};

pub async fn update(gitlab: Arc<GitLab>, request: Request<IssueUpdate>) -> Result<Reply<Issue>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let input = &request.input;
    let set = forge::milestone(input.milestone.as_ref())?;
    let clears = |what| input.clear.contains(&what);
    if let Some(seen) = input.if_match.as_deref() {
        let before = one(&gitlab, path, &iid, false).await;
        let (received, row) = before.map_err(Failure::never_sent)?;
        tracker::unchanged(&received, Some(seen), row.wire.updated_at.text().as_deref())?;
    }
    let change = wire::IssueChange {
        title: input.title.as_deref(),
        description: input.body.as_deref().map(quick::inert),
        milestone_id: set.or(clears(Clearable::Milestone).then_some(0)),
        due_date: input.due_on.as_deref().or(clears(Clearable::DueOn).then_some("")),
        ..wire::IssueChange::default()
    };
    let mut reply = changed(&gitlab, path, &iid, &request, &change).await?;
    tracker::note_unchanged(input, set, &mut reply.value);
    Ok(reply)
}

/// Changes an issue, and answers with it.
pub async fn changed<O: Op<Output = Issue>>(
    gitlab: &GitLab,
    path: &str,
    iid: &str,
    request: &Request<O>,
    change: &wire::IssueChange<'_>,
) -> Result<Reply<Issue>, Failure> {
    let outgoing = gitlab.with(Method::PUT, &["projects", path, "issues", iid], change)?;
    let convert = |at: &Arc<str>, row| convert::issue(at, path, row);
    gitlab.endpoint.answer(outgoing, request, convert).await
}

pub async fn close(gitlab: Arc<GitLab>, request: Request<IssueClose>) -> Result<Reply<Issue>, Failure> {
    if request.input.reason.is_some() {
        let sentence = "GitLab does not keep why an issue is closed";
        return Err(Failure::unsupported_field("reason", sentence).never_sent());
    }
    stated(&gitlab, &request, "close").await
}

pub async fn reopen(gitlab: Arc<GitLab>, request: Request<IssueReopen>) -> Result<Reply<Issue>, Failure> {
    stated(&gitlab, &request, "reopen").await
}

async fn stated<O: Op<Output = Issue>>(
    gitlab: &GitLab,
    request: &Request<O>,
    event: &'static str,
) -> Result<Reply<Issue>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let change = wire::IssueChange {
        state_event: Some(event),
        ..wire::IssueChange::default()
    };
    changed(gitlab, path, &iid, request, &change).await
}

pub async fn delete(gitlab: Arc<GitLab>, request: Request<IssueDelete>) -> Result<Reply<Deleted>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let outgoing = gitlab.bare(Method::DELETE, &["projects", path, "issues", &iid])?;
    let received = gitlab.endpoint.send(outgoing).await?;
    Ok(received.reply(Deleted::done()))
}

pub async fn lock(gitlab: Arc<GitLab>, request: Request<IssueLock>) -> Result<Reply<IssueLocked>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let locked = request.input.locked.unwrap_or(true);
    let change = wire::IssueChange {
        discussion_locked: Some(locked),
        ..wire::IssueChange::default()
    };
    let outgoing = gitlab.with(Method::PUT, &["projects", path, "issues", &iid], &change)?;
    let received = gitlab.endpoint.send(outgoing).await?;
    let issue = convert::issue(&request.instance, path, received.row(false)?);
    match issue.locked == Some(locked) {
        true => Ok(received.reply(IssueLocked { id: issue.id, locked })),
        false => {
            let sentence = "the conversation cannot be locked or opened there: the right to do so is lacking";
            Err(received.failure(Kind::Forbidden, sentence))
        }
    }
}
