//! Pages of documentation.
//!
//! Invariant: a page's id tells nothing of what it is in, so a new page is told to all who wait for one.

use mosaic_actors::call::{Resource, Tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::catalogue::fields::{Markdown, Name, PageRef, ParentRef};
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;
use crate::catalogue::tags::Topic;

/// One page.
const PAGE: Topic = Topic::whole("page");
/// Whatever pages there are.
pub(super) const PAGES: Topic = Topic::all("pages");

/// How a page's text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Markdown, in the provider's dialect.
    #[default]
    Markdown,
    /// A fragment of HTML. It is the provider's, and has not been made safe to show.
    Html,
}

/// A page of documentation.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocPage {
    /// The neutral id, e.g. `docs-a~42`.
    pub id: String,
    /// The headline.
    pub title: String,
    /// The neutral id of what it is in: a space, book, chapter or page.
    pub parent: Option<String>,
    /// How `body` is written.
    pub format: Format,
    /// The text.
    pub body: String,
    /// The name of who wrote it.
    pub author: Option<String>,
    /// Not published yet.
    pub draft: bool,
    /// Its page for people.
    pub web_url: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for DocPage {
    fn tags(&self) -> Vec<Tag> {
        vec![PAGE.tag_of_id(&self.id)]
    }
}

/// Input of `docs.page.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageGetInput {
    pub page: PageRef,
    /// How its text shall be written; default: markdown.
    #[serde(default)]
    pub format: Format,
}

/// `docs.page.get`
pub struct PageGet;

impl Op for PageGet {
    type Input = PageGetInput;
    type Output = DocPage;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("docs.page.get", "/docs/pages/{page}", "Get a page and its text")
            .carries(&[PAGE])
            .absent(&[PAGES]);
    fn resource(input: &PageGetInput) -> Resource {
        input.page.resource()
    }
}

/// Input of `docs.page.create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageCreateInput {
    pub parent: ParentRef,
    /// The headline.
    pub title: Name,
    pub body: Markdown,
    /// How the text is written; default: markdown.
    #[serde(default)]
    pub format: Format,
}

/// `docs.page.create`
pub struct PageCreate;

impl Op for PageCreate {
    type Input = PageCreateInput;
    type Output = DocPage;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("docs.page.create", "/docs/pages", "Create a page")
            .args(&["parent"])
            .invalidates(&[PAGES]);
    fn resource(input: &PageCreateInput) -> Resource {
        input.parent.resource()
    }
}
