//! Rich text: runs of text, each with its style. Pure.
//!
//! Invariant: neighbours of one style and one link are one run, so that however a text was cut into pieces, it is the same
//! text.

use serde_json::{Value, json};

/// The longest text of one item, and the longest link, in units of UTF-16 as Notion counts.
pub const LONGEST: usize = 2000;
/// The most items of one text.
pub const MOST_ITEMS: usize = 100;
/// The style that marks a run as HTML: grey code. People see the tags as such.
const MARKUP_COLOR: &str = "gray";

/// How a run looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
    pub underline: bool,
    pub code: bool,
    /// None where it is the default one.
    pub color: Option<String>,
}

/// What a run says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Words.
    Text(String),
    /// What Markdown has no words for: an equation or a mention, as Notion takes it, and how it reads.
    Object { json: Value, plain: String },
}

/// Where a run leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    /// Only of links that are kept as HTML.
    pub title: Option<String>,
}

/// A run of one style.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub said: Said,
    pub style: Style,
    pub link: Option<Link>,
}

/// A text.
pub type Rich = Vec<Run>;

impl Run {
    /// Words without a style.
    pub fn text(text: impl Into<String>) -> Self {
        Run::styled(text, Style::default(), None)
    }

    /// Words.
    pub fn styled(text: impl Into<String>, style: Style, link: Option<Link>) -> Self {
        Run {
            said: Said::Text(text.into()),
            style,
            link,
        }
    }

    /// A tag of HTML, kept as it is.
    pub fn markup(tag: impl Into<String>, style: &Style) -> Self {
        let style = Style {
            code: true,
            color: Some(MARKUP_COLOR.to_owned()),
            ..style.clone()
        };
        Run::styled(tag, style, None)
    }

    /// The HTML that it is.
    pub fn as_markup(&self) -> Option<&str> {
        match &self.said {
            Said::Text(text) if self.is_marked() && text.starts_with('<') && text.ends_with('>') => Some(text),
            _ => None,
        }
    }

    fn is_marked(&self) -> bool {
        self.style.code && self.style.color.as_deref() == Some(MARKUP_COLOR) && self.link.is_none()
    }

    /// The first piece of a tag that is too long for one item.
    fn begins_tag(&self) -> bool {
        match &self.said {
            Said::Text(text) => {
                self.is_marked() && text.starts_with('<') && !text.ends_with('>') && units(text) >= LONGEST - 1
            }
            Said::Object { .. } => false,
        }
    }

    fn continues(&self, before: &Run) -> bool {
        let texts = matches!((&self.said, &before.said), (Said::Text(_), Said::Text(_)));
        // A tag stands alone: two are never one.
        let tags = self.as_markup().is_some() || before.as_markup().is_some();
        texts && !tags && self.style == before.style && self.link == before.link
    }
}

/// Adds a run to a text, or to its last run.
pub fn push(rich: &mut Rich, run: Run) {
    if let (Some(last), Said::Text(more)) = (rich.last_mut(), &run.said)
        && run.continues(last)
    {
        if let Said::Text(text) = &mut last.said {
            text.push_str(more);
        }
        return;
    }
    let empty = matches!(&run.said, Said::Text(text) if text.is_empty());
    if !empty {
        rich.push(run);
    }
}

/// The words alone.
pub fn plain(rich: &[Run]) -> String {
    rich.iter()
        .map(|run| match &run.said {
            Said::Text(text) => text.as_str(),
            Said::Object { plain, .. } => plain.as_str(),
        })
        .collect()
}

/// Reads Notion's items. `color`: that of the block, which its runs have where they have none.
pub fn read(items: &Value, color: Option<&str>) -> Rich {
    let mut rich = Rich::new();
    // A tag that was cut into pieces is one again.
    let mut open: Option<Run> = None;
    for run in items
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| read_one(item, color))
    {
        let Some(tag) = &mut open else {
            match run.begins_tag() {
                true => open = Some(run),
                false => push(&mut rich, run),
            }
            continue;
        };
        match (&mut tag.said, run.said) {
            (Said::Text(text), Said::Text(more)) if tag.style == run.style && tag.link == run.link => {
                text.push_str(&more);
                if tag.as_markup().is_some() {
                    rich.extend(open.take());
                }
            }
            (_, said) => {
                rich.extend(open.take());
                push(&mut rich, Run { said, ..run });
            }
        }
    }
    rich.extend(open);
    rich
}

fn read_one(item: &Value, color: Option<&str>) -> Option<Run> {
    let annotations = &item["annotations"];
    let is = |name: &str| annotations[name] == true;
    let own = annotations["color"].as_str().filter(|color| *color != "default");
    let style = Style {
        bold: is("bold"),
        italic: is("italic"),
        strike: is("strikethrough"),
        underline: is("underline"),
        code: is("code"),
        color: own.or(color).map(str::to_owned),
    };
    let plain = item["plain_text"].as_str().unwrap_or_default();
    let href = item["href"].as_str();
    let object = |json: Value| Run {
        said: Said::Object {
            json,
            plain: plain.to_owned(),
        },
        style: style.clone(),
        link: None,
    };
    let kind = item["type"].as_str();
    let link = |url: Option<&str>| {
        url.map(|url| Link {
            url: url.to_owned(),
            title: None,
        })
    };
    if kind == Some("equation") || item["equation"].is_object() {
        let expression = &item["equation"]["expression"];
        let mut run = object(json!({"type": "equation", "equation": {"expression": expression}}));
        if let Said::Object { plain, .. } = &mut run.said {
            *plain = expression.as_str().unwrap_or_default().to_owned();
        }
        return Some(run);
    }
    if kind == Some("mention") || item["mention"].is_object() {
        return Some(match mention(&item["mention"]) {
            Some(mention) => object(json!({"type": "mention", "mention": mention})),
            // A preview of a link cannot be made: the link says the same.
            None => Run::styled(plain, style, link(href)),
        });
    }
    let text = item["text"]["content"].as_str().unwrap_or(plain);
    Some(Run::styled(text, style, link(item["text"]["link"]["url"].as_str())))
}

/// A mention as Notion takes it; none where it can only be read.
fn mention(mention: &Value) -> Option<Value> {
    let kind = mention["type"].as_str()?;
    let said = &mention[kind];
    Some(match kind {
        "user" | "page" | "database" | "data_source" | "custom_emoji" => {
            json!({"type": kind, kind: {"id": said["id"]}})
        }
        "date" => {
            let mut date = serde_json::Map::new();
            for name in ["start", "end", "time_zone"] {
                if let Some(value) = said.get(name).filter(|value| !value.is_null()) {
                    date.insert(name.to_owned(), value.clone());
                }
            }
            json!({"type": kind, kind: date})
        }
        "template_mention" => json!({"type": kind, kind: said}),
        _ => return None,
    })
}

/// As Notion takes it: no item too long.
pub fn items(rich: &[Run]) -> Vec<Value> {
    rich.iter().flat_map(of_run).collect()
}

fn of_run(run: &Run) -> Vec<Value> {
    let annotations = annotations(&run.style);
    let dressed = |mut item: Value| {
        if let Some(annotations) = &annotations {
            item["annotations"] = annotations.clone();
        }
        item
    };
    match &run.said {
        Said::Object { json, .. } => vec![dressed(json.clone())],
        Said::Text(text) => pieces(text)
            .map(|piece| {
                let mut item = json!({"type": "text", "text": {"content": piece}});
                if let Some(link) = &run.link {
                    item["text"]["link"] = json!({"url": link.url});
                }
                dressed(item)
            })
            .collect(),
    }
}

fn annotations(style: &Style) -> Option<Value> {
    let mut told = serde_json::Map::new();
    for (name, set) in [
        ("bold", style.bold),
        ("italic", style.italic),
        ("strikethrough", style.strike),
        ("underline", style.underline),
        ("code", style.code),
    ] {
        if set {
            told.insert(name.to_owned(), true.into());
        }
    }
    if let Some(color) = &style.color {
        told.insert("color".to_owned(), color.as_str().into());
    }
    (!told.is_empty()).then(|| told.into())
}

/// How many units of UTF-16 a text is long.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The pieces of a text, none longer than [`LONGEST`]; a character is never cut.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut length = 0;
        let cut = rest.char_indices().find(|(_, c)| {
            length += c.len_utf16();
            length > LONGEST
        });
        let (piece, more) = rest.split_at(cut.map_or(rest.len(), |(at, _)| at));
        rest = more;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A text in parts of no more items than one block takes.
pub fn parts(rich: &[Run]) -> Vec<Rich> {
    let mut parts = vec![Rich::new()];
    let mut room = MOST_ITEMS;
    for run in rich {
        let texts: Vec<Run> = match &run.said {
            Said::Object { .. } => vec![run.clone()],
            Said::Text(text) => {
                let of = |piece| Run::styled(piece, run.style.clone(), run.link.clone());
                pieces(text).map(of).collect()
            }
        };
        for run in texts {
            if room == 0 {
                parts.push(Rich::new());
                room = MOST_ITEMS;
            }
            room -= 1;
            if let Some(last) = parts.last_mut() {
                last.push(run);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N1: no item is longer than 2,000, no character is cut, and every item keeps its style.
    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "a".repeat(LONGEST - 1) + "🚀" + &"b".repeat(LONGEST);
        let bold = Style {
            bold: true,
            ..Style::default()
        };
        let items = items(&[Run::styled(text.clone(), bold, None)]);
        let contents: Vec<&str> = items
            .iter()
            .filter_map(|item| item["text"]["content"].as_str())
            .collect();
        assert_eq!(contents.concat(), text);
        assert_eq!(contents.len(), 3);
        assert!(contents.iter().all(|content| units(content) <= LONGEST));
        assert!(items.iter().all(|item| item["annotations"]["bold"] == true));
        assert_eq!(read(&items.into(), None).len(), 1);
    }

    /// N1: above 100 items another block begins.
    #[test]
    fn a_text_of_many_items_is_parted() {
        let rich: Rich = (0..250)
            .map(|n| {
                let style = Style {
                    bold: n % 2 == 0,
                    ..Style::default()
                };
                Run::styled("x", style, None)
            })
            .collect();
        let lengths: Vec<usize> = parts(&rich).iter().map(Vec::len).collect();
        assert_eq!(lengths, [100, 100, 50]);
    }

    #[test]
    fn a_tag_that_was_cut_is_one_again() {
        let tag = format!("<a href=\"{}\">", "x".repeat(3 * LONGEST));
        let rich = vec![
            Run::markup(tag, &Style::default()),
            Run::text("t"),
            Run::markup("</a>", &Style::default()),
        ];
        assert_eq!(read(&items(&rich).into(), None), rich);
    }

    /// N30: a date keeps its form, and a time zone is never made up.
    #[test]
    fn what_is_mentioned_is_taken_as_it_is_told() {
        let item = |mention: Value| json!([{"type": "mention", "mention": mention, "plain_text": "p", "href": "https://e.example"}]);
        let date = json!({"type": "date", "date": {"start": "2026-03-01", "end": null, "time_zone": null}});
        let told = items(&read(&item(date), None));
        assert_eq!(
            told[0]["mention"],
            json!({"type": "date", "date": {"start": "2026-03-01"}})
        );
        let user = json!({"type": "user", "user": {"object": "user", "id": "u", "name": "Ada"}});
        assert_eq!(
            items(&read(&item(user), None))[0]["mention"],
            json!({"type": "user", "user": {"id": "u"}})
        );
        let preview = json!({"type": "link_preview", "link_preview": {"url": "https://e.example"}});
        let told = items(&read(&item(preview), None));
        assert_eq!(
            told[0]["text"],
            json!({"content": "p", "link": {"url": "https://e.example"}})
        );
    }
}
