//! The requests that serve comments on issues.
//!
//! Invariant: a comment is changed only by the name of the issue that it is on, so that who reads that issue is told.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::issues;
use crate::catalogue::Page;
use crate::catalogue::outcome::Deleted;
use crate::catalogue::projects::{
    IssueComment, IssueCommentCreate, IssueCommentDelete, IssueCommentList, IssueCommentUpdate,
};
use crate::providers::github::lookup::Numbered;
use crate::providers::github::{GitHub, SIZE, convert, wire};
use crate::providers::http::Row;
use crate::providers::{Reply, Request, tracker};

pub async fn list(
    github: Arc<GitHub>,
    request: Request<IssueCommentList>,
) -> Result<Reply<Page<IssueComment>>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    let outgoing = github.endpoint.get(&issue.parts("issues", &["comments"]))?;
    let outgoing = outgoing.part(SIZE, request.limit(), request.cursor());
    let received = github.endpoint.send(outgoing).await?;
    let rows = received.rows::<wire::IssueComment>(request.include_raw)?;
    if rows.iter().any(|row| row.wire.is_on_pull()) {
        return Err(received.failure(Kind::NotFound, "this is a pull request, not an issue"));
    }
    let comments = rows
        .into_iter()
        .map(|row| convert::issue_comment(&request.instance, &request.native, row));
    Ok(received.reply(Page::new(comments.collect(), received.next_query())))
}

pub async fn create(github: Arc<GitHub>, request: Request<IssueCommentCreate>) -> Result<Reply<IssueComment>, Failure> {
    let issue = Numbered::of("issue", &request.native)?;
    issues::one(&github, &issue, false).await.map_err(Failure::never_sent)?;
    let comment = wire::NewComment {
        body: &request.input.body,
    };
    let outgoing = github.endpoint.post(&issue.parts("issues", &["comments"]), &comment)?;
    let convert = |at: &Arc<str>, row| convert::issue_comment(at, &request.native, row);
    github.endpoint.answer(outgoing, &request, convert).await
}

pub async fn update(github: Arc<GitHub>, request: Request<IssueCommentUpdate>) -> Result<Reply<IssueComment>, Failure> {
    let comment = Comment::of(&request.native)?;
    comment.check(&github).await?;
    let body = wire::NewComment {
        body: &request.input.body,
    };
    let outgoing = github.endpoint.patch(&comment.parts(), &body)?;
    let convert = |at: &Arc<str>, row| convert::issue_comment(at, comment.native, row);
    github.endpoint.answer(outgoing, &request, convert).await
}

pub async fn delete(github: Arc<GitHub>, request: Request<IssueCommentDelete>) -> Result<Reply<Deleted>, Failure> {
    let comment = Comment::of(&request.native)?;
    comment.check(&github).await?;
    let received = github.endpoint.send(github.endpoint.delete(&comment.parts())?).await?;
    Ok(received.reply(Deleted::done()))
}

/// A comment, as its id names it.
struct Comment<'a> {
    issue: Numbered<'a>,
    /// The issue's native id.
    native: &'a str,
    id: String,
}

impl<'a> Comment<'a> {
    fn of(native: &'a str) -> Result<Self, Failure> {
        let (issue, id) = tracker::commented(native)?;
        Ok(Comment {
            issue: Numbered::of("comment", issue)?,
            native: issue,
            id: id.to_string(),
        })
    }

    fn parts(&self) -> Vec<&str> {
        self.issue.repo.parts(&["issues", "comments", &self.id])
    }

    /// Refuses what is said of another issue, or of a pull request: GitHub looks at the comment's number alone.
    async fn check(&self, github: &GitHub) -> Result<(), Failure> {
        let received = github
            .endpoint
            .send(github.endpoint.get(&self.parts())?)
            .await
            .map_err(Failure::never_sent)?;
        let Row { wire, .. } = received.row::<wire::IssueComment>(false).map_err(Failure::never_sent)?;
        match wire.is_on(&self.issue.number) && !wire.is_on_pull() {
            true => Ok(()),
            false => {
                let sentence = "the issue has no such comment";
                Err(received.failure(Kind::NotFound, sentence).never_sent())
            }
        }
    }
}
