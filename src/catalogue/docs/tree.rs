//! Lists of pages: all, and those within something.
//!
//! Invariant: a row's id is accepted as a page where it is one, and as a parent where it holds pages.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::PAGES;
use crate::catalogue::fields::{Cursor, PageSize, ParentRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A page in a list, without its text.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageRow {
    /// The neutral id, e.g. `docs-a~42`.
    pub id: String,
    /// The headline.
    pub title: String,
    /// A page, or what only holds pages.
    pub kind: RowKind,
    /// The neutral id of what it is in: a space, book, chapter or page.
    pub parent: Option<String>,
    /// What stands for its state, to be given as `if_match`.
    pub version: Option<String>,
    /// Not published yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
    /// In the trash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trashed: bool,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for PageRow {}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// A page.
    Page,
    /// What holds pages and has no text: a chapter, a database.
    Section,
}

/// Input of `docs.page.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageListInput {
    /// Only those somewhere within this space.
    pub space: Option<ParentRef>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `docs.page.list`
pub struct PageList;

impl Op for PageList {
    type Input = PageListInput;
    type Output = Page<PageRow>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("docs.page.list", "/docs/pages", "List pages").carries(&[PAGES]);
    fn resource(input: &PageListInput) -> Resource {
        input.space.as_ref().map_or_else(Resource::none, ParentRef::resource)
    }
}

paged!(PageListInput);

/// Input of `docs.page.list_children`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageChildrenInput {
    pub parent: ParentRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `docs.page.list_children`
pub struct PageChildren;

impl Op for PageChildren {
    type Input = PageChildrenInput;
    type Output = Page<PageRow>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "docs.page.list_children",
        "/docs/pages/{parent}/children",
        "List what is directly within a space or page",
    )
    .carries(&[PAGES]);
    fn resource(input: &PageChildrenInput) -> Resource {
        input.parent.resource()
    }
}

paged!(PageChildrenInput);
