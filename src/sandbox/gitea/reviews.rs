//! Judgements on pull requests, and remarks on lines.
//!
//! Invariant: nobody approves what is their own, and a word that is none makes a review that nobody else sees.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::answer::number;
use super::caller::Caller;
use super::form::Form;
use super::problem::Problem;
use super::pulls::at;
use super::{Gitea, page};
use crate::sandbox::forge::{LineComment, PullAt, Refused, Review, ReviewState, What};

type At = Path<(String, String, String)>;
type ReviewAt = Path<(String, String, String, String)>;

/// What is begun is seen by its author alone, who is the only one with a token here.
fn shown(review: &Review, caller: &Caller) -> bool {
    review.state != ReviewState::Pending || *caller != Caller::Anonymous
}

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path(path): At,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let at = at(&state, &path)?;
    let reviews: Vec<_> = at.pull.reviews.iter().filter(|review| shown(review, &caller)).collect();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &reviews, |review| {
        links.review(&at, review)
    }))
}

/// The review that a path names.
fn found<'a>(at: &PullAt<'a>, id: &str, caller: &Caller) -> Result<&'a Review, Problem> {
    let id = number(id)?;
    let mut reviews = at.pull.reviews.iter();
    let found = reviews.find(|review| review.id == id && shown(review, caller));
    found.ok_or_else(Problem::not_found)
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index, id)): ReviewAt,
    Extension(caller): Extension<Caller>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let at = at(&state, &(owner, name, index))?;
    let review = found(&at, &id, &caller)?;
    Ok(Json(gitea.links().review(&at, review)).into_response())
}

pub(crate) async fn on_lines(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index, id)): ReviewAt,
    Extension(caller): Extension<Caller>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let at = at(&state, &(owner, name, index))?;
    let review = found(&at, &id, &caller)?;
    let links = gitea.links();
    let comments = review.comments.iter().enumerate();
    let comments = comments.map(|(place, comment)| links.line_comment(&at, review, place, comment));
    Ok(Json(comments.collect::<Vec<Value>>()).into_response())
}

/// What a review comes to. A word that is none begins one.
fn judgement(form: &Form, remarks: bool) -> Result<ReviewState, Problem> {
    let event = form.text("event")?.unwrap_or_default();
    let silent = form.text("body")?.unwrap_or_default().trim().is_empty();
    match event {
        "APPROVED" => Ok(ReviewState::Approved),
        "COMMENT" if silent && !remarks => {
            let message = "review event COMMENT requires a body or a comment";
            Err(Problem::invalid(message))
        }
        "COMMENT" => Ok(ReviewState::Commented),
        _ if silent => Err(Problem::invalid(format!("review event {event} requires a body"))),
        "REQUEST_CHANGES" => Ok(ReviewState::ChangesRequested),
        _ => Ok(ReviewState::Pending),
    }
}

/// Refuses a judgement where there is nothing left to judge.
fn judged(at: &PullAt<'_>, state: ReviewState) -> Result<(), Problem> {
    let own = at.issue.author == at.state.user;
    match state {
        ReviewState::Approved if own => Err(Problem::invalid("approve your own pull is not allowed")),
        ReviewState::ChangesRequested if own => Err(Problem::invalid("reject your own pull is not allowed")),
        _ if state.judges() && !at.issue.open => Err(Problem::invalid("can't submit review for a closed or merged PR")),
        _ => Ok(()),
    }
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let found = at(&state, &path)?;
    let form = Form::read(&body)?;
    let remarks = remarks(&form)?;
    let event = judgement(&form, !remarks.is_empty())?;
    judged(&found, event)?;
    let (repo, index) = (found.repo.id, found.issue.number);
    let text = form.text("body")?.unwrap_or_default();
    let review = state.create_review(repo, index, event, text, remarks)?;
    let answer = gitea.links().review(&at(&state, &path)?, &review);
    // Not 201, although it was made.
    Ok(Json(answer).into_response())
}

/// Remarks on lines, as they are sent with a review.
fn remarks(form: &Form) -> Result<Vec<LineComment>, Problem> {
    let read = |remark: Form| {
        let line = match remark.number("new_position")? {
            None | Some(0) => remark.number("old_position")?,
            line => line,
        };
        Ok(LineComment {
            path: remark.text("path")?.unwrap_or_default().to_owned(),
            line: line.and_then(|line| u64::try_from(line).ok()).unwrap_or_default(),
            body: remark.text("body")?.unwrap_or_default().to_owned(),
        })
    };
    form.parts("comments")?.into_iter().map(read).collect()
}

/// Ends a review that was begun.
pub(crate) async fn submit(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index, id)): ReviewAt,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let path = (owner, name, index);
    let there = at(&state, &path)?;
    let review = found(&there, &id, &caller)?;
    if review.state != ReviewState::Pending {
        return Err(Problem::invalid("only a pending review can be submitted"));
    }
    let form = Form::read(&body)?;
    let event = judgement(&form, !review.comments.is_empty())?;
    if event == ReviewState::Pending {
        return Err(Problem::invalid("review stay pending"));
    }
    judged(&there, event)?;
    let (repo, index, id) = (there.repo.id, there.issue.number, review.id);
    let text = form.text("body")?.unwrap_or_default();
    let review = state.submit_review(repo, index, id, event, text)?;
    Ok(Json(gitea.links().review(&at(&state, &path)?, &review)).into_response())
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index, id)): ReviewAt,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let there = at(&state, &(owner, name, index))?;
    let review = found(&there, &id, &caller)?;
    if review.author != state.user {
        return Err(Problem::new(StatusCode::FORBIDDEN, "no permission to delete comment"));
    }
    let (repo, index, id) = (there.repo.id, there.issue.number, review.id);
    state.delete_review(repo, index, id).map_err(|reason| match reason {
        Refused::Missing(What::Review) => Problem::not_found(),
        other => other.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}
