//! Comments on pages.
//!
//! Invariant: a comment's id holds its page's, so that what is written here is told to who lists that page's comments.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{COMMENTS, PAGES};
use crate::catalogue::fields::{Cursor, Markdown, PageCommentRef, PageRef, PageSize, says};
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A comment on a page.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageComment {
    /// The neutral id, e.g. `docs-a~42/7`.
    pub id: String,
    /// The text, Markdown.
    pub body: String,
    /// The neutral id of the comment that it replies to.
    pub reply_to: Option<String>,
    /// Who wrote it.
    pub author: Option<Person>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for PageComment {}

/// Input of `docs.comment.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageCommentListInput {
    pub page: PageRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `docs.comment.list`
pub struct PageCommentList;

impl Op for PageCommentList {
    type Input = PageCommentListInput;
    type Output = Page<PageComment>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "docs.comment.list",
        "/docs/pages/{page}/comments",
        "List the comments on a page; those of closed discussions may be missing",
    )
    .carries(&[COMMENTS])
    .absent(&[PAGES])
    .cached(10, 300, 5);
    fn resource(input: &PageCommentListInput) -> Resource {
        input.page.resource()
    }
}

paged!(PageCommentListInput);

/// Input of `docs.comment.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageCommentCreateInput {
    pub page: PageRef,
    /// The text.
    pub body: Markdown,
    /// The comment that it replies to.
    pub reply_to: Option<PageCommentRef>,
}

/// `docs.comment.create`
pub struct PageCommentCreate;

impl Op for PageCommentCreate {
    type Input = PageCommentCreateInput;
    type Output = PageComment;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "docs.comment.create",
        "/docs/pages/{page}/comments",
        "Comment on a page",
    )
    .args(&["body"])
    .invalidates(&[COMMENTS]);
    fn resource(input: &PageCommentCreateInput) -> Resource {
        input.page.resource()
    }
    fn check(input: &PageCommentCreateInput) -> Result<(), Failure> {
        says("body", &input.body)
    }
}
