//! Markdown into HTML.
//!
//! Invariant: one dialect is read everywhere: CommonMark, and beside it what the editors of documentation systems make most.

use pulldown_cmark::{Options, Parser, html};

const BESIDE: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH);

/// Renders Markdown.
pub fn to_html(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut text, Parser::new_ext(markdown, BESIDE));
    text
}
