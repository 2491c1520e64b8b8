//! What becomes of a page's text when it is saved, and when it is shown.
//!
//! Invariant: what is saved has an id on each element of its top and on each headline; what is shown holds no script and no
//! include that could be resolved.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pulldown_cmark::{Options, Parser, html};

use super::text::bare;

/// What a page shall hold.
#[derive(Debug)]
pub(crate) enum Content {
    Markdown(String),
    Html(String),
}

/// What the editor for Markdown knows beside CommonMark.
const EXTENSIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH);
/// Letters of its text that an element's id is made of.
const ID_LETTERS: usize = 20;
/// Elements without an end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
];
/// Images that are kept.
const IMAGES: [&str; 4] = ["png", "jpeg", "gif", "webp"];

/// A text as it is stored: its HTML, and its Markdown.
pub(super) fn stored(content: &Content, origin: &str, page: u64) -> (String, String) {
    match content {
        Content::Markdown(text) => {
            let markdown = with_images(text, origin, page);
            let mut made = String::new();
            html::push_html(&mut made, Parser::new_ext(&markdown, EXTENSIONS));
            (with_ids(made.trim_end()), markdown)
        }
        Content::Html(text) => (with_ids(&with_images(text, origin, page)), String::new()),
    }
}

/// Images that stand in the text go to the gallery; what is none that it takes becomes nothing.
fn with_images(text: &str, origin: &str, page: u64) -> String {
    let mut pieces = text.split("data:image/");
    let mut made = pieces.next().unwrap_or_default().to_owned();
    for (number, piece) in pieces.enumerate() {
        let end = piece.find(['"', '\'', ')', ' ', '\n']).unwrap_or(piece.len());
        let (uri, rest) = piece.split_at(end);
        let kept = uri.split_once(";base64,").is_some_and(|(kind, data)| {
            IMAGES.contains(&kind) && BASE64_STANDARD.decode(data).is_ok_and(|bytes| !bytes.is_empty())
        });
        if kept {
            made += &format!("{origin}/uploads/images/gallery/page-{page}-{number}.png");
        }
        made += rest;
    }
    made
}

/// Puts an id on each element of the top and on each headline, where it has none.
fn with_ids(html: &str) -> String {
    let html = html.replace('\u{a0}', "&nbsp;");
    let (mut made, mut rest) = (String::with_capacity(html.len()), html.as_str());
    let (mut depth, mut used) = (0_usize, BTreeSet::new());
    while let Some(start) = rest.find('<') {
        made += &rest[..start];
        rest = &rest[start..];
        let Some(tag) = Tag::read(rest) else {
            // A comment, or a bare sign.
            let length = rest
                .strip_prefix("<!--")
                .map_or(1, |inner| inner.find("-->").map_or(rest.len(), |end| end + 7));
            made += &rest[..length];
            rest = &rest[length..];
            continue;
        };
        if tag.closes {
            depth = depth.saturating_sub(1);
        }
        let headline = tag.name.len() == 2 && tag.name.starts_with('h') && tag.name != "hr";
        let marked =
            !tag.closes && (depth == 0 || headline) && !VOID.contains(&tag.name.as_str()) && !tag.text.contains(" id=");
        if marked {
            let inner = &rest[tag.text.len()..];
            let inner = inner.split(&format!("</{}", tag.name)).next().unwrap_or_default();
            let id = unique(&bare(inner), &mut used);
            let name = tag.name.len() + 1;
            made += &format!("{} id=\"{id}\"{}", &tag.text[..name], &tag.text[name..]);
        } else {
            made += tag.text;
        }
        rest = &rest[tag.text.len()..];
        if !tag.closes && !tag.text.ends_with("/>") && !VOID.contains(&tag.name.as_str()) {
            depth += 1;
        }
    }
    made + rest
}

/// A tag at the beginning of a text.
struct Tag<'a> {
    text: &'a str,
    name: String,
    closes: bool,
}

impl<'a> Tag<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let inner = text.strip_prefix('<')?;
        let closes = inner.starts_with('/');
        let inner = inner.trim_start_matches('/');
        let name: String = inner
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let first = name.chars().next()?;
        let text = &text[..=end(text)?];
        first.is_ascii_alphabetic().then(|| Tag {
            text,
            name: name.to_ascii_lowercase(),
            closes,
        })
    }
}

/// Where a tag ends: the first `>` outside quotes.
fn end(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.char_indices().find_map(|(at, c)| match (c, quote) {
        ('"' | '\'', None) => {
            quote = Some(c);
            None
        }
        (c, Some(open)) if c == open => {
            quote = None;
            None
        }
        ('>', None) => Some(at),
        _ => None,
    })
}

fn unique(text: &str, used: &mut BTreeSet<String>) -> String {
    let short: String = text.trim().chars().take(ID_LETTERS).collect();
    let letters = short.trim().to_lowercase().replace(char::is_whitespace, "-");
    let letters: String = letters.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect();
    let id = format!("bkmrk-{letters}");
    let mut own = id.clone();
    let mut number = 1;
    while !used.insert(own.clone()) {
        own = format!("{id}-{number}");
        number += 1;
    }
    own
}

/// A page as it is shown: the text of other pages stands where it is included, and scripts do not. `stored`: what is
/// stored of the page of a number.
pub(super) fn shown<'a>(html: &str, stored: impl Fn(u64) -> Option<&'a str>) -> String {
    let mut made = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once("{{@") {
        made += before;
        let Some((inner, behind)) = tag.split_once("}}") else {
            made += "{{@";
            rest = tag;
            continue;
        };
        let (page, id) = inner.split_once('#').unwrap_or((inner, ""));
        let other = page.trim().parse().ok().and_then(&stored);
        made += &other.map(|other| part(other, id)).unwrap_or_default();
        rest = behind;
    }
    made += rest;
    without_scripts(&made)
}

/// The text of the element of this id; all of it without one.
fn part(html: &str, id: &str) -> String {
    if id.is_empty() {
        return bare(html);
    }
    let start = html
        .find(&format!("id=\"{id}\""))
        .and_then(|at| html[at..].find('>').map(|end| at + end + 1));
    let inner = start.map(|start| html[start..].split("</").next().unwrap_or_default());
    inner.map(bare).unwrap_or_default()
}

fn without_scripts(html: &str) -> String {
    let mut made = String::new();
    let mut rest = html;
    while let Some((before, script)) = rest.split_once("<script") {
        made += before;
        rest = script.split_once("</script>").map_or("", |(_, behind)| behind);
    }
    made + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_put_on_the_top_and_on_headlines() {
        for (html, saved) in [
            (
                "<p>my new API page - Updated</p>",
                "<p id=\"bkmrk-my-new-api-page---up\">my new API page - Updated</p>",
            ),
            (
                "<ul><li>a</li></ul><ul><li>a</li></ul>",
                "<ul id=\"bkmrk-a\"><li>a</li></ul><ul id=\"bkmrk-a-1\"><li>a</li></ul>",
            ),
            (
                "<div id=\"own\"><h2>T</h2></div>",
                "<div id=\"own\"><h2 id=\"bkmrk-t\">T</h2></div>",
            ),
            ("a < b<hr><!-- <p> -->", "a < b<hr><!-- <p> -->"),
            (
                "<p title=\"a > b\">x\u{a0}</p>",
                "<p id=\"bkmrk-x&nbsp;\" title=\"a > b\">x&nbsp;</p>",
            ),
        ] {
            let expected = saved.replace("bkmrk-x&nbsp;", "bkmrk-xnbsp");
            assert_eq!(with_ids(html), expected, "{html}");
        }
    }

    #[test]
    fn images_in_the_text_are_taken_out_or_dropped() {
        let png = "<img src=\"data:image/png;base64,AAAA\"><img src=\"data:image/svg;base64,AAAA\">";
        let kept = "<img src=\"http://h/uploads/images/gallery/page-7-0.png\"><img src=\"\">";
        assert_eq!(with_images(png, "http://h", 7), kept);
        assert_eq!(with_images("![a](data:image/png;base64,!)", "", 1), "![a]()");
    }

    #[test]
    fn scripts_are_not_shown() {
        assert_eq!(without_scripts("a<script x>b</script>c<script>d"), "ac");
    }
}
