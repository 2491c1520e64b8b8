//! The requests that serve comments on issues.
//!
//! Invariant: a comment is changed only by the name of the issue that it is on, so that who reads that issue is told.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::issues::one;
use crate::catalogue::Page;
use crate::catalogue::outcome::Deleted;
use crate::catalogue::projects::{
    IssueComment, IssueCommentCreate, IssueCommentDelete, IssueCommentList, IssueCommentUpdate,
};
use crate::providers::gitea::lookup::{Place, numbered};
use crate::providers::gitea::reviews::PARTS;
use crate::providers::gitea::{Gitea, convert, wire};
use crate::providers::http::Received;
use crate::providers::{Reply, Request, tracker};

/// Gitea gives all comments at once; the caller's pages are cut from them.
pub async fn list(gitea: Arc<Gitea>, request: Request<IssueCommentList>) -> Result<Reply<Page<IssueComment>>, Failure> {
    let (_, (owner, name), number) = numbered("issue", &request.native)?;
    let page = PARTS.page(&[], request.limit(), request.cursor())?;
    let parts = ["repos", owner, name, "issues", &number, "comments"];
    let received = gitea.endpoint.send(gitea.endpoint.get(&parts)?).await?;
    let rows = received.rows::<wire::IssueComment>(request.include_raw)?;
    if rows.iter().any(|row| row.wire.is_on_pull()) {
        return Err(received.failure(Kind::NotFound, "this is a pull request, not an issue"));
    }
    let total = rows.len() as u64;
    let before = page.number.saturating_sub(1).saturating_mul(page.size);
    let more = before.saturating_add(page.size) < total;
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let rows = rows.into_iter().skip(usize::try_from(before).unwrap_or(usize::MAX));
    let comments = rows
        .take(size)
        .map(|row| convert::issue_comment(&request.instance, &request.native, row));
    Ok(received.reply(Page {
        total: Some(total),
        ..Page::new(comments.collect(), more.then(|| PARTS.after(&page)))
    }))
}

pub async fn create(gitea: Arc<Gitea>, request: Request<IssueCommentCreate>) -> Result<Reply<IssueComment>, Failure> {
    let (_, place, number) = numbered("issue", &request.native)?;
    let before = one(&gitea, place, &number, false).await;
    before.map_err(Failure::never_sent)?;
    let new = wire::NewComment {
        body: &request.input.body,
    };
    let parts = ["repos", place.0, place.1, "issues", &number, "comments"];
    let outgoing = gitea.endpoint.post(&parts, &new)?;
    let convert = |at: &Arc<str>, row| convert::issue_comment(at, &request.native, row);
    gitea.endpoint.answer(outgoing, &request, convert).await
}

pub async fn update(gitea: Arc<Gitea>, request: Request<IssueCommentUpdate>) -> Result<Reply<IssueComment>, Failure> {
    let comment = Comment::of(&request.native)?;
    comment.check(&gitea).await?;
    let new = wire::NewComment {
        body: &request.input.body,
    };
    let received = gitea
        .endpoint
        .send(gitea.endpoint.patch(&comment.parts(), &new)?)
        .await?;
    said(&received)?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::issue_comment(&request.instance, comment.issue, row)))
}

pub async fn delete(gitea: Arc<Gitea>, request: Request<IssueCommentDelete>) -> Result<Reply<Deleted>, Failure> {
    let comment = Comment::of(&request.native)?;
    comment.check(&gitea).await?;
    let received = gitea.endpoint.send(gitea.endpoint.delete(&comment.parts())?).await?;
    Ok(received.reply(Deleted::done()))
}

/// Of an entry of the history Gitea says nothing (GT28).
fn said(received: &Received) -> Result<(), Failure> {
    match received.bytes().is_empty() {
        true => Err(received.failure(Kind::NotFound, NO_COMMENT)),
        false => Ok(()),
    }
}

/// A comment, as its id names it.
struct Comment<'a> {
    /// The issue's native id.
    issue: &'a str,
    place: Place<'a>,
    number: String,
    id: String,
}

const NO_COMMENT: &str = "the issue has no such comment";

impl<'a> Comment<'a> {
    fn of(native: &'a str) -> Result<Self, Failure> {
        let (issue, id) = tracker::commented(native)?;
        let (_, place, number) = numbered("comment", issue)?;
        Ok(Comment {
            issue,
            place,
            number,
            id: id.to_string(),
        })
    }

    fn parts(&self) -> [&str; 6] {
        ["repos", self.place.0, self.place.1, "issues", "comments", &self.id]
    }

    /// Refuses what is said of another issue, or of a pull request: Gitea looks at the comment's number alone.
    async fn check(&self, gitea: &Gitea) -> Result<(), Failure> {
        let asked = gitea.endpoint.send(gitea.endpoint.get(&self.parts())?).await;
        let received = asked.map_err(Failure::never_sent)?;
        said(&received).map_err(Failure::never_sent)?;
        let row = received.row::<wire::IssueComment>(false).map_err(Failure::never_sent)?;
        match row.wire.is_on(&self.number) && !row.wire.is_on_pull() {
            true => Ok(()),
            false => Err(received.failure(Kind::NotFound, NO_COMMENT).never_sent()),
        }
    }
}
