//! The requests that change an issue.
//!
//! Invariant: an issue is read before it is written: GitHub takes the number of a pull request for one.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::Failure;
use serde_json::json;

use super::issues::{self, NO_DAY};
use crate::catalogue::projects::{
    Clearable, CloseReason, Issue, IssueClose, IssueLock, IssueLocked, IssueReopen, IssueUpdate,
};
use crate::providers::github::lookup::{Numbered, unsupported};
use crate::providers::github::{GitHub, convert, wire};
use crate::providers::http::Row;
use crate::providers::{Reply, Request, forge, tracker};

pub async fn update(github: Arc<GitHub>, request: Request<IssueUpdate>) -> Result<Reply<Issue>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    let input = &request.input;
    if input.due_on.is_some() {
        return Err(unsupported("due_on", NO_DAY));
    }
    if input.clear.contains(&Clearable::DueOn) {
        return Err(unsupported("clear", NO_DAY));
    }
    let set = forge::milestone(input.milestone.as_ref())?;
    let cleared = input.clear.contains(&Clearable::Milestone);
    let (received, before) = issues::one(&github, &issue, false).await.map_err(Failure::never_sent)?;
    tracker::unchanged(
        &received,
        input.if_match.as_deref(),
        before.wire.updated_at.text().as_deref(),
    )?;
    let patch = wire::IssuePatch {
        title: input.title.as_deref(),
        body: input.body.as_deref(),
        milestone: (set.is_some() || cleared).then_some(set),
        ..wire::IssuePatch::default()
    };
    let mut reply = patched(&github, &issue, &request, &patch).await?;
    // As it is passed over where the right to write lacks (H15).
    tracker::note_unchanged(input, set, &mut reply.value);
    Ok(reply)
}

pub async fn close(github: Arc<GitHub>, request: Request<IssueClose>) -> Result<Reply<Issue>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    issues::one(&github, &issue, false).await.map_err(Failure::never_sent)?;
    let reason = request.input.reason.map(|reason| match reason {
        CloseReason::Completed => "completed",
        CloseReason::NotPlanned => "not_planned",
    });
    let patch = wire::IssuePatch {
        state: Some("closed"),
        state_reason: reason,
        ..wire::IssuePatch::default()
    };
    let mut reply = patched(&github, &issue, &request, &patch).await?;
    // What is closed already keeps the reason that it has.
    if reason.is_some() && reply.value.raw_state.as_deref() != reason {
        reply.value.dropped.push("reason".to_owned());
    }
    Ok(reply)
}

pub async fn reopen(github: Arc<GitHub>, request: Request<IssueReopen>) -> Result<Reply<Issue>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    issues::one(&github, &issue, false).await.map_err(Failure::never_sent)?;
    let patch = wire::IssuePatch {
        state: Some("open"),
        ..wire::IssuePatch::default()
    };
    patched(&github, &issue, &request, &patch).await
}

async fn patched<O>(
    github: &GitHub,
    issue: &Numbered<'_>,
    request: &Request<O>,
    patch: &wire::IssuePatch<'_>,
) -> Result<Reply<Issue>, Failure>
where
    O: crate::catalogue::op::Op<Output = Issue>,
{
    let outgoing = github.endpoint.patch(&issue.parts("issues", &[]), patch)?;
    let convert = |at: &Arc<str>, row: Row<wire::Issue>| convert::issue(at, issue.path, row);
    github.endpoint.answer(outgoing, request, convert).await
}

pub async fn lock(github: Arc<GitHub>, request: Request<IssueLock>) -> Result<Reply<IssueLocked>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    let locked = request.input.locked.unwrap_or(true);
    let (_, row) = issues::one(&github, &issue, false).await.map_err(Failure::never_sent)?;
    let id = convert::issue(&request.instance, issue.path, row).id;
    let parts = issue.parts("issues", &["lock"]);
    let outgoing = match locked {
        true => github.endpoint.put(&parts, &json!({}))?,
        false => github.endpoint.bare(Method::DELETE, &parts)?,
    };
    let received = github.endpoint.send(outgoing).await?;
    Ok(received.reply(IssueLocked { id, locked }))
}
