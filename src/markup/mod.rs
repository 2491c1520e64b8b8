//! Markdown into HTML, and HTML into Markdown that says the same.
//!
//! Markdown is CommonMark with tables and strikethrough, and HTML may stand in it. A block of HTML that does not come back
//! as it was when its Markdown is rendered stays HTML, so that nothing is lost but what is named.
//!
//! Invariant: what is made of HTML is rendered anew and compared before it is given out; what differs is named.

mod canonical;
mod dom;
mod markdown;
mod render;

pub use canonical::images;
pub use markdown::{Dialect, keeping, to_markdown};
pub use render::to_html;
