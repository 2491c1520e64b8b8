//! From Markdown to blocks. Pure.
//!
//! Invariant: what has no block becomes a tag or HTML that is written again as it was, or is told as lost.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use serde_json::{Map, Value};

use super::inline::Line;
use super::tags;
use crate::providers::notion::block::{self, Block, HTML, Kind, LANGUAGE, LANGUAGES, List, PLAIN};
use crate::providers::notion::rich::{self, Rich, Run};

/// How deep a text may be nested: deeper than any page, and no deeper than a stack can hold.
const DEEPEST: usize = 32;

/// What a text has become.
#[derive(Debug, Default)]
pub struct Told {
    pub blocks: Vec<Block>,
    /// What of it Notion cannot say, each once.
    pub lost: Vec<String>,
}

/// A text that is nested too deeply.
#[derive(Debug, PartialEq, Eq)]
pub struct TooDeep;

/// Reads a text.
pub fn read(markdown: &str) -> Result<Told, TooDeep> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader {
        events: Parser::new_ext(markdown, options).collect(),
        at: 0,
        lost: vec![],
    };
    let blocks = reader.blocks(0)?;
    Ok(Told {
        blocks,
        lost: reader.lost,
    })
}

struct Reader<'a> {
    events: Vec<Event<'a>>,
    at: usize,
    lost: Vec<String>,
}

/// A block that is open while what is in it is read: its tag as it stands in the text, its type, and what is said of it.
struct Open {
    html: String,
    name: String,
    data: Map<String, Value>,
    before: Vec<Block>,
}

impl<'a> Reader<'a> {
    fn lose(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }

    fn take(&mut self) -> Option<Event<'a>> {
        let event = self.events.get(self.at).cloned();
        self.at += 1;
        event
    }

    /// The blocks up to the end of what holds them.
    fn blocks(&mut self, depth: usize) -> Result<Vec<Block>, TooDeep> {
        if depth > DEEPEST {
            return Err(TooDeep);
        }
        let mut blocks = vec![];
        let mut open: Vec<Open> = vec![];
        while let Some(event) = self.take() {
            match event {
                Event::Start(Tag::Paragraph) => blocks.push(self.paragraph()),
                Event::Start(Tag::Heading { level, .. }) => blocks.push(self.heading(level as u8)),
                Event::Start(Tag::BlockQuote(_)) => {
                    let (text, children) = lead(self.blocks(depth + 1)?);
                    blocks.push(Block {
                        children,
                        ..Block::of(Kind::Quote(text))
                    });
                }
                Event::Start(Tag::CodeBlock(kind)) => blocks.push(self.code(&kind)),
                Event::Start(Tag::HtmlBlock) => {
                    let html = self.html();
                    self.tagged(&html, &mut blocks, &mut open, depth)?;
                }
                Event::Start(Tag::List(start)) => self.list(start, depth, &mut blocks)?,
                Event::Start(Tag::Table(columns)) => {
                    if columns.iter().any(|column| *column != pulldown_cmark::Alignment::None) {
                        self.lose("alignment of columns");
                    }
                    blocks.push(self.table());
                }
                Event::Rule => blocks.push(Block::of(Kind::Divider)),
                Event::End(_) => break,
                // The text of an item of a tight list stands in it without a paragraph.
                _ => {
                    self.at -= 1;
                    let line = self.line();
                    blocks.push(Block::of(Kind::Paragraph(line)));
                }
            }
        }
        // What was never closed is HTML of somebody's own.
        while let Some(unclosed) = open.pop() {
            let mut all = unclosed.before;
            all.push(html_block(&unclosed.html));
            all.append(&mut blocks);
            blocks = all;
        }
        Ok(blocks)
    }

    /// An HTML block: a tag of ours, or somebody's own.
    fn tagged(
        &mut self,
        html: &str,
        blocks: &mut Vec<Block>,
        open: &mut Vec<Open>,
        depth: usize,
    ) -> Result<(), TooDeep> {
        match tags::read(html) {
            Some(tags::Tag::Empty) => blocks.push(Block::of(Kind::Paragraph(Rich::new()))),
            Some(tags::Tag::Kept { name, id }) => blocks.push(Block {
                id: Some(id),
                ..Block::of(Kind::Kept {
                    name,
                    title: String::new(),
                })
            }),
            Some(tags::Tag::Leaf(name, data)) if block::is_native(&name) || name == "code" => {
                blocks.push(Block::of(of_tag(&name, data)));
            }
            Some(tags::Tag::Open(name, data)) if block::is_holder(&name) || matches!(&*name, "code" | "table") => {
                if depth + open.len() > DEEPEST {
                    return Err(TooDeep);
                }
                open.push(Open {
                    html: html.to_owned(),
                    name,
                    data,
                    before: std::mem::take(blocks),
                });
            }
            Some(tags::Tag::Close(name)) if open.last().is_some_and(|open| open.name == name) => {
                if let Some(closed) = open.pop() {
                    let held = std::mem::replace(blocks, closed.before);
                    blocks.push(held_by(&closed.name, closed.data, held));
                }
            }
            _ => blocks.push(html_block(html)),
        }
        Ok(())
    }

    fn html(&mut self) -> String {
        let mut html = String::new();
        while let Some(event) = self.take() {
            match event {
                Event::Html(text) | Event::Text(text) => html.push_str(&text),
                Event::End(TagEnd::HtmlBlock) => break,
                _ => {}
            }
        }
        html
    }

    /// The text up to where it is not one any more.
    fn line(&mut self) -> Rich {
        let mut line = Line::default();
        while let Some(event) = self.events.get(self.at) {
            if !line.takes(event, self.events.get(self.at + 1)) {
                break;
            }
            self.at += 1;
        }
        let (text, lost) = line.end();
        lost.into_iter().for_each(|what| self.lose(what));
        text
    }

    fn paragraph(&mut self) -> Block {
        if let Some(image) = self.image() {
            return image;
        }
        let text = self.line();
        // The paragraph's end.
        self.at += 1;
        Block::of(Kind::Paragraph(text))
    }

    /// A paragraph that is a picture on the web, and nothing else.
    fn image(&mut self) -> Option<Block> {
        let Some(Event::Start(Tag::Image { dest_url, title, .. })) = self.events.get(self.at) else {
            return None;
        };
        let web = dest_url.starts_with("https://") || dest_url.starts_with("http://");
        if !web || !title.is_empty() || rich::units(dest_url) > rich::LONGEST {
            return None;
        }
        let url = dest_url.to_string();
        let end = self.events[self.at..]
            .iter()
            .position(|event| matches!(event, Event::End(TagEnd::Image)))?;
        let inner = &self.events[self.at + 1..self.at + end];
        let plain = inner.iter().all(|event| matches!(event, Event::Text(_)));
        let alone = matches!(self.events.get(self.at + end + 1), Some(Event::End(TagEnd::Paragraph)));
        if !plain || !alone {
            return None;
        }
        let mut caption = Rich::new();
        for event in inner {
            if let Event::Text(text) = event {
                rich::push(&mut caption, Run::text(&**text));
            }
        }
        self.at += end + 2;
        Some(Block::of(Kind::Image { url, caption }))
    }

    fn heading(&mut self, level: u8) -> Block {
        let text = self.line();
        self.at += 1;
        if level > 3 {
            self.lose(format!("heading {level}"));
        }
        Block::of(Kind::Heading(level.min(3), text))
    }

    fn code(&mut self, kind: &CodeBlockKind<'_>) -> Block {
        let mut text = String::new();
        while let Some(event) = self.take() {
            match event {
                Event::Text(piece) => text.push_str(&piece),
                Event::End(TagEnd::CodeBlock) => break,
                _ => {}
            }
        }
        if text.ends_with('\n') {
            text.pop();
        }
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.trim(),
            CodeBlockKind::Indented => "",
        };
        let (language, caption) = match info {
            "" => (PLAIN, Rich::new()),
            known if LANGUAGES.contains(&known) && known != PLAIN => (known, Rich::new()),
            other => (PLAIN, vec![Run::text(format!("{LANGUAGE}{other}"))]),
        };
        Block::of(code(&text, language, caption))
    }

    fn list(&mut self, start: Option<u64>, depth: usize, blocks: &mut Vec<Block>) -> Result<(), TooDeep> {
        if start.is_some_and(|start| start != 1) {
            self.lose("the number that a list begins with");
        }
        while let Some(Event::Start(Tag::Item)) = self.take() {
            let task = self.task();
            let (text, children) = lead(self.blocks(depth + 1)?);
            let list = match (task, start) {
                (Some(done), _) => List::ToDo(done),
                (None, Some(_)) => List::Numbered,
                (None, None) => List::Bulleted,
            };
            blocks.push(Block {
                children,
                ..Block::of(Kind::Item(list, text))
            });
        }
        Ok(())
    }

    /// Whether an item is a task, and done: its mark comes first, in a paragraph of its own or not.
    fn task(&mut self) -> Option<bool> {
        let paragraph = matches!(self.events.get(self.at), Some(Event::Start(Tag::Paragraph)));
        let at = self.at + usize::from(paragraph);
        match self.events.get(at) {
            Some(Event::TaskListMarker(done)) => {
                let done = *done;
                // What is read later finds nothing there.
                self.events[at] = Event::Text("".into());
                Some(done)
            }
            _ => None,
        }
    }

    fn table(&mut self) -> Block {
        let mut rows = vec![];
        while let Some(event) = self.take() {
            match event {
                Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(vec![]),
                Event::Start(Tag::TableCell) => {
                    let cell = self.line();
                    if let Some(row) = rows.last_mut() {
                        row.push(cell);
                    }
                }
                Event::End(TagEnd::Table) => break,
                _ => {}
            }
        }
        Block::of(Kind::Table {
            rows,
            column_header: true,
            row_header: false,
        })
    }
}

fn code(text: &str, language: &str, caption: Rich) -> Kind {
    let mut said = Rich::new();
    rich::push(&mut said, Run::text(text));
    Kind::Code {
        text: said,
        language: language.to_owned(),
        caption,
    }
}

/// HTML that is somebody's own.
fn html_block(html: &str) -> Block {
    Block::of(code(html.trim_end_matches('\n'), "html", vec![Run::text(HTML)]))
}

/// What stands first and is a paragraph is the text of what holds it.
fn lead(mut blocks: Vec<Block>) -> (Rich, Vec<Block>) {
    match blocks.first() {
        Some(Block {
            kind: Kind::Paragraph(_),
            ..
        }) => match blocks.remove(0).kind {
            Kind::Paragraph(text) => (text, blocks),
            _ => (Rich::new(), blocks),
        },
        _ => (Rich::new(), blocks),
    }
}

/// A block that holds nothing, by what its tag says.
fn of_tag(name: &str, data: Map<String, Value>) -> Kind {
    let mut json = Value::Object(data);
    match name {
        "image" if json["external"]["url"].is_string() => Kind::Image {
            url: json["external"]["url"].as_str().unwrap_or_default().to_owned(),
            caption: rich::read(&json["caption"].take(), None),
        },
        _ => {
            let text = block::has_text(name).then(Rich::new);
            let data = match json {
                Value::Object(data) => data,
                _ => Map::new(),
            };
            block::native(name, text, data)
        }
    }
}

/// A block by its tag and what stands in it.
fn held_by(name: &str, data: Map<String, Value>, mut held: Vec<Block>) -> Block {
    let flag = |name: &str| data.get(name) == Some(&Value::Bool(true));
    match (name, held.len()) {
        ("code", 1) => {
            if let Kind::Code { caption, .. } = &mut held[0].kind {
                *caption = rich::read(data.get("caption").unwrap_or(&Value::Null), None);
            }
            return held.remove(0);
        }
        ("table", 1) => {
            if let Kind::Table {
                column_header,
                row_header,
                ..
            } = &mut held[0].kind
            {
                (*column_header, *row_header) = (flag("has_column_header"), flag("has_row_header"));
            }
            return held.remove(0);
        }
        _ => {}
    }
    let (text, children) = match block::has_text(name) {
        true => {
            let (text, children) = lead(held);
            (Some(text), children)
        }
        false => (None, held),
    };
    Block {
        children,
        ..Block::of(block::native(name, text, data))
    }
}
