//! Markdown (CommonMark with tables, strikethrough and task lists) from blocks, and blocks from Markdown. Pure.
//!
//! What Notion has and Markdown has not stands in tags: `<notion-callout …>` around what is in it, `<span data-color="red">`,
//! `<u>`, a mention or an equation as `<span data-notion="…">`, an empty paragraph as `<empty-block/>`; a block that cannot be
//! made by us is a comment that names its type and id. What Markdown has and Notion has not is kept as HTML, in a code block
//! with the caption "raw HTML" or in grey code within a text; what is lost of it is told.
//!
//! Lost on the way to Notion, and named by the answer about a page; what is refused of an issue, which has no place to name
//! it, is marked so:
//!
//! | what | what comes back |
//! |---|---|
//! | blank lines between the items of a list | none, but where an item holds more than its text and a list |
//! | where a list ends and another of its kind begins | one list |
//! | the number that a list begins with | 1 (refused) |
//! | headings below the third level | headings of the third level (refused) |
//! | the order of emphases and links around the same words | emphasis, strong, strikethrough, link |
//! | emphasis within the same emphasis | once |
//! | line ends that are written as characters, and HTML that never ends | line breaks; HTML in a code block |
//! | titles of links that Notion takes, the alignment of columns | none (refused) |
//! | the unity of a text of more than 100 parts | several blocks (refused) |
//!
//! Invariant: what is written from blocks is read as the same blocks.

mod inline;
pub mod read;
mod tags;
mod words;
pub mod write;

pub use read::{TooDeep, read};
pub use words::{Place, words};
pub use write::{alone, write};

#[cfg(test)]
mod tests;
