//! Pages of documentation as files.
//!
//! Invariant: a file is its provider's bytes as they are; nothing in them is read or made safe here.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::fields::PageRef;
use crate::catalogue::op::{Declaration, File, Op};

/// The kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A document to be printed.
    Pdf,
    /// One page of HTML with its images in it. It is the provider's, and has not been made safe to show.
    Html,
    /// Markdown, in the provider's dialect.
    Markdown,
    /// Plain text.
    Text,
}

/// Input of `docs.page.export`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageExportInput {
    pub page: PageRef,
    /// The kind of file.
    pub format: ExportFormat,
}

/// `docs.page.export`
pub struct PageExport;

impl Op for PageExport {
    type Input = PageExportInput;
    type Output = File;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("docs.page.export", "/docs/pages/{page}/export", "Get a page as a file").bytes();
    fn resource(input: &PageExportInput) -> Resource {
        input.page.resource()
    }
}

/// Input of `docs.page.export_markdown`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageExportMarkdownInput {
    pub page: PageRef,
}

/// `docs.page.export_markdown`
pub struct PageExportMarkdown;

impl Op for PageExportMarkdown {
    type Input = PageExportMarkdownInput;
    type Output = File;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "docs.page.export_markdown",
        "/docs/pages/{page}/export/markdown",
        "Get a page as a file of Markdown, in the provider's dialect",
    )
    .bytes();
    fn resource(input: &PageExportMarkdownInput) -> Resource {
        input.page.resource()
    }
}

/// Input of `docs.page.export_html`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageExportHtmlInput {
    pub page: PageRef,
}

/// `docs.page.export_html`
pub struct PageExportHtml;

impl Op for PageExportHtml {
    type Input = PageExportHtmlInput;
    type Output = File;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "docs.page.export_html",
        "/docs/pages/{page}/export/html",
        "Get a page as a file of HTML, which has not been made safe to show",
    )
    .bytes();
    fn resource(input: &PageExportHtmlInput) -> Resource {
        input.page.resource()
    }
}
