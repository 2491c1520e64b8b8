//! HTML into Markdown, block by block.
//!
//! Invariant: a block's Markdown is given out only where its rendering is the block again; else it stays HTML, and where
//! that cannot stand in Markdown either, it is named.

use htmd::HtmlToMarkdown;
use htmd::options::{BrStyle, BulletListMarker, HrStyle, Options, TranslationMode};
use markup5ever_rcdom::{Handle, NodeData};

use super::canonical::{self, SEPARATOR};
use super::dom;
use super::render::to_html;

/// What is particular to whose HTML it is.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// What the ids begin with that its server makes by itself; they say nothing.
    pub generated: &'static str,
    /// How much at the beginning of a text must stay as it is, and none of its characters be escaped; 0: nothing.
    pub verbatim: fn(&str) -> usize,
}

/// What became of HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markdown {
    /// The text.
    pub text: String,
    /// The elements that it does not say as they were, each once for each time.
    pub lost: Vec<String>,
}

/// Writes a fragment of HTML as Markdown.
pub fn to_markdown(html: &str, dialect: Dialect) -> Markdown {
    let Some(nodes) = dom::nodes(html) else {
        return Markdown {
            text: html.to_owned(),
            lost: vec!["html".to_owned()],
        };
    };
    let mut markdown = Markdown {
        text: String::new(),
        lost: vec![],
    };
    let mut before = None;
    for block in parted(&nodes) {
        let kind = dom::tag(&block[0]).map(str::to_owned);
        let (text, lost) = written(&block, dialect);
        if text.is_empty() && lost.is_none() {
            continue;
        }
        if !markdown.text.is_empty() {
            markdown.text += "\n\n";
            // Two of a kind beside each other would be one.
            if kind == before && matches!(kind.as_deref(), Some("ul" | "ol" | "blockquote")) {
                markdown.text += SEPARATOR;
                markdown.text += "\n\n";
            }
        }
        markdown.text += &text;
        markdown.lost.extend(lost);
        before = kind;
    }
    let whole = canonical::of_nodes(&wrapped(&nodes), dialect.generated);
    if markdown.lost.is_empty() && canonical::canonical(&to_html(&markdown.text), dialect.generated) != whole {
        markdown.lost.push("html".to_owned());
    }
    markdown
}

/// The fragment `new` with each block that `old` has too as it stands there, with the ids that links may point at.
pub fn keeping(old: &str, new: &str, generated: &str) -> String {
    let (Some(old), Some(new_blocks)) = (blocks(old, generated), blocks(new, generated)) else {
        return new.to_owned();
    };
    let mut unused: Vec<Option<(String, String)>> = old.into_iter().map(Some).collect();
    let kept = new_blocks.into_iter().map(|(form, html)| {
        let same = |slot: &&mut Option<(String, String)>| slot.as_ref().is_some_and(|(old, _)| *old == form);
        let found = unused.iter_mut().find(same).and_then(Option::take);
        found.map_or(html, |(_, html)| html)
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// The blocks of a fragment: the form of each, and its HTML.
fn blocks(html: &str, generated: &str) -> Option<Vec<(String, String)>> {
    let nodes = dom::nodes(html)?;
    let blocks = parted(&nodes).into_iter().map(|block| {
        let html = block.iter().map(dom::html).collect();
        (canonical::of_nodes(&block, generated), html)
    });
    Some(blocks.collect())
}

/// Each block on its own, and what stands between blocks together.
fn parted(nodes: &[Handle]) -> Vec<Vec<Handle>> {
    let mut parts: Vec<Vec<Handle>> = vec![];
    let mut open = false;
    for node in nodes {
        let blank = matches!(&node.data, NodeData::Text { contents } if contents.borrow().trim().is_empty());
        let alone = stands_alone(node) || matches!(node.data, NodeData::Comment { .. }) && !open;
        match parts.last_mut().filter(|_| open && !alone) {
            Some(last) => last.push(node.clone()),
            None if blank => continue,
            None => parts.push(vec![node.clone()]),
        }
        open = !alone;
    }
    parts
}

/// Whether it is a block, or holds one: a paragraph around it would break it.
fn stands_alone(node: &Handle) -> bool {
    let mut block = false;
    dom::each(node, &mut |node| block |= canonical::is_block(node));
    block
}

/// The nodes as Markdown has them: what stands between blocks is a paragraph.
fn wrapped(nodes: &[Handle]) -> Vec<Handle> {
    let html: Vec<String> = parted(nodes).iter().map(|block| as_block(block)).collect();
    dom::nodes(&html.concat()).unwrap_or_default()
}

fn as_block(block: &[Handle]) -> String {
    let html: String = block.iter().map(dom::html).collect();
    let bare = !stands_alone(&block[0]) && !matches!(block[0].data, NodeData::Comment { .. });
    match bare {
        true => format!("<p>{html}</p>"),
        false => html,
    }
}

/// A block as Markdown, and what it is called where that does not say all of it.
fn written(block: &[Handle], dialect: Dialect) -> (String, Option<String>) {
    let html = as_block(block);
    let same = |text: &str| {
        let form = canonical::canonical(&html, dialect.generated);
        canonical::canonical(&to_html(text), dialect.generated) == form
    };
    if let Some(text) = converted(&html, dialect).filter(|text| same(text)) {
        return (text, None);
    }
    // These end with their own end, whatever stands in them; others end with an empty line.
    let kept = match dom::tag(&block[0]) {
        Some("pre" | "script" | "style" | "textarea") => html.clone(),
        // A tag that no block begins with begins one where it has its line for itself.
        _ if stands_alone(&block[0]) && !canonical::is_block(&block[0]) => kept(&html.replacen('>', ">\n", 1)),
        _ => kept(&html),
    };
    if same(&kept) {
        return (kept, None);
    }
    let what = dom::tag(&block[0]).unwrap_or("text").to_owned();
    (kept, Some(what))
}

/// HTML as it can stand in Markdown, where an empty line ends it.
fn kept(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    for (at, line) in html.lines().enumerate() {
        if at > 0 {
            text += if line.trim().is_empty() { "&#10;" } else { "\n" };
        }
        text += line.trim_end_matches('\r');
    }
    text
}

fn converted(html: &str, dialect: Dialect) -> Option<String> {
    let (masked, kept) = mask(&without_generated(html, dialect.generated)?, dialect.verbatim);
    let options = Options {
        hr_style: HrStyle::Dashes,
        br_style: BrStyle::Backslash,
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        translation_mode: TranslationMode::Faithful,
        ..Options::default()
    };
    let converter = HtmlToMarkdown::builder().options(options).build();
    let text = converter.convert(&masked).ok()?;
    Some(unmask(text.trim_matches('\n'), &kept))
}

fn without_generated(html: &str, generated: &str) -> Option<String> {
    let nodes = dom::nodes(html)?;
    for node in &nodes {
        dom::each(node, &mut |node| {
            if let NodeData::Element { attrs, .. } = &node.data {
                let own =
                    |name: &str, value: &str| name == "id" && !generated.is_empty() && value.starts_with(generated);
                attrs.borrow_mut().retain(|attr| !own(&attr.name.local, &attr.value));
            }
        });
    }
    Some(nodes.iter().map(dom::html).collect())
}

/// Stands for a piece that stays as it is, around its number. Nobody writes these: they are left to private agreement.
const MASK: char = '\u{f8ff}';

fn mask(html: &str, verbatim: fn(&str) -> usize) -> (String, Vec<String>) {
    let (mut masked, mut kept) = (String::with_capacity(html.len()), vec![]);
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        let length = match verbatim(rest) {
            0 => {
                masked.push(c);
                c.len_utf8()
            }
            length => {
                masked += &format!("{MASK}{}{MASK}", kept.len());
                kept.push(rest[..length].to_owned());
                length
            }
        };
        rest = &rest[length..];
    }
    (masked, kept)
}

fn unmask(text: &str, kept: &[String]) -> String {
    let pieces = text.split(MASK).enumerate().map(|(at, piece)| match at % 2 {
        1 => piece
            .parse::<usize>()
            .ok()
            .and_then(|at| kept.get(at))
            .map_or(piece, String::as_str),
        _ => piece,
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Dialect = Dialect {
        generated: "own-",
        verbatim: |text| {
            if text.starts_with("{{") {
                text.find("}}").map_or(0, |end| end + 2)
            } else {
                0
            }
        },
    };

    #[test]
    fn what_markdown_can_say_is_markdown() {
        for (html, markdown) in [
            ("<h2 id=\"own-t\">T</h2><p>a<br>b <b>c</b></p>", "## T\n\na\\\nb **c**"),
            ("<ol><li>a<ul><li>b</li></ul></li></ol>", "1. a\n   - b"),
            ("<ul><li>a</li></ul><ul><li>b</li></ul>", "- a\n\n<!-- -->\n\n- b"),
            (
                "<pre><code class=\"language-php\">a\n\nb</code></pre>",
                "```php\na\n\nb\n```",
            ),
            (
                "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>",
                "| a |\n| - |\n| b |",
            ),
            ("bare <em>text</em><p>1. x</p>", "bare *text*\n\n1\\. x"),
            ("<p>{{@1#a_b_c}} *</p>", "{{@1#a_b_c}} \\*"),
            ("", ""),
        ] {
            let made = to_markdown(html, PLAIN);
            assert_eq!((made.text.as_str(), made.lost.len()), (markdown, 0), "{html}");
        }
    }

    #[test]
    fn what_markdown_cannot_say_stays_html() {
        for (html, markdown) in [
            (
                "<p style=\"text-align: center\">a</p>",
                "<p style=\"text-align: center\">a</p>",
            ),
            ("<h2 id=\"mine\">T</h2>", "<h2 id=\"mine\">T</h2>"),
            ("<div><p>a</p>\n\n<p>b</p></div>", "<div><p>a</p>\n&#10;<p>b</p></div>"),
            ("<p>a</p><script>x\n\ny</script>", "a\n\n<script>x\n\ny</script>"),
            ("<!-- c --><p>d</p>", "<!-- c -->\n\nd"),
            ("<p>a <u>b</u></p>", "a <u>b</u>"),
            ("<del><p>a</p></del>", "<del>\n\na\n\n</del>"),
            ("<p>a<code> b </code></p>", "<p>a<code> b </code></p>"),
        ] {
            let made = to_markdown(html, PLAIN);
            assert_eq!((made.text.as_str(), made.lost.len()), (markdown, 0), "{html}");
        }
    }

    #[test]
    fn what_is_too_deep_is_named_and_not_walked() {
        let deep = format!("{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        let made = to_markdown(&deep, PLAIN);
        assert_eq!((made.text == deep, made.lost), (true, vec!["html".to_owned()]));
        assert_eq!(keeping(&deep, "<p>x</p>", ""), "<p>x</p>");
    }

    #[test]
    fn blocks_that_stay_keep_their_ids_once_each() {
        let old = "<p id=\"own-a\">a</p><p id=\"own-b\">b</p><h2 id=\"own-t\">T</h2>";
        let new = "<h2>T</h2><p>a</p>\n<p>a</p>";
        let kept = "<h2 id=\"own-t\">T</h2>\n<p id=\"own-a\">a</p>\n<p>a</p>";
        assert_eq!(keeping(old, new, "own-"), kept);
    }

    proptest! {
        #[test]
        fn no_soup_of_tags_is_changed_in_silence(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "<p>", "</p>", "<ul>", "<li>", "</li>", "</ul>", "<ol start=3>", "</ol>", "<table>", "<tr>", "<td>",
                    "</td>", "</tr>", "</table>", "<pre>", "<code>", "</code>", "</pre>", "<b>", "</b>", "<em>", "</em>",
                    "<a href=\"x y\">", "</a>", "<img src=a alt='[b]'>", "<br>", "<hr>", "<h1>", "</h1>", "<blockquote>",
                    "</blockquote>", "a", " ", "\n", "\n\n", "*", "_", "`", "[x]", "|", "&amp;", "&lt;", "1.", "#", "-", "\u{a0}",
                    "{{@1}}", "\u{f8ff}", "<!--", "-->", "<script>", "</script>", "\\",
                ]),
                0..24,
            )
        ) {
            let html = pieces.concat();
            let made = to_markdown(&html, PLAIN);
            if made.lost.is_empty() {
                let nodes = wrapped(&dom::nodes(&html).unwrap());
                let back = canonical::canonical(&to_html(&made.text), PLAIN.generated);
                prop_assert_eq!(back, canonical::of_nodes(&nodes, PLAIN.generated));
            }
        }
    }
}
