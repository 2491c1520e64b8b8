//! Markdown on its way into a page. Pure.
//!
//! Invariant: what is shown otherwise than it was written is named.

use mosaic_actors::error::Failure;

use super::{block, convert, markdown, parts};
use crate::catalogue::docs::Lost;
use crate::markup;

/// What blank lines between items, lists beside each other, and emphases within each other come to.
const RESHAPED: &str = "the form of a list or of an emphasis";

/// Markdown as blocks that can be made, and what is lost on the way.
pub(super) struct Text {
    pub blocks: Vec<block::Block>,
    pub lost: Vec<Lost>,
    /// What is shown otherwise than it was written, where `lost` does not say why.
    reshaped: Option<Lost>,
}

impl Text {
    /// Reads Markdown.
    pub fn read(body: &str) -> Result<Self, Failure> {
        let told = markdown::read(body)
            .map_err(|markdown::TooDeep| Failure::invalid("body", "body is nested too deeply").never_sent())?;
        let mut lost = told.lost;
        let blocks = parts::cut(told.blocks, &mut lost);
        let same = !lost.is_empty() || markup::alike(&unmarked(body), &unmarked(&markdown::write(&blocks)));
        Ok(Text {
            blocks,
            lost: convert::lost(lost),
            reshaped: convert::lost(vec![RESHAPED.to_owned()]).pop().filter(|_| !same),
        })
    }

    /// All that a page's answer names.
    pub fn told(&self) -> Vec<Lost> {
        self.lost.iter().chain(&self.reshaped).cloned().collect()
    }

    /// Of a page that holds nothing yet, to which nothing that stays can belong.
    pub fn of_new(body: &str) -> Result<Self, Failure> {
        let text = Self::read(body)?;
        let mut lost = text.lost;
        let blocks = parts::makeable(text.blocks, &mut lost);
        Ok(Text { blocks, lost, ..text })
    }
}

/// Without the marks of what stays where it is, which may say more than is needed to know it.
fn unmarked(text: &str) -> String {
    let mut pieces = text.split("<!-- notion:");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.split_once("-->").map_or(piece, |(_, behind)| behind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> Vec<String> {
        let text = Text::of_new(body).expect("not deep");
        text.told().into_iter().map(|lost| lost.what).collect()
    }

    #[test]
    fn what_is_shown_otherwise_is_named() {
        assert_eq!(told("# a\n\n- b\n- c\n\n*d* **e**"), Vec::<String>::new());
        assert_eq!(told("- a\n\n- b"), [RESHAPED]);
        assert_eq!(told("3. a"), ["the number that a list begins with"]);
        let kept = Text::read("a\n\n<!-- notion:form 00000000-0000-4000-8000-000000000003 Name -->").expect("not deep");
        assert_eq!(kept.told(), []);
    }
}
