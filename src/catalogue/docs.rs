//! Docs: the pages of a documentation system.
//!
//! Invariant: every `id` and `parent` in an output is accepted as an input: a page's `instance~42`, and its parent's,
//! whose native form the provider's driver defines.

use std::time::Duration;

use mosaic_actors::call::{CacheTimes, CostClass, Operation, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Declaration, Method, Op, Output, Page, check_limit, check_name};

const fn read(name: &'static str, carries: &'static [&'static str], fresh_secs: u64) -> Operation {
    Operation {
        name,
        service: "docs",
        safe: true,
        idempotent: true,
        streaming: false,
        cache: Some(CacheTimes {
            fresh: Duration::from_secs(fresh_secs),
            stale: Duration::from_secs(600),
            negative: Duration::from_secs(10),
        }),
        carries,
        invalidates: &[],
        cost: CostClass::Read,
    }
}

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocPage {
    /// The neutral id, e.g. `docs-a~42`.
    pub id: String,
    /// The headline.
    pub title: String,
    /// The neutral id of what it is in: a space, book, chapter or page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How `body` is written.
    pub format: Format,
    /// The text.
    pub body: String,
    /// The name of who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Not published yet.
    pub draft: bool,
    /// Its page for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

impl Output for DocPage {}

/// A page that a search has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The page's neutral id, e.g. `docs-a~42`.
    pub id: String,
    /// The headline.
    pub title: String,
    /// The neutral id of what it is in: a space, book, chapter or page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Plain text around what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// Its page for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

/// Input of `docs.search`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchInput {
    /// Words; what else it may hold is the provider's own syntax.
    pub query: String,
    /// From the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows a page, 1 to 100; default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `docs.search`
pub struct Search;

impl Op for Search {
    type Input = SearchInput;
    type Output = Page<Hit>;
    const DECLARATION: &'static Declaration = &Declaration {
        // A search is about no parent, so no new page can make its answer invalid: it is kept only shortly.
        facts: read("docs.search", &[], 5),
        method: Method::Get,
        path: "/docs/search",
        positional: &["query"],
        summary: "Find pages",
    };
    fn resource(_input: &SearchInput) -> Result<Resource, Failure> {
        Ok(Resource::none())
    }
    fn check(input: &SearchInput) -> Result<(), Failure> {
        check_name("query", &input.query)?;
        check_limit(input.limit)
    }
    fn cursor(input: &mut SearchInput) -> Option<&mut Option<String>> {
        Some(&mut input.cursor)
    }
}

/// Input of `docs.page.get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageGetInput {
    /// The provider's id of the page, or a neutral id.
    pub page: String,
    /// How its text shall be written; default: markdown.
    #[serde(default)]
    pub format: Format,
}

/// `docs.page.get`
pub struct PageGet;

impl Op for PageGet {
    type Input = PageGetInput;
    type Output = DocPage;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("docs.page.get", &["page"], 30),
        method: Method::Get,
        path: "/docs/pages/{page}",
        positional: &["page"],
        summary: "Get a page and its text",
    };
    fn resource(input: &PageGetInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.page))
    }
    fn check(input: &PageGetInput) -> Result<(), Failure> {
        check_name("page", &input.page)
    }
}

/// Input of `docs.page.create`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageCreateInput {
    /// What it shall be in, as another page's `parent` names it.
    pub parent: String,
    /// The headline.
    pub title: String,
    /// The text.
    pub body: String,
    /// How the text is written; default: markdown.
    #[serde(default)]
    pub format: Format,
}

/// `docs.page.create`
pub struct PageCreate;

impl Op for PageCreate {
    type Input = PageCreateInput;
    type Output = DocPage;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: Operation {
            name: "docs.page.create",
            service: "docs",
            safe: false,
            idempotent: false,
            streaming: false,
            cache: None,
            carries: &[],
            invalidates: &["pages"],
            cost: CostClass::Write,
        },
        method: Method::Post,
        path: "/docs/pages",
        positional: &["parent"],
        summary: "Create a page",
    };
    fn resource(input: &PageCreateInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.parent))
    }
    fn check(input: &PageCreateInput) -> Result<(), Failure> {
        check_name("parent", &input.parent)?;
        check_name("title", &input.title)
    }
}
