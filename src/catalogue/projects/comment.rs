//! Comments on issues.
//!
//! Invariant: a comment's id is its issue's and its own, `acme/api#7/4411`, so that whoever writes tells who reads.

use mosaic_actors::call::{Resource, Tags};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{COMMENTS, ISSUE, ISSUES};
use crate::catalogue::fields::{Cursor, IssueCommentRef, IssueRef, Markdown, PageSize, says};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A comment on an issue.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssueComment {
    /// The neutral id, e.g. `forge-a~acme/api#7/4411`.
    pub id: String,
    /// The text, Markdown.
    pub body: String,
    /// Who wrote it.
    #[schemars(extend("x-column" = true))]
    pub author: Option<Person>,
    /// Only members see it, where the tracker tells.
    pub internal: Option<bool>,
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

impl<I> Output<I> for IssueComment {}

/// A comment has changed: its issue is no longer as it was, nor is the list of its comments.
fn beside(mut declared: Tags, comment: &Resource) -> Tags {
    let native = comment.native();
    let issue = native.rsplit_once('/').map_or(&**native, |(issue, _)| issue);
    declared.invalidates.extend([COMMENTS.tag(issue), ISSUE.tag(issue)]);
    declared
}

/// Input of `projects.comment.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCommentListInput {
    pub issue: IssueRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `projects.comment.list`
pub struct IssueCommentList;

impl Op for IssueCommentList {
    type Input = IssueCommentListInput;
    type Output = Page<IssueComment>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "projects.comment.list",
        "/projects/issues/{issue}/comments",
        "List an issue's comments, oldest first",
    )
    .carries(&[COMMENTS])
    .absent(&[ISSUES])
    .cached(10, 300, 5);
    fn resource(input: &IssueCommentListInput) -> Resource {
        input.issue.resource()
    }
}

paged!(IssueCommentListInput);

/// Input of `projects.comment.create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCommentCreateInput {
    pub issue: IssueRef,
    /// The text. Nothing in it is a command to the provider.
    pub body: Markdown,
}

/// `projects.comment.create`
pub struct IssueCommentCreate;

impl Op for IssueCommentCreate {
    type Input = IssueCommentCreateInput;
    type Output = IssueComment;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "projects.comment.create",
        "/projects/issues/{issue}/comments",
        "Comment on an issue",
    )
    .args(&["body"])
    .invalidates(&[COMMENTS, ISSUE, ISSUES])
    .common();
    fn resource(input: &IssueCommentCreateInput) -> Resource {
        input.issue.resource()
    }
    fn check(input: &IssueCommentCreateInput) -> Result<(), Failure> {
        says("body", &input.body)
    }
}

/// Input of `projects.comment.update`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCommentUpdateInput {
    pub comment: IssueCommentRef,
    /// The new text, all of it.
    pub body: Markdown,
}

/// `projects.comment.update`
pub struct IssueCommentUpdate;

impl Op for IssueCommentUpdate {
    type Input = IssueCommentUpdateInput;
    type Output = IssueComment;
    const DECLARATION: &'static Declaration = &Declaration::patch::<Self>(
        "projects.comment.update",
        "/projects/comments/{comment}",
        "Change a comment on an issue",
    )
    .args(&["body"])
    .invalidates(&[ISSUES]);
    fn resource(input: &IssueCommentUpdateInput) -> Resource {
        input.comment.resource()
    }
    fn tags(_input: &IssueCommentUpdateInput, resource: &Resource) -> Tags {
        beside(Self::DECLARATION.tags(resource), resource)
    }
    fn check(input: &IssueCommentUpdateInput) -> Result<(), Failure> {
        says("body", &input.body)
    }
}

/// Input of `projects.comment.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCommentDeleteInput {
    pub comment: IssueCommentRef,
}

/// `projects.comment.delete`
pub struct IssueCommentDelete;

impl Op for IssueCommentDelete {
    type Input = IssueCommentDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration = &Declaration::delete::<Self>(
        "projects.comment.delete",
        "/projects/comments/{comment}",
        "Delete a comment on an issue",
    )
    .invalidates(&[ISSUES]);
    fn resource(input: &IssueCommentDeleteInput) -> Resource {
        input.comment.resource()
    }
    fn tags(_input: &IssueCommentDeleteInput, resource: &Resource) -> Tags {
        beside(Self::DECLARATION.tags(resource), resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_of_a_comment_is_told_to_who_lists_those_of_its_issue() {
        let listed = IssueCommentListInput {
            issue: "acme/api#7".into(),
            ..IssueCommentListInput::default()
        };
        let listed = IssueCommentList::tags(&listed, &IssueCommentList::resource(&listed)).carries;
        let written = IssueCommentDeleteInput {
            comment: "forge~acme/api#7/4411".into(),
        };
        let written = IssueCommentDelete::tags(&written, &IssueCommentDelete::resource(&written)).invalidates;
        assert!(listed.iter().all(|tag| written.contains(tag)), "{listed:?} {written:?}");
    }
}
