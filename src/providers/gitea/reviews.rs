//! The requests that serve reviews and comments of pull requests.
//!
//! Invariant: a review that nobody sees is not reported as given.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::lookup::numbered;
use super::refusal::{Says, instead, told};
use super::{Gitea, convert, pages, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{
    Comment, PullComment, PullComments, PullReview, PullReviews, Review, ReviewEvent, Verdict,
};
use crate::providers::http::Row;
use crate::providers::http::pages::Numbered;
use crate::providers::{Reply, Request};

pub async fn review(gitea: Arc<Gitea>, request: Request<PullReview>) -> Result<Reply<Review>, Failure> {
    let (_, place, number) = numbered("pr", &request.native)?;
    let (owner, name) = place;
    let input = &request.input;
    if let Some(version) = input.if_match.as_deref() {
        // Gitea takes a review of any commit.
        let now = gitea.pull(place, &number).await.map_err(Failure::never_sent)?;
        let head = now.head.and_then(|head| head.sha);
        if head.is_none_or(|head| !head.eq_ignore_ascii_case(version)) {
            let mut failure = Failure::new(
                Kind::PreconditionFailed,
                "if_match: the head is at another commit by now",
            );
            failure.field = Some("if_match".into());
            return Err(failure.by(&request.instance).never_sent());
        }
    }
    let new = wire::NewReview {
        // Any other word makes a review that is begun and not sent.
        event: match input.event {
            ReviewEvent::Approve => "APPROVED",
            ReviewEvent::RequestChanges => "REQUEST_CHANGES",
            ReviewEvent::Comment => "COMMENT",
        },
        body: input.body.as_deref(),
        commit_id: input.if_match.as_deref(),
    };
    let outgoing = gitea
        .endpoint
        .post(&["repos", owner, name, "pulls", &number, "reviews"], &new)?;
    let received = gitea.endpoint.send(outgoing).await.map_err(|failure| {
        match told(&failure).is_some_and(|told| told.says == Says::Own) {
            true => instead(
                &failure,
                Kind::Forbidden,
                "nobody approves or rejects a pull request of their own",
            ),
            false => failure,
        }
    })?;
    let review = convert::review(received.row(request.include_raw)?);
    match review.verdict {
        Verdict::Pending => Err(received.unusable("the review was begun, and not sent")),
        _ => Ok(received.reply(review)),
    }
}

/// Among them Gitea lists whom it has asked for a review; those have given none.
pub async fn list(gitea: Arc<Gitea>, request: Request<PullReviews>) -> Result<Reply<Page<Review>>, Failure> {
    let (_, (owner, name), number) = numbered("pr", &request.native)?;
    let parts = ["repos", owner, name, "pulls", &number, "reviews"];
    let convert = |_: &Arc<str>, row: Row<wire::Review>| {
        let given = convert::is_review(&row.wire);
        given.then(|| convert::review(row))
    };
    let mut reply = pages::list(&gitea, &parts, &[], &request, convert).await?;
    reply.value.total = None;
    Ok(reply)
}

pub async fn comment(gitea: Arc<Gitea>, request: Request<PullComment>) -> Result<Reply<Comment>, Failure> {
    let (_, (owner, name), number) = numbered("pr", &request.native)?;
    let new = wire::NewComment {
        body: &request.input.body,
    };
    let parts = ["repos", owner, name, "issues", &number, "comments"];
    let outgoing = gitea.endpoint.post(&parts, &new)?;
    let convert = |_: &Arc<str>, row| convert::comment(row);
    gitea.endpoint.answer(outgoing, &request, convert).await
}

/// Gitea gives all comments at once; the caller's pages are cut from them.
pub const PARTS: Numbered = Numbered {
    page: "page",
    size: "size",
    // All, where nobody says.
    default: u32::MAX,
    most: u32::MAX,
};

pub async fn comments(gitea: Arc<Gitea>, request: Request<PullComments>) -> Result<Reply<Page<Comment>>, Failure> {
    let (_, (owner, name), number) = numbered("pr", &request.native)?;
    let page = PARTS.page(&[], request.limit(), request.cursor())?;
    let outgoing = gitea
        .endpoint
        .get(&["repos", owner, name, "issues", &number, "comments"])?;
    let received = gitea.endpoint.send(outgoing).await?;
    let rows = received.rows::<wire::Comment>(request.include_raw)?;
    let total = rows.len() as u64;
    let before = page.number.saturating_sub(1).saturating_mul(page.size);
    let more = before.saturating_add(page.size) < total;
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let rows = rows.into_iter().skip(usize::try_from(before).unwrap_or(usize::MAX));
    let items = rows.take(size).map(convert::comment).collect();
    Ok(received.reply(Page {
        total: Some(total),
        ..Page::new(items, more.then(|| PARTS.after(&page)))
    }))
}
