//! Pages of documentation.
//!
//! Invariant: a page's `body` says all that its provider keeps, or `lost` names what it does not say.

use mosaic_actors::call::{Resource, Tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{PAGE, PAGES};
use crate::catalogue::fields::{Markdown, Name, PageRef, ParentRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;

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
    /// What of the page could not be written as `format` has it, and stands in `body` as a mark at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
    /// What stands for its state, to be given back as `if_match`.
    pub version: Option<String>,
    /// Who wrote it.
    pub author: Option<Person>,
    /// Not published yet.
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

/// What could not be said in another markup.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lost {
    /// What it is, in the provider's own word.
    pub what: String,
    /// The provider's id of it, where it has one.
    pub id: Option<String>,
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
            .absent(&[PAGES])
            .common();
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
