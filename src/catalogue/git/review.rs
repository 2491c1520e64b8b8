//! What is said of pull requests: reviews and comments.
//!
//! Invariant: a review says what it decides; one that nobody sees yet is never reported as given.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{PULL, PULLS};
use crate::catalogue::fields::{Cursor, Markdown, PageSize, PullRef, Version, says};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A review of a pull request.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// The provider's id of it, where it has one.
    pub id: Option<String>,
    /// What it decides.
    pub verdict: Verdict,
    /// What it decides, in the provider's own word.
    pub raw_verdict: String,
    /// Whose it is.
    pub author: Option<Person>,
    /// The text, Markdown.
    pub body: Option<String>,
    /// The commit that was looked at, where the provider tells.
    pub commit: Option<String>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub submitted_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Review {}

/// What a review decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It can be merged.
    Approved,
    /// It cannot be merged as it is.
    ChangesRequested,
    /// Nothing; it only remarks. Also where the provider's word is one that is not known here.
    Commented,
    /// Nothing yet: it was begun and not sent.
    Pending,
    /// Nothing any more: somebody has taken it back.
    Dismissed,
}

/// What a review shall decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewEvent {
    /// It can be merged.
    Approve,
    /// It cannot be merged as it is; it needs a `body`.
    RequestChanges,
    /// Nothing; it needs a `body`.
    #[default]
    Comment,
}

/// Input of `git.pr.review`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullReviewInput {
    pub pr: PullRef,
    /// What it shall decide.
    pub event: ReviewEvent,
    /// The text.
    pub body: Option<Markdown>,
    /// The commit that was looked at; where the head is another by now, `precondition_failed`.
    pub if_match: Option<Version>,
}

/// `git.pr.review`
pub struct PullReview;

impl Op for PullReview {
    type Input = PullReviewInput;
    type Output = Review;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.pr.review", "/git/prs/{pr}/reviews", "Review a pull request")
            .args(&["event"])
            .invalidates(&[PULL, PULLS]);
    fn resource(input: &PullReviewInput) -> Resource {
        input.pr.resource()
    }
    fn check(input: &PullReviewInput) -> Result<(), Failure> {
        let says = input.body.as_deref().is_some_and(|body| !body.trim().is_empty());
        match input.event {
            ReviewEvent::Approve => Ok(()),
            _ if says => Ok(()),
            _ => Err(Failure::invalid("body", "body is required unless the review approves")),
        }
    }
}

/// Input of `git.pr.reviews`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullReviewsInput {
    pub pr: PullRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.pr.reviews`
pub struct PullReviews;

impl Op for PullReviews {
    type Input = PullReviewsInput;
    type Output = Page<Review>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.pr.reviews",
        "/git/prs/{pr}/reviews",
        "List a pull request's reviews, oldest first",
    )
    .carries(&[PULL, PULLS])
    .cached(10, 300, 5);
    fn resource(input: &PullReviewsInput) -> Resource {
        input.pr.resource()
    }
}

paged!(PullReviewsInput);

/// A comment.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    /// The provider's id of it.
    pub id: String,
    /// The text, Markdown.
    pub body: String,
    /// Who wrote it.
    #[schemars(extend("x-column" = true))]
    pub author: Option<Person>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    #[schemars(extend("x-column" = true))]
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Comment {}

/// Input of `git.pr.comment`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullCommentInput {
    pub pr: PullRef,
    /// The text. Nothing in it is a command to the provider.
    pub body: Markdown,
}

/// `git.pr.comment`
pub struct PullComment;

impl Op for PullComment {
    type Input = PullCommentInput;
    type Output = Comment;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.pr.comment", "/git/prs/{pr}/comments", "Comment on a pull request")
            .args(&["body"])
            .invalidates(&[PULL])
            .common();
    fn resource(input: &PullCommentInput) -> Resource {
        input.pr.resource()
    }
    fn check(input: &PullCommentInput) -> Result<(), Failure> {
        says("body", &input.body)
    }
}

/// Input of `git.pr.comments`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullCommentsInput {
    pub pr: PullRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.pr.comments`
pub struct PullComments;

impl Op for PullComments {
    type Input = PullCommentsInput;
    type Output = Page<Comment>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.pr.comments",
        "/git/prs/{pr}/comments",
        "List a pull request's comments, oldest first",
    )
    .carries(&[PULL, PULLS])
    .cached(10, 300, 5);
    fn resource(input: &PullCommentsInput) -> Resource {
        input.pr.resource()
    }
}

paged!(PullCommentsInput);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_approval_needs_no_words() {
        let review = |event, body: Option<&str>| {
            let pr = "acme/api#7".into();
            let body = body.map(Into::into);
            let input = PullReviewInput {
                pr,
                event,
                body,
                if_match: None,
            };
            PullReview::check(&input).err().and_then(|failure| failure.field)
        };
        assert_eq!(review(ReviewEvent::Approve, None), None);
        assert_eq!(review(ReviewEvent::Comment, Some("why?")), None);
        assert_eq!(review(ReviewEvent::Comment, Some(" ")).as_deref(), Some("body"));
        assert_eq!(review(ReviewEvent::RequestChanges, None).as_deref(), Some("body"));
    }
}
