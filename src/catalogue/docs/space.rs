//! Spaces: what pages are kept in.
//!
//! Invariant: a space's id is accepted as the `parent` of a page.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::SPACES;
use crate::catalogue::fields::{Cursor, Markdown, Name, PageSize, ParentRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// What pages are kept in.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Space {
    /// The neutral id, e.g. `docs-a~book/3`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is, in the provider's own word: a book, a shelf, a page, a data source.
    pub raw_kind: String,
    /// What it is about, plain text.
    pub description: Option<String>,
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

impl<I> Output<I> for Space {}

/// Which spaces a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpaceKind {
    /// What holds pages.
    #[default]
    Space,
    /// What gathers spaces, and is no page's parent: a shelf.
    Collection,
}

/// Input of `docs.space.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceListInput {
    /// Default: space.
    #[serde(default)]
    pub kind: SpaceKind,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `docs.space.list`
pub struct SpaceList;

impl Op for SpaceList {
    type Input = SpaceListInput;
    type Output = Page<Space>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("docs.space.list", "/docs/spaces", "List what pages are kept in").carries(&[SPACES]);
    fn resource(_input: &SpaceListInput) -> Resource {
        Resource::none()
    }
}

paged!(SpaceListInput);

/// Input of `docs.space.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceCreateInput {
    /// What it shall be called.
    pub name: Name,
    /// What it is about.
    pub description: Option<Markdown>,
    /// What it shall be in, where spaces are within something.
    pub parent: Option<ParentRef>,
}

/// `docs.space.create`
pub struct SpaceCreate;

impl Op for SpaceCreate {
    type Input = SpaceCreateInput;
    type Output = Space;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("docs.space.create", "/docs/spaces", "Create what pages are kept in")
            .args(&["name"])
            .invalidates(&[SPACES]);
    fn resource(input: &SpaceCreateInput) -> Resource {
        input.parent.as_ref().map_or_else(Resource::none, ParentRef::resource)
    }
}
