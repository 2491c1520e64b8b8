//! A page's text: from the markup that it is kept in to the one that is asked for, and back.
//!
//! Invariant: a text is made of what is stored, never of what is shown, and goes back in the markup that the page has; what
//! either markup cannot say is named, or refused.

use mosaic_actors::error::{Failure, Kind};

use super::wire::Page;
use crate::catalogue::docs::{Format, Lost};
use crate::leisure::at_leisure;
use crate::markup::{self, Dialect};

/// Ids that BookStack makes by itself, and what it takes for the text of another page.
const DIALECT: Dialect = Dialect {
    generated: "bkmrk-",
    verbatim: include,
};
/// So much longer than JSON of the same length takes markup to be converted.
const SLOW: usize = 16;

/// How long the include is that `text` begins with: `{{@12}}` or `{{@12#bkmrk-x}}`.
fn include(text: &str) -> usize {
    let Some(inner) = text.strip_prefix("{{@") else {
        return 0;
    };
    let numbered = inner.trim_start_matches(' ').starts_with(|c: char| c.is_ascii_digit());
    match inner
        .find("}}")
        .filter(|end| numbered && !inner[..*end].contains(['\n', '<']))
    {
        Some(end) => "{{@".len() + end + "}}".len(),
        None => 0,
    }
}

/// What is stored of a page.
enum Kept<'a> {
    Markdown(&'a str),
    Html(&'a str),
    /// HTML that the server does not tell as it is stored.
    Untold,
    Nothing,
}

fn kept(page: &Page) -> Kept<'_> {
    fn filled(text: &Option<String>) -> Option<&str> {
        text.as_deref().filter(|text| !text.is_empty())
    }
    match (filled(&page.markdown), filled(&page.raw_html)) {
        (Some(markdown), _) => Kept::Markdown(markdown),
        (None, Some(html)) => Kept::Html(html),
        (None, None) if page.html.is_empty() => Kept::Nothing,
        (None, None) => Kept::Untold,
    }
}

/// A text, and what it does not say.
pub struct Text {
    pub body: String,
    pub lost: Vec<Lost>,
}

impl Text {
    pub fn of(body: impl Into<String>) -> Self {
        Text {
            body: body.into(),
            lost: vec![],
        }
    }

    /// One that was made of something else than what is stored.
    pub fn untold(mut self) -> Self {
        self.lost.push(lost("raw_html"));
        self
    }
}

fn lost(what: &str) -> Lost {
    Lost {
        what: what.to_owned(),
        id: None,
    }
}

/// HTML as Markdown.
pub fn markdown(html: &str) -> Text {
    let made = at_leisure(html.len().saturating_mul(SLOW), || markup::to_markdown(html, DIALECT));
    Text {
        body: made.text,
        lost: made.lost.iter().map(|what| lost(what)).collect(),
    }
}

/// Markdown as HTML.
pub fn html(markdown: &str) -> String {
    at_leisure(markdown.len().saturating_mul(SLOW), || markup::to_html(markdown))
}

/// The page's text. `None`: it would have to be made of what is shown.
pub fn text(page: &Page, format: Format) -> Option<Text> {
    match (format, kept(page)) {
        (Format::Markdown, Kept::Markdown(text)) => Some(Text::of(text)),
        (Format::Markdown, Kept::Html(html)) => Some(markdown(html)),
        (Format::Markdown, Kept::Untold) => None,
        (_, Kept::Nothing) => Some(Text::of("")),
        (Format::Html, _) => Some(match page.raw_html.as_deref().filter(|html| !html.is_empty()) {
            Some(html) => Text::of(html),
            None => Text::of(&*page.html).untold(),
        }),
    }
}

/// The page's text, of what a write has answered and no more.
pub fn answered(page: &Page, format: Format) -> Text {
    text(page, format).unwrap_or_else(|| markdown(&page.html).untold())
}

/// A text as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    Markdown(String),
    Html(String),
}

impl Sent {
    /// As its caller gave it.
    pub fn of(body: &str, format: Format) -> Self {
        match format {
            Format::Markdown => Sent::Markdown(body.to_owned()),
            Format::Html => Sent::Html(body.to_owned()),
        }
    }

    /// The fields that it is sent in: Markdown, HTML.
    pub fn fields(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Sent::Markdown(text) => (Some(text), None),
            Sent::Html(text) => (None, Some(text)),
        }
    }

    /// The images that were sent and are not there: BookStack takes those that stand in the text out of it, and drops
    /// those that it does not like without a word.
    pub fn dropped(&self, answer: &Page) -> Vec<Lost> {
        let sent = match self {
            Sent::Markdown(text) => markup::images(&html(text)),
            Sent::Html(text) => markup::images(text),
        };
        if sent == 0 {
            return vec![];
        }
        let stored = answer.raw_html.as_deref().filter(|html| !html.is_empty());
        let there = markup::images(stored.unwrap_or(&answer.html));
        vec![lost("image"); sent.saturating_sub(there)]
    }
}

/// A page's new text, in the markup that the page has.
///
/// # Errors
/// `conflict` where that would lose something, unless it may be `lossy`.
pub fn replaced(page: &Page, body: &str, format: Format, lossy: bool) -> Result<Sent, Failure> {
    let conflict = |sentence| {
        let mut failure = Failure::new(Kind::Conflict, sentence);
        failure.field = Some("lossy".into());
        Err(failure.never_sent())
    };
    match (kept(page), format) {
        (Kept::Untold, _) if !lossy => {
            conflict("this release does not tell how the page is stored, so that something of it may be lost")
        }
        (Kept::Markdown(_), Format::Html) => {
            let made = markdown(body);
            match made.lost.is_empty() {
                true => Ok(Sent::Markdown(made.body)),
                false if lossy => Ok(Sent::Html(body.to_owned())),
                false => conflict("the page is kept as Markdown, which cannot say all of this HTML"),
            }
        }
        (Kept::Html(old), Format::Markdown) => {
            if !lossy && !markdown(old).lost.is_empty() {
                return conflict("the page holds what Markdown cannot say");
            }
            Ok(Sent::Html(markup::keeping(old, &html(body), DIALECT.generated)))
        }
        (Kept::Untold, Format::Markdown) => Ok(Sent::Html(html(body))),
        _ => Ok(Sent::of(body, format)),
    }
}

/// A page's text with more behind it, which is Markdown.
///
/// # Errors
/// `unsupported` where the server does not tell what is there.
pub fn appended(page: &Page, body: &str) -> Result<Sent, Failure> {
    match kept(page) {
        Kept::Markdown(text) => Ok(Sent::Markdown(format!("{}\n\n{body}", text.trim_end()))),
        Kept::Html(old) => Ok(Sent::Html(format!("{old}\n{}", html(body)))),
        Kept::Nothing => Ok(Sent::of(body, Format::Markdown)),
        Kept::Untold => {
            let sentence = "this release does not tell how the page is stored, so that nothing can be added to it";
            Err(Failure::new(Kind::Unsupported, sentence).never_sent())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(markdown: &str, raw_html: Option<&str>, html: &str) -> Page {
        let json = json!({"id": 1, "markdown": markdown, "raw_html": raw_html, "html": html});
        serde_json::from_value(json).expect("a page")
    }

    #[test]
    fn b3_includes_are_told_from_other_braces() {
        for (text, length) in [
            ("{{@12}} x", 7),
            ("{{@12#bkmrk-a_b}}", 17),
            ("{{@ 12}}", 8),
            ("{{@x}}", 0),
            ("{{12}}", 0),
            ("{{@12", 0),
            ("{{@1\n}}", 0),
        ] {
            assert_eq!(include(text), length, "{text}");
        }
        let html = "<p>{{@12#bkmrk-a_b_c}} and {{@3}}</p>";
        assert_eq!(markdown(html).body, "{{@12#bkmrk-a_b_c}} and {{@3}}");
        assert_eq!(super::html("{{@12#bkmrk-a_b_c}} and {{@3}}").trim_end(), html);
    }

    #[test]
    fn b5_a_page_is_written_in_the_markup_that_it_has() {
        let in_markdown = page("old", Some("<p>old</p>"), "<p>old</p>");
        let sent = |page: &Page, body, format, lossy| replaced(page, body, format, lossy);
        let refused = |page: &Page, body, format| {
            let failure = sent(page, body, format, false).expect_err("refused");
            assert_eq!(
                (failure.kind, failure.field.as_deref()),
                (Kind::Conflict, Some("lossy"))
            );
            assert!(failure.unsent);
        };
        assert_eq!(
            sent(&in_markdown, "*new*", Format::Markdown, false).unwrap(),
            Sent::Markdown("*new*".into())
        );
        assert_eq!(
            sent(&in_markdown, "<p><em>new</em></p>", Format::Html, false).unwrap(),
            Sent::Markdown("*new*".into())
        );
        let deep = format!("{}x{}", "<div>".repeat(200), "</div>".repeat(200));
        refused(&in_markdown, &deep, Format::Html);
        assert_eq!(
            sent(&in_markdown, &deep, Format::Html, true).unwrap(),
            Sent::Html(deep.clone())
        );
        // The block that stays keeps its id, which links point at.
        let wysiwyg = page("", Some("<p id=\"bkmrk-one\">one</p><p id=\"bkmrk-two\">two</p>"), "");
        assert_eq!(
            sent(&wysiwyg, "zero\n\ntwo", Format::Markdown, false).unwrap(),
            Sent::Html("<p>zero</p>\n<p id=\"bkmrk-two\">two</p>".into())
        );
        assert_eq!(
            sent(&wysiwyg, "<p>x</p>", Format::Html, false).unwrap(),
            Sent::Html("<p>x</p>".into())
        );
        let strange = page("", Some(&deep), "");
        refused(&strange, "x", Format::Markdown);
        assert_eq!(
            sent(&strange, "x", Format::Markdown, true).unwrap(),
            Sent::Html("<p>x</p>\n".into())
        );
        let untold = page("", None, "<p>shown</p>");
        refused(&untold, "x", Format::Markdown);
        refused(&untold, "<p>x</p>", Format::Html);
        let empty = page("", Some(""), "");
        assert_eq!(
            sent(&empty, "x", Format::Markdown, false).unwrap(),
            Sent::Markdown("x".into())
        );
    }

    #[test]
    fn b1_what_is_added_goes_behind_what_is_stored() {
        let stored = "<p id=\"bkmrk-a\">{{@1}}</p>";
        let wysiwyg = page("", Some(stored), "<p id=\"bkmrk-a\">of another page</p>");
        let sent = Sent::Html(format!("{stored}\n<p><em>more</em></p>\n"));
        assert_eq!(appended(&wysiwyg, "*more*").unwrap(), sent);
        let in_markdown = page("old\r\n", Some("<p>old</p>"), "");
        assert_eq!(
            appended(&in_markdown, "more").unwrap(),
            Sent::Markdown("old\n\nmore".into())
        );
        let untold = page("", None, "<p>shown</p>");
        assert_eq!(appended(&untold, "more").unwrap_err().kind, Kind::Unsupported);
        assert_eq!(text(&wysiwyg, Format::Html).unwrap().body, stored);
        assert_eq!(text(&wysiwyg, Format::Markdown).unwrap().body, "{{@1}}");
        assert_eq!(text(&untold, Format::Html).unwrap().lost, [lost("raw_html")]);
    }

    #[test]
    fn b4_images_that_were_dropped_are_counted() {
        let sent = Sent::Markdown("![a](data:image/png;base64,AAAA) ![b](https://h.example/b.png)".into());
        let answer = |html: &str| page("", Some(html), "");
        let both = "<p><img src=\"/x.png\"><img src=\"https://h.example/b.png\"></p>";
        assert!(sent.dropped(&answer(both)).is_empty());
        let one = "<p><img src=\"\" alt=\"a\"><img src=\"https://h.example/b.png\"></p>";
        assert_eq!(sent.dropped(&answer(one)), [lost("image")]);
        assert_eq!(sent.dropped(&page("", None, one)), [lost("image")]);
    }
}
