//! From the words of Markdown to rich text. Pure.
//!
//! Invariant: a tag of HTML that is none of ours is kept as it is, in its place.

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};
use serde_json::Value;

use super::tags;
use crate::providers::notion::rich::{self, Link, Rich, Run, Said, Style};

/// Links that Notion takes; others are kept as HTML.
const LINKS: [&str; 4] = ["https://", "http://", "mailto:", "tel:"];

/// A text while it is read.
#[derive(Default)]
pub struct Line {
    rich: Rich,
    bold: usize,
    italic: usize,
    strike: usize,
    underline: usize,
    colors: Vec<String>,
    /// Tags that are open.
    tags: Vec<Opened>,
    links: Vec<Linked>,
    /// Within a picture: where from, its title, and what stands for it.
    picture: Option<(String, String, String)>,
    pictures: usize,
    /// Within what is told as an object: it, and how it reads.
    object: Option<(Value, String)>,
    /// What of it Notion cannot say.
    lost: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Strong,
    Emphasis,
    Deleted,
    Underlined,
    Colored,
    Object,
}

/// A link that is open.
enum Linked {
    /// As Notion takes it.
    Plain(String),
    /// As HTML.
    Tag,
}

impl Line {
    /// Reads an event, which `next` follows; false where it is no part of a text.
    pub fn takes(&mut self, event: &Event<'_>, next: Option<&Event<'_>>) -> bool {
        match event {
            Event::Text(text) => self.say(text),
            Event::SoftBreak => self.say(" "),
            Event::HardBreak => self.say("\n"),
            Event::Code(code) => self.code(code),
            Event::InlineHtml(tag) => self.tag(tag),
            Event::Start(tag) => return self.start(tag, next),
            Event::End(end) => return self.ends(*end),
            _ => return false,
        }
        true
    }

    /// The text, and what of it Notion cannot say.
    pub fn end(self) -> (Rich, Vec<&'static str>) {
        (self.rich, self.lost)
    }

    fn style(&self) -> Style {
        Style {
            bold: self.bold > 0,
            italic: self.italic > 0,
            strike: self.strike > 0,
            underline: self.underline > 0,
            code: false,
            color: self.colors.last().cloned(),
        }
    }

    fn link(&self) -> Option<Link> {
        match self.links.last()? {
            Linked::Plain(url) => Some(Link {
                url: url.clone(),
                title: None,
            }),
            Linked::Tag => None,
        }
    }

    fn say(&mut self, text: &str) {
        if let Some((_, _, alt)) = &mut self.picture {
            alt.push_str(text);
        } else if let Some((_, plain)) = &mut self.object {
            plain.push_str(text);
        } else {
            let run = Run::styled(text, self.style(), self.link());
            rich::push(&mut self.rich, run);
        }
    }

    fn code(&mut self, code: &str) {
        if self.picture.is_some() || self.object.is_some() {
            return self.say(code);
        }
        let style = Style {
            code: true,
            ..self.style()
        };
        let run = Run::styled(code, style, self.link());
        rich::push(&mut self.rich, run);
    }

    fn start(&mut self, tag: &Tag<'_>, next: Option<&Event<'_>>) -> bool {
        match tag {
            Tag::Emphasis => self.italic += 1,
            Tag::Strong => self.bold += 1,
            Tag::Strikethrough => self.strike += 1,
            Tag::Link {
                link_type,
                dest_url,
                title,
                ..
            } => {
                let empty = matches!(next, Some(Event::End(TagEnd::Link)));
                self.begin_link(*link_type, dest_url, title, empty);
            }
            Tag::Image { dest_url, title, .. } => {
                self.pictures += 1;
                if self.picture.is_none() {
                    self.picture = Some((dest_url.to_string(), title.to_string(), String::new()));
                }
            }
            _ => return false,
        }
        true
    }

    fn ends(&mut self, end: TagEnd) -> bool {
        match end {
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link => {
                if let Some(Linked::Tag) = self.links.pop() {
                    self.markup("</a>");
                }
            }
            TagEnd::Image => {
                self.pictures = self.pictures.saturating_sub(1);
                if self.pictures == 0
                    && let Some((url, title, alt)) = self.picture.take()
                {
                    self.markup(&tags::picture(&url, &alt, &title));
                }
            }
            _ => return false,
        }
        true
    }

    fn begin_link(&mut self, kind: LinkType, url: &str, title: &str, empty: bool) {
        if self.picture.is_some() {
            self.links.push(Linked::Plain(url.to_owned()));
            return;
        }
        let url = match kind {
            LinkType::Email => format!("mailto:{url}"),
            _ => url.to_owned(),
        };
        let taken = LINKS.iter().any(|begins| url.starts_with(begins)) && rich::units(&url) <= rich::LONGEST;
        if taken && !empty {
            if !title.is_empty() {
                self.lost.push("title of a link");
            }
            self.links.push(Linked::Plain(url));
        } else {
            self.markup(&tags::link(&url, title));
            self.links.push(Linked::Tag);
        }
    }

    fn markup(&mut self, tag: &str) {
        let run = Run::markup(
            tag,
            &Style {
                color: None,
                ..self.style()
            },
        );
        rich::push(&mut self.rich, run);
    }

    fn tag(&mut self, tag: &str) {
        if let Some((_, plain)) = self.object.as_mut().filter(|_| tag != "</span>") {
            plain.push_str(tag);
            return;
        }
        match tag {
            tags::EMPTY => {}
            "<br />" | "<br/>" | "<br>" => self.say("\n"),
            "<strong>" => self.open(Opened::Strong),
            "<em>" => self.open(Opened::Emphasis),
            "<del>" => self.open(Opened::Deleted),
            "<u>" => self.open(Opened::Underlined),
            "</strong>" => self.close(tag, &[Opened::Strong]),
            "</em>" => self.close(tag, &[Opened::Emphasis]),
            "</del>" => self.close(tag, &[Opened::Deleted]),
            "</u>" => self.close(tag, &[Opened::Underlined]),
            "</span>" => self.close(tag, &[Opened::Colored, Opened::Object]),
            _ => {
                if let Some(color) = only(tag, "data-color") {
                    self.colors.push(color);
                    self.tags.push(Opened::Colored);
                } else if let Some(object) = only(tag, "data-notion").and_then(|text| object(&text)) {
                    self.object = Some((object, String::new()));
                    self.tags.push(Opened::Object);
                } else {
                    self.markup(tag);
                }
            }
        }
    }

    fn count(&mut self, opened: Opened) -> Option<&mut usize> {
        match opened {
            Opened::Strong => Some(&mut self.bold),
            Opened::Emphasis => Some(&mut self.italic),
            Opened::Deleted => Some(&mut self.strike),
            Opened::Underlined => Some(&mut self.underline),
            Opened::Colored | Opened::Object => None,
        }
    }

    fn open(&mut self, opened: Opened) {
        self.tags.push(opened);
        if let Some(count) = self.count(opened) {
            *count += 1;
        }
    }

    fn close(&mut self, tag: &str, which: &[Opened]) {
        let Some(at) = self.tags.iter().rposition(|opened| which.contains(opened)) else {
            return self.markup(tag);
        };
        let opened = self.tags.remove(at);
        if let Some(count) = self.count(opened) {
            *count = count.saturating_sub(1);
        }
        match opened {
            Opened::Colored => drop(self.colors.pop()),
            Opened::Object => {
                if let Some((json, plain)) = self.object.take() {
                    let said = Said::Object { json, plain };
                    let (style, link) = (self.style(), None);
                    rich::push(&mut self.rich, Run { said, style, link });
                }
            }
            _ => {}
        }
    }
}

/// The one attribute of a span.
fn only(tag: &str, name: &str) -> Option<String> {
    let value = tags::attribute(tag, name)?;
    (tag == format!("<span {name}=\"{}\">", tags::escape(&value))).then_some(value)
}

/// An equation or a mention.
fn object(text: &str) -> Option<Value> {
    let json: Value = serde_json::from_str(text).ok()?;
    let known = matches!(json["type"].as_str(), Some("equation" | "mention"));
    known.then_some(json)
}
