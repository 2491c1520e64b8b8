//! The requests that serve comments on issues.
//!
//! Invariant: a comment is one text of one caller: nothing in it is a command, and lines of the history are none.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use crate::catalogue::Page;
use crate::catalogue::outcome::Deleted;
use crate::catalogue::projects::{
    IssueComment, IssueCommentCreate, IssueCommentDelete, IssueCommentList, IssueCommentUpdate,
};
use crate::providers::gitlab::asked::SIZE;
use crate::providers::gitlab::{GitLab, convert, ids, quick, wire};
use crate::providers::http::Row;
use crate::providers::{Reply, Request, tracker};

pub async fn list(
    gitlab: Arc<GitLab>,
    request: Request<IssueCommentList>,
) -> Result<Reply<Page<IssueComment>>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let outgoing = gitlab
        .get(&["projects", path, "issues", &iid, "notes"])?
        .query("order_by", "created_at")
        .query("sort", "asc");
    // A page that loses all its rows here is still a page.
    let said = |at: &Arc<str>, row: Row<wire::IssueNote>| {
        (!row.wire.system).then(|| convert::issue_comment(at, &request.native, row))
    };
    gitlab.endpoint.page(outgoing, SIZE, &request, said).await
}

pub async fn create(gitlab: Arc<GitLab>, request: Request<IssueCommentCreate>) -> Result<Reply<IssueComment>, Failure> {
    let (path, iid) = ids::issue("issue", &request.native)?;
    let note = wire::NewNote {
        body: quick::inert(&request.input.body),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "issues", &iid, "notes"], &note)?;
    let convert = |at: &Arc<str>, row| convert::issue_comment(at, &request.native, row);
    gitlab.endpoint.answer(outgoing, &request, convert).await
}

pub async fn update(gitlab: Arc<GitLab>, request: Request<IssueCommentUpdate>) -> Result<Reply<IssueComment>, Failure> {
    let (issue, id) = tracker::commented(&request.native)?;
    let (path, iid) = ids::issue("comment", issue)?;
    let id = id.to_string();
    let parts = ["projects", path, "issues", &iid, "notes", &id];
    is_said(&gitlab, &parts).await?;
    let note = wire::NewNote {
        body: quick::inert(&request.input.body),
    };
    let outgoing = gitlab.with(Method::PUT, &parts, &note)?;
    let convert = |at: &Arc<str>, row| convert::issue_comment(at, issue, row);
    gitlab.endpoint.answer(outgoing, &request, convert).await
}

pub async fn delete(gitlab: Arc<GitLab>, request: Request<IssueCommentDelete>) -> Result<Reply<Deleted>, Failure> {
    let (issue, id) = tracker::commented(&request.native)?;
    let (path, iid) = ids::issue("comment", issue)?;
    let id = id.to_string();
    let parts = ["projects", path, "issues", &iid, "notes", &id];
    is_said(&gitlab, &parts).await?;
    let received = gitlab.endpoint.send(gitlab.bare(Method::DELETE, &parts)?).await?;
    Ok(received.reply(Deleted::done()))
}

/// Refuses a line of the history.
async fn is_said(gitlab: &GitLab, parts: &[&str]) -> Result<(), Failure> {
    let received = gitlab
        .endpoint
        .send(gitlab.get(parts)?)
        .await
        .map_err(Failure::never_sent)?;
    let row = received.row::<wire::IssueNote>(false).map_err(Failure::never_sent)?;
    match row.wire.system {
        true => {
            let sentence = "the issue has no such comment";
            Err(received.failure(Kind::NotFound, sentence).never_sent())
        }
        false => Ok(()),
    }
}
