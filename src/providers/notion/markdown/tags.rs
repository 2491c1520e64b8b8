//! The tags by which Markdown says what it has no words for. Pure.
//!
//! Invariant: what is written here is read here as the same.

use serde_json::{Map, Value};

/// An empty paragraph.
pub const EMPTY: &str = "<empty-block/>";

/// A tag on a line of its own.
#[derive(Debug, PartialEq)]
pub enum Tag {
    /// What follows is in it.
    Open(String, Map<String, Value>),
    Close(String),
    /// It holds nothing.
    Leaf(String, Map<String, Value>),
    /// A block that stays where it is.
    Kept {
        name: String,
        id: String,
    },
    Empty,
}

/// Reads the text of an HTML block; none where it is no tag of ours.
pub fn read(html: &str) -> Option<Tag> {
    let html = html.trim();
    if html == EMPTY {
        return Some(Tag::Empty);
    }
    if let Some(said) = html
        .strip_prefix("<!-- notion:")
        .and_then(|rest| rest.strip_suffix("-->"))
    {
        let mut words = said.split_whitespace();
        let (name, id) = (words.next()?, words.next()?);
        return (!said.contains("-->")).then(|| Tag::Kept {
            name: name.to_owned(),
            id: id.to_owned(),
        });
    }
    let name_of = |name: &str| name.replace('-', "_");
    if let Some(name) = html.strip_prefix("</notion-").and_then(|rest| rest.strip_suffix('>')) {
        return is_name(name).then(|| Tag::Close(name_of(name)));
    }
    let rest = html.strip_prefix("<notion-")?;
    let (rest, leaf) = match rest.strip_suffix(" />") {
        Some(rest) => (rest, true),
        None => (rest.strip_suffix('>')?, false),
    };
    let (name, data) = match rest.split_once(" data=\"") {
        Some((name, data)) => (name, data.strip_suffix('"').filter(|data| !data.contains('"'))?),
        None => (rest, "{}"),
    };
    if !is_name(name) {
        return None;
    }
    let data = serde_json::from_str(&unescape(data)).ok()?;
    Some(match leaf {
        true => Tag::Leaf(name_of(name), data),
        false => Tag::Open(name_of(name), data),
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
}

/// The tag that opens a block, or is all of it.
pub fn open(name: &str, data: &Map<String, Value>, leaf: bool) -> String {
    let name = name.replace('_', "-");
    let end = if leaf { " />" } else { ">" };
    match data.is_empty() {
        true => format!("<notion-{name}{end}"),
        false => format!(
            "<notion-{name} data=\"{}\"{end}",
            escape(&Value::Object(data.clone()).to_string())
        ),
    }
}

/// The tag that closes a block.
pub fn close(name: &str) -> String {
    format!("</notion-{}>", name.replace('_', "-"))
}

/// The mark of a block that stays where it is.
pub fn kept(name: &str, id: &str, title: &str) -> String {
    let title: Vec<&str> = title.split_whitespace().collect();
    let mut title = title.join(" ").replace("--", "- -");
    if !title.is_empty() {
        title.push(' ');
    }
    format!("<!-- notion:{name} {id} {title}-->")
}

/// The value of an attribute of a tag within a text.
pub fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescape(rest.split_once('"')?.0))
}

/// Text within an attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
}

fn unescape(text: &str) -> String {
    text.replace("&#10;", "\n")
        .replace("&quot;", "\"")
        .replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&amp;", "&")
}

/// The picture or the beginning of a link that a tag within a text is, as it is written here: where from or to, what
/// stands for it, and its title.
pub struct Reference {
    pub url: String,
    pub alt: String,
    pub title: Option<String>,
}

/// The tag of a picture within a text.
pub fn picture(url: &str, alt: &str, title: &str) -> String {
    let title = titled(title);
    format!("<img src=\"{}\" alt=\"{}\"{title} />", escape(url), escape(alt))
}

/// The tag that begins a link which Notion does not take.
pub fn link(url: &str, title: &str) -> String {
    format!("<a href=\"{}\"{}>", escape(url), titled(title))
}

fn titled(title: &str) -> String {
    match title {
        "" => String::new(),
        title => format!(" title=\"{}\"", escape(title)),
    }
}

/// Reads [`picture`].
pub fn read_picture(tag: &str) -> Option<Reference> {
    let told = Reference {
        url: attribute(tag, "src")?,
        alt: attribute(tag, "alt")?,
        title: attribute(tag, "title"),
    };
    (picture(&told.url, &told.alt, told.title.as_deref().unwrap_or_default()) == tag).then_some(told)
}

/// Reads [`link`].
pub fn read_link(tag: &str) -> Option<Reference> {
    let told = Reference {
        url: attribute(tag, "href")?,
        alt: String::new(),
        title: attribute(tag, "title"),
    };
    (link(&told.url, told.title.as_deref().unwrap_or_default()) == tag).then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tag_is_read_as_it_is_written() {
        let data = json!({"icon": {"emoji": "💡"}, "a": "\"<b> & 'c' -- \n\\"});
        let data = data.as_object().expect("an object").clone();
        for (name, leaf) in [("callout", false), ("column_list", false), ("link_to_page", true)] {
            let tag = open(name, &data, leaf);
            let read = read(&tag).unwrap_or_else(|| panic!("{tag}"));
            match leaf {
                true => assert_eq!(read, Tag::Leaf(name.to_owned(), data.clone())),
                false => assert_eq!(read, Tag::Open(name.to_owned(), data.clone())),
            }
            assert_eq!(super::read(&close(name)), Some(Tag::Close(name.to_owned())));
        }
        let kept = kept("child_page", "1-2", "a --> \n b");
        let expected = Tag::Kept {
            name: "child_page".to_owned(),
            id: "1-2".to_owned(),
        };
        assert_eq!(read(&kept), Some(expected), "{kept}");
        for odd in [
            "<div>",
            "<notion->",
            "<notion-x data=\"{\">",
            "<!-- note -->",
            "<notion-a b>",
            "</notion-a b>",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn references_are_read_as_they_are_written() {
        let told = read_picture(&picture("/a&b", "\"x\"\ny", "t")).expect("a picture");
        assert_eq!(
            (&*told.url, &*told.alt, told.title.as_deref()),
            ("/a&b", "\"x\"\ny", Some("t"))
        );
        let told = read_link(&link("/a?b=<c>", "")).expect("a link");
        assert_eq!((&*told.url, told.title), ("/a?b=<c>", None));
        assert!(read_link("<a href='x'>").is_none() && read_picture("<img src=\"a\">").is_none());
    }
}
