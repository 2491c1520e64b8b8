//! Searching pages.
//!
//! Invariant: a hit names a page that can be read by its id.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::PAGES;
use crate::catalogue::fields::{Cursor, Name, PageSize};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A page that a search has found.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The page's neutral id, e.g. `docs-a~42`.
    pub id: String,
    /// The headline.
    pub title: String,
    /// The neutral id of what it is in: a space, book, chapter or page.
    pub parent: Option<String>,
    /// Plain text around what was found.
    pub excerpt: Option<String>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// Input of `docs.search`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchInput {
    /// Words; what else it may hold is the provider's own syntax.
    pub query: Name,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `docs.search`
pub struct Search;

impl Op for Search {
    type Input = SearchInput;
    type Output = Page<Hit>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>("docs.search", "/docs/search", "Find pages")
        .args(&["query"])
        .carries(&[PAGES])
        // A new page is found as soon as the provider has indexed it, and it does not tell when.
        .cached(5, 600, 10)
        .common();
    fn resource(_input: &SearchInput) -> Resource {
        Resource::none()
    }
}

paged!(SearchInput);
