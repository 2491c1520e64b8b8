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
mod tags;

pub use canonical::images;
pub use markdown::{Dialect, keeping, to_markdown};
pub use render::to_html;

/// Whether two texts of Markdown are shown alike.
pub fn alike(one: &str, other: &str) -> bool {
    let form = |markdown| canonical::canonical(&to_html(markdown), "");
    one == other || form(one) == form(other)
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn what_is_shown_alike_is_alike() {
        for (one, other) in [
            ("a", "a"),
            ("*a*\nb", "_a_ b"),
            ("- a\n- b", "* a\n* b"),
            ("# a", "a\n="),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("a", "b"),
            ("- a\n\n- b", "- a\n- b"),
            ("3. a", "1. a"),
            ("**a**", "*a*"),
        ] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }
}
