//! Changes of pages.
//!
//! Invariant: a page that somebody else has changed in the meantime is not overwritten where `if_match` is given.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::page::{DocPage, Format};
use super::topics::{ATTACHMENTS, COMMENTS, PAGE, PAGES};
use super::tree::PageRow;
use crate::catalogue::fields::{Markdown, Name, PageRef, ParentRef, Version, says};
use crate::catalogue::op::{Declaration, Op};
use crate::catalogue::outcome::Deleted;

/// Input of `docs.page.update`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageUpdateInput {
    pub page: PageRef,
    /// The new headline; default: as it is.
    pub title: Option<Name>,
    /// The new text, all of it; default: as it is.
    pub body: Option<Markdown>,
    /// How the text is written; default: markdown.
    #[serde(default)]
    pub format: Format,
    /// Also where `body` leaves out what the page holds and Markdown cannot say; otherwise `conflict`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lossy: bool,
    pub if_match: Option<Version>,
}

/// `docs.page.update`
pub struct PageUpdate;

impl Op for PageUpdate {
    type Input = PageUpdateInput;
    type Output = DocPage;
    const DECLARATION: &'static Declaration = &Declaration::patch::<Self>(
        "docs.page.update",
        "/docs/pages/{page}",
        "Change a page's headline or text",
    )
    .invalidates(&[PAGE, PAGES]);
    fn resource(input: &PageUpdateInput) -> Resource {
        input.page.resource()
    }
    fn check(input: &PageUpdateInput) -> Result<(), Failure> {
        match input.title.is_none() && input.body.is_none() {
            true => Err(Failure::invalid("body", "give a title, a body, or both")),
            false => Ok(()),
        }
    }
}

/// Input of `docs.page.append`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageAppendInput {
    pub page: PageRef,
    /// What shall stand behind the page's text, as Markdown.
    pub body: Markdown,
    pub if_match: Option<Version>,
}

/// `docs.page.append`. The `body` of its answer is the text as it is then; what was added, at a provider where the text would
/// have to be put together anew.
pub struct PageAppend;

impl Op for PageAppend {
    type Input = PageAppendInput;
    type Output = DocPage;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "docs.page.append",
        "/docs/pages/{page}/append",
        "Add text to a page's end",
    )
    .invalidates(&[PAGE, PAGES]);
    fn resource(input: &PageAppendInput) -> Resource {
        input.page.resource()
    }
    fn check(input: &PageAppendInput) -> Result<(), Failure> {
        says("body", &input.body)
    }
}

/// Input of `docs.page.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageDeleteInput {
    pub page: PageRef,
}

/// `docs.page.delete`
pub struct PageDelete;

impl Op for PageDelete {
    type Input = PageDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration =
        &Declaration::delete::<Self>("docs.page.delete", "/docs/pages/{page}", "Put a page into the trash")
            .invalidates(&[PAGE, PAGES, COMMENTS, ATTACHMENTS]);
    fn resource(input: &PageDeleteInput) -> Resource {
        input.page.resource()
    }
}

/// Input of `docs.page.restore`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageRestoreInput {
    pub page: PageRef,
}

/// `docs.page.restore`
pub struct PageRestore;

impl Op for PageRestore {
    type Input = PageRestoreInput;
    type Output = PageRow;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "docs.page.restore",
        "/docs/pages/{page}/restore",
        "Take a page back out of the trash",
    )
    .invalidates(&[PAGE, PAGES]);
    fn resource(input: &PageRestoreInput) -> Resource {
        input.page.resource()
    }
}

/// Input of `docs.page.move`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageMoveInput {
    pub page: PageRef,
    pub parent: ParentRef,
}

/// `docs.page.move`
pub struct PageMove;

impl Op for PageMove {
    type Input = PageMoveInput;
    type Output = PageRow;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "docs.page.move",
        "/docs/pages/{page}/move",
        "Put a page into something else",
    )
    .args(&["parent"])
    .invalidates(&[PAGE, PAGES]);
    fn resource(input: &PageMoveInput) -> Resource {
        input.page.resource()
    }
}
