//! What is said of a pull request: reviews, remarks on lines, and comments, which issues have, too.
//!
//! Invariant: nobody approves what is their own.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, Uri};
use serde_json::Value;

use super::answer::{Named, created, number};
use super::body::Input;
use super::problem::Problem;
use super::pulls::at;
use super::{GitHub, page};
use crate::sandbox::forge::{LineComment, Refused, ReviewState, seconds};
use crate::sandbox::kit::query::Params;

/// The longest text, in characters.
pub(crate) const MAX_BODY: usize = 65_536;

type At = Path<(String, String, String)>;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let at = at(&state, &path)?;
    let links = github.links();
    let reviews = &at.pull.reviews;
    Ok(page::PAGING.answer(&github.instance.origin, &uri, reviews, |review| {
        links.review(&at, review)
    }))
}

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read_optional(&body, "PullRequestReview")?;
    let event = match input.text("event")? {
        None | Some("") => ReviewState::Pending,
        Some("APPROVE") => ReviewState::Approved,
        Some("REQUEST_CHANGES") => ReviewState::ChangesRequested,
        Some("COMMENT") => ReviewState::Commented,
        Some(other) => {
            let message =
                format!("Variable $event of type PullRequestReviewEvent was provided invalid value {other:?}");
            return Err(Problem::plain(&message));
        }
    };
    let text = input.text("body")?.unwrap_or_default();
    let comments = line_comments(input.value("comments"))?;
    let speaks = matches!(event, ReviewState::ChangesRequested | ReviewState::Commented);
    if speaks && text.trim().is_empty() && comments.is_empty() {
        return Err(Problem::plain("Review body or comments are needed for this event"));
    }
    let mut state = github.state();
    let found = at(&state, &path)?;
    let (repo, index) = (found.repo.id, found.issue.number);
    let review = state
        .create_review(repo, index, event, text, comments)
        .map_err(|reason| match reason {
            Refused::OwnPull if event == ReviewState::Approved => {
                Problem::plain("Can not approve your own pull request")
            }
            Refused::OwnPull => Problem::plain("Can not request changes on your own pull request"),
            other => other.into(),
        })?;
    let answer = github.links().review(&at(&state, &path)?, &review);
    // Not 201, although it was made.
    Ok(Json(answer).into_response())
}

/// Remarks on lines, as they are sent with a review.
fn line_comments(value: &Value) -> Result<Vec<LineComment>, Problem> {
    let entries = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries,
        _ => return Err(Problem::plain("comments must be a list")),
    };
    let comment = |entry: &Value| {
        let line = entry["line"].as_u64().or_else(|| entry["position"].as_u64());
        Some(LineComment {
            path: entry["path"].as_str()?.to_owned(),
            line: line.unwrap_or(1),
            body: entry["body"].as_str()?.to_owned(),
        })
    };
    let comments: Option<_> = entries.iter().map(comment).collect();
    comments.ok_or_else(|| Problem::plain("A comment needs path and body"))
}

/// Remarks on lines of all reviews, oldest first.
pub(crate) async fn on_lines(
    State(github): State<Arc<GitHub>>,
    Path(path): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let at = at(&state, &path)?;
    let links = github.links();
    let reviews = at
        .pull
        .reviews
        .iter()
        .filter(|review| review.state != ReviewState::Pending);
    let comments = reviews.flat_map(|review| review.comments.iter().enumerate().map(move |comment| (review, comment)));
    let comments: Vec<_> = comments.collect();
    Ok(page::PAGING.answer(
        &github.instance.origin,
        &uri,
        &comments,
        |(review, (place, comment))| links.line_comment(&at, review, *place, comment),
    ))
}

pub(crate) async fn comments(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, index)): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let issue = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?;
    let since = Params::of(&uri).get("since").and_then(seconds);
    let mut comments: Vec<_> = issue.comments.iter().collect();
    comments.retain(|comment| since.as_ref().is_none_or(|since| comment.created_at >= *since));
    let links = github.links();
    Ok(
        page::PAGING.answer(&github.instance.origin, &uri, &comments, |comment| {
            links.comment(repo, issue, comment)
        }),
    )
}

pub(crate) async fn comment(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, index)): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "IssueComment")?;
    let text = input.required("body")?;
    if text.chars().count() > MAX_BODY {
        return Err(Problem::field("IssueComment", "body", "too_long"));
    }
    let mut state = github.state();
    let (repo, index) = (state.named(&owner, &name)?.id, number(&index)?);
    let comment = state.create_comment(repo, index, text)?;
    let repo = state.by_id(repo)?;
    let issue = repo.issue(index).ok_or_else(Problem::not_found)?;
    Ok(created(github.links().comment(repo, issue, &comment)))
}
