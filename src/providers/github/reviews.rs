//! The requests that serve what is said of pull requests.
//!
//! Invariant: a review is sent at once; none is left pending.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::{Numbered, named, renamed};
use super::{GitHub, SIZE, convert, pulls, wire};
use crate::catalogue::git::{Comment, PullComment, PullComments, PullReview, PullReviews, Review, ReviewEvent};
use crate::catalogue::page::Page;
use crate::providers::{Reply, Request};

pub async fn review(github: Arc<GitHub>, request: Request<PullReview>) -> Result<Reply<Review>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    let input = &request.input;
    if let Some(seen) = input.if_match.as_deref() {
        // GitHub takes a review of any commit of the pull request.
        still_at(&github, &pull, seen).await.map_err(Failure::never_sent)?;
    }
    let review = wire::NewReview {
        event: match input.event {
            ReviewEvent::Approve => "APPROVE",
            ReviewEvent::RequestChanges => "REQUEST_CHANGES",
            ReviewEvent::Comment => "COMMENT",
        },
        body: input.body.as_deref(),
        commit_id: input.if_match.as_deref(),
    };
    let outgoing = github.endpoint.post(&pull.parts("pulls", &["reviews"]), &review)?;
    let review = github
        .endpoint
        .answer(outgoing, &request, |_, row| convert::review(row));
    review.await.map_err(|failure| renamed(failure, &[("state", "event")]))
}

/// Refuses unless the head is at the commit that was looked at.
async fn still_at(github: &GitHub, pull: &Numbered<'_>, seen: &str) -> Result<(), Failure> {
    let (received, row) = pulls::one(github, pull, false).await?;
    let head = row.wire.head.and_then(|head| head.sha);
    match head.is_some_and(|head| head.eq_ignore_ascii_case(seen)) {
        true => Ok(()),
        false => {
            let sentence = "the head of the pull request is another commit by now";
            Err(named(received.failure(Kind::PreconditionFailed, sentence), "if_match"))
        }
    }
}

pub async fn reviews(github: Arc<GitHub>, request: Request<PullReviews>) -> Result<Reply<Page<Review>>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    let outgoing = github.endpoint.get(&pull.parts("pulls", &["reviews"]))?;
    let review = |_: &Arc<str>, row| Some(convert::review(row));
    github.endpoint.page(outgoing, SIZE, &request, review).await
}

/// What is said of a pull request as a whole is said of the issue that it is, too.
pub async fn comment(github: Arc<GitHub>, request: Request<PullComment>) -> Result<Reply<Comment>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    let comment = wire::NewComment {
        body: &request.input.body,
    };
    let outgoing = github.endpoint.post(&pull.parts("issues", &["comments"]), &comment)?;
    github
        .endpoint
        .answer(outgoing, &request, |_, row| convert::comment(row))
        .await
}

pub async fn comments(github: Arc<GitHub>, request: Request<PullComments>) -> Result<Reply<Page<Comment>>, Failure> {
    let pull = Numbered::of("pr", &request.native)?;
    let outgoing = github.endpoint.get(&pull.parts("issues", &["comments"]))?;
    let comment = |_: &Arc<str>, row| Some(convert::comment(row));
    github.endpoint.page(outgoing, SIZE, &request, comment).await
}
