//! The requests that serve reviews and comments.
//!
//! Invariant: a comment is one text of one caller: nothing in it is a command, and lines of the history are none.

use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};

use super::asked::SIZE;
use super::refuse::NOT_ENTITLED;
use super::{GitLab, convert, ids, quick, wire};
use crate::catalogue::Page;
use crate::catalogue::git::{
    Comment, PullComment, PullComments, PullReview, PullReviews, Review, ReviewEvent, Verdict,
};
use crate::providers::http::pages::Numbered;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// GitLab tells all reviews at once; they are handed on in pages.
const REVIEWS: Numbered = Numbered {
    page: "page",
    size: "per_page",
    default: 100,
    most: 100,
};

pub async fn comment(gitlab: Arc<GitLab>, request: Request<PullComment>) -> Result<Reply<Comment>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    let received = note(&gitlab, path, &iid, &request.input.body).await?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::comment(row)))
}

async fn note(gitlab: &GitLab, path: &str, iid: &str, text: &str) -> Result<Received, Failure> {
    let note = wire::NewNote {
        body: quick::inert(text),
    };
    let outgoing = gitlab.with(Method::POST, &["projects", path, "merge_requests", iid, "notes"], &note)?;
    gitlab.endpoint.send(outgoing).await
}

pub async fn comments(gitlab: Arc<GitLab>, request: Request<PullComments>) -> Result<Reply<Page<Comment>>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    let outgoing = gitlab
        .get(&["projects", path, "merge_requests", &iid, "notes"])?
        .query("order_by", "created_at")
        .query("sort", "asc");
    // A page that loses all its rows here is still a page.
    let said = |_: &Arc<str>, row: Row<wire::Note>| (!row.wire.system).then(|| convert::comment(row));
    gitlab.endpoint.page(outgoing, SIZE, &request, said).await
}

pub async fn review(gitlab: Arc<GitLab>, request: Request<PullReview>) -> Result<Reply<Review>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    match request.input.event {
        ReviewEvent::Approve => approve(&gitlab, path, &iid, &request).await,
        ReviewEvent::Comment => remark(&gitlab, path, &iid, &request).await,
        // Releases before 19.2 do not know it, publish all that the user has begun, and answer that it is done.
        ReviewEvent::RequestChanges => {
            let sentence = "this provider takes no request of changes by its API: comment instead";
            Err(Failure::unsupported_field("event", sentence).never_sent())
        }
    }
}

async fn remark(
    gitlab: &GitLab,
    path: &str,
    iid: &str,
    request: &Request<PullReview>,
) -> Result<Reply<Review>, Failure> {
    still_at(gitlab, path, iid, request).await?;
    let body = request.input.body.as_deref().unwrap_or_default();
    let received = note(gitlab, path, iid, body).await?;
    let mut review = convert::remark(received.row(request.include_raw)?);
    review.commit = request.input.if_match.as_deref().map(str::to_owned);
    Ok(received.reply(review))
}

/// Refuses where the head is not at the commit that the caller looked at.
async fn still_at(gitlab: &GitLab, path: &str, iid: &str, request: &Request<PullReview>) -> Result<(), Failure> {
    let Some(version) = request.input.if_match.as_deref() else {
        return Ok(());
    };
    let now = gitlab.merge_request(path, iid).await.map_err(Failure::never_sent)?;
    match now.sha.as_deref() == Some(version) {
        true => Ok(()),
        false => Err(moved().by(&request.instance).never_sent()),
    }
}

fn moved() -> Failure {
    let mut failure = Failure::new(Kind::PreconditionFailed, "the head is at another commit by now");
    failure.field = Some("if_match".into());
    failure
}

/// An approval has no text at GitLab: that goes as a comment behind it. Whoever has approved already is refused as if the
/// credential were wrong, so that is asked for first.
async fn approve(
    gitlab: &GitLab,
    path: &str,
    iid: &str,
    request: &Request<PullReview>,
) -> Result<Reply<Review>, Failure> {
    let sha = request.input.if_match.as_deref();
    let before = gitlab.get(&["projects", path, "merge_requests", iid, "approvals"])?;
    let before = gitlab.endpoint.send(before).await.map_err(Failure::never_sent)?;
    let mut row: Row<wire::Approvals> = before.row(request.include_raw)?;
    let mut answered = before;
    match (row.wire.user_has_approved, row.wire.user_can_approve) {
        (Some(true), _) => still_at(gitlab, path, iid, request).await?,
        (_, Some(false)) => return Err(answered.failure(Kind::Forbidden, NOT_ENTITLED).never_sent()),
        _ => {
            let approve = wire::Approve { sha };
            let outgoing = gitlab.with(
                Method::POST,
                &["projects", path, "merge_requests", iid, "approve"],
                &approve,
            )?;
            let sent = gitlab.endpoint.send(outgoing).await;
            answered = sent.map_err(|failure| not_approved(failure, sha.is_some()))?;
            row = answered.row(request.include_raw)?;
        }
    }
    let mut review = convert::review(Verdict::Approved, "approved");
    review.raw = row.raw;
    review.commit = sha.map(str::to_owned);
    if let Some(body) = request.input.body.as_deref().filter(|body| !body.trim().is_empty()) {
        let noted = note(gitlab, path, iid, body)
            .await
            .map_err(|failure| half_done(&failure))?;
        let said = convert::remark(noted.row(false).map_err(|failure| half_done(&failure))?);
        review.author = said.author;
        review.body = said.body;
        review.submitted_at = said.submitted_at;
    }
    Ok(answered.reply(review))
}

/// The cache and the caller must know that something was done.
fn half_done(failure: &Failure) -> Failure {
    let sentence = format!("it is approved, but its text is not there: {}", failure.message());
    let mut half = Failure::new(Kind::UpstreamFailed, sentence).not_usable().but_sound();
    half.provider.clone_from(&failure.provider);
    half.field = Some("body".into());
    half
}

fn not_approved(failure: Failure, named: bool) -> Failure {
    match failure.kind {
        Kind::Conflict if named && !failure.retryable => {
            let mut meant = moved().never_billed();
            meant.provider = failure.provider;
            meant
        }
        _ => failure,
    }
}

/// Approvals, and behind them what those who were asked for a review have decided, as far as the release tells.
pub async fn list(gitlab: Arc<GitLab>, request: Request<PullReviews>) -> Result<Reply<Page<Review>>, Failure> {
    let (path, iid) = ids::pull(&request.native)?;
    let page = REVIEWS.page(&[], request.limit(), request.cursor())?;
    let of = |what| gitlab.get(&["projects", path, "merge_requests", &iid, what]);
    let received = gitlab.endpoint.send(of("approvals")?).await?;
    let approvals: wire::Approvals = received.json()?;
    let rows = received.rows_of::<wire::Approval>(&approvals.approved_by, request.include_raw)?;
    let mut reviews: Vec<Review> = rows.into_iter().map(convert::approval).collect();
    let mut skipped = received.skipped();
    match gitlab.endpoint.send(of("reviewers")?).await {
        Ok(received) => {
            let rows = received.rows::<wire::Reviewer>(request.include_raw)?;
            skipped += received.skipped();
            let decided = rows.into_iter().filter_map(convert::reviewer);
            let fresh: Vec<Review> = decided.filter(|review| !is_among(&reviews, review)).collect();
            reviews.extend(fresh);
        }
        // Older releases do not tell of them.
        Err(failure) if failure.kind == Kind::NotFound => {}
        Err(failure) => return Err(failure),
    }
    let total = reviews.len();
    let (first, size) = (page.number.saturating_sub(1).saturating_mul(page.size), page.size);
    let (first, size) = (
        usize::try_from(first).unwrap_or(usize::MAX),
        usize::try_from(size).unwrap_or(usize::MAX),
    );
    let items: Vec<Review> = reviews.into_iter().skip(first).take(size).collect();
    let more = first.saturating_add(items.len()) < total && !items.is_empty();
    let mut reply = received.reply(Page {
        total: Some(total as u64),
        ..Page::new(items, more.then(|| REVIEWS.after(&page)))
    });
    reply.skipped = skipped;
    Ok(reply)
}

/// Whether a reviewer's approval is told as an approval already.
fn is_among(reviews: &[Review], review: &Review) -> bool {
    let login = |review: &Review| review.author.as_ref().and_then(|author| author.login.clone());
    let same = |other: &Review| other.verdict == review.verdict && login(other) == login(review);
    reviews.iter().any(same)
}
