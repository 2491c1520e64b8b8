//! Blocks: what a page is made of. Pure.
//!
//! Invariant: a block that can be made anew says all that it needs for that; any other is kept by its id.

use serde_json::{Map, Value, json};

use super::rich::{self, Rich};

/// A block and what is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// None of one that is to be made.
    pub id: Option<String>,
    pub kind: Kind,
    pub children: Vec<Block>,
    /// It has an icon that cannot be said, and goes where it is made anew.
    pub icon: bool,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Paragraph(Rich),
    /// 1 to 3.
    Heading(u8, Rich),
    Item(List, Rich),
    Quote(Rich),
    Code {
        text: Rich,
        language: String,
        caption: Rich,
    },
    Divider,
    Table {
        /// Each as wide as the first.
        rows: Vec<Vec<Rich>>,
        column_header: bool,
        row_header: bool,
    },
    /// A picture on the web.
    Image {
        url: String,
        caption: Rich,
    },
    /// Any other that can be made: its type, its text where it has one, and all else that is said of it.
    Native {
        name: String,
        text: Option<Rich>,
        data: Map<String, Value>,
    },
    /// What cannot be made by us, or holds what must not be lost; it stays where it is.
    Kept {
        name: String,
        title: String,
    },
}

/// The list that an item stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Bulleted,
    Numbered,
    ToDo(bool),
}

/// Types that have a text and may hold others.
const TEXTS: [&str; 5] = ["callout", "toggle", "template", "paragraph", "quote"];
/// Types that hold others and have no text.
const HOLDERS: [&str; 3] = ["column_list", "column", "synced_block"];
/// Types that hold nothing.
const LEAVES: [&str; 11] = [
    "audio",
    "bookmark",
    "breadcrumb",
    "embed",
    "equation",
    "file",
    "image",
    "link_to_page",
    "pdf",
    "table_of_contents",
    "video",
];
/// Types that are a file or a page elsewhere.
const FILES: [&str; 5] = ["audio", "file", "image", "pdf", "video"];
/// Documents of their own: what is in them is not a part of the page.
pub const DOCUMENTS: [&str; 2] = ["child_page", "child_database"];
/// A code block whose caption this is holds HTML.
pub const HTML: &str = "raw HTML";
/// What stands before a language that Notion does not know, in a code block's caption.
pub const LANGUAGE: &str = "language: ";
/// What Notion calls code of no language.
pub const PLAIN: &str = "plain text";

/// The languages that Notion knows.
pub const LANGUAGES: &[&str] = &[
    "abap",
    "abc",
    "agda",
    "arduino",
    "ascii art",
    "assembly",
    "bash",
    "basic",
    "bnf",
    "c",
    "c#",
    "c++",
    "clojure",
    "coffeescript",
    "coq",
    "css",
    "dart",
    "dhall",
    "diff",
    "docker",
    "ebnf",
    "elixir",
    "elm",
    "erlang",
    "f#",
    "flow",
    "fortran",
    "gherkin",
    "glsl",
    "go",
    "graphql",
    "groovy",
    "haskell",
    "hcl",
    "html",
    "idris",
    "java",
    "javascript",
    "json",
    "julia",
    "kotlin",
    "latex",
    "less",
    "lisp",
    "livescript",
    "llvm ir",
    "lua",
    "makefile",
    "markdown",
    "markup",
    "matlab",
    "mathematica",
    "mermaid",
    "nix",
    "notion formula",
    "objective-c",
    "ocaml",
    "pascal",
    "perl",
    "php",
    "plain text",
    "powershell",
    "prolog",
    "protobuf",
    "purescript",
    "python",
    "r",
    "racket",
    "reason",
    "ruby",
    "rust",
    "sass",
    "scala",
    "scheme",
    "scss",
    "shell",
    "smalltalk",
    "solidity",
    "sql",
    "swift",
    "toml",
    "typescript",
    "vb.net",
    "verilog",
    "vhdl",
    "visual basic",
    "webassembly",
    "xml",
    "yaml",
    "java/c/c++/c#",
];

impl Block {
    /// One that is to be made, and holds nothing.
    pub fn of(kind: Kind) -> Self {
        Block {
            id: None,
            kind,
            children: vec![],
            icon: false,
        }
    }

    /// Reads a block of Notion's; what is in it is read elsewhere.
    pub fn read(json: &Value) -> Self {
        let name = json["type"].as_str().unwrap_or("unsupported");
        let kind = Kind::read(name, &json[name]);
        let said = match &kind {
            Kind::Kept { .. } => true,
            Kind::Native { data, .. } => data.contains_key("icon"),
            _ => false,
        };
        Block {
            id: json["id"].as_str().map(str::to_owned),
            icon: !said && !json[name]["icon"].is_null(),
            ..Block::of(kind)
        }
    }

    /// Whether what is in it has to be asked for: it may hold something, and that is a part of the page.
    pub fn is_open(json: &Value) -> bool {
        let name = json["type"].as_str().unwrap_or_default();
        let copy = name == "synced_block" && json[name]["synced_from"].is_object();
        json["has_children"] == true && !DOCUMENTS.contains(&name) && !copy
    }

    /// As [`Block::read`] gives it, where what it holds makes another of it: only some can be said without a tag.
    #[must_use]
    pub fn holding(mut self, children: Vec<Block>) -> Self {
        // A row is read whole, and holds nothing.
        if matches!(&self.kind, Kind::Table { rows, .. } if !rows.is_empty()) {
            return self;
        }
        self.kind = match self.kind {
            Kind::Table {
                column_header,
                row_header,
                ..
            } => {
                let rows = children.into_iter().filter_map(|row| match row.kind {
                    Kind::Table { rows, .. } => rows.into_iter().next(),
                    _ => None,
                });
                let rows: Vec<Vec<Rich>> = rows.collect();
                let width = rows.iter().map(Vec::len).max().unwrap_or_default();
                let even = |mut row: Vec<Rich>| {
                    row.resize(width, Rich::new());
                    row
                };
                self.kind = Kind::Table {
                    rows: rows.into_iter().map(even).collect(),
                    column_header,
                    row_header,
                };
                return self;
            }
            Kind::Paragraph(text) if !children.is_empty() => native("paragraph", Some(text), Map::new()),
            Kind::Heading(level, text) if !children.is_empty() => {
                let data = Map::from_iter([("is_toggleable".to_owned(), true.into())]);
                native(&format!("heading_{level}"), Some(text), data)
            }
            kind => kind,
        };
        self.children = children;
        self
    }

    /// As Notion takes it, without what is in it but for the rows of a table.
    pub fn bare_json(&self) -> Value {
        let (name, content) = self.kind.json();
        let mut json = json!({"object": "block", "type": name});
        json[name] = content;
        json
    }

    /// What it is called, by Notion.
    pub fn name(&self) -> String {
        match &self.kind {
            Kind::Kept { name, .. } | Kind::Native { name, .. } => name.clone(),
            kind => kind.json().0.to_owned(),
        }
    }

    /// Its text, and those of its rows: what is written as rich text.
    pub fn text(&self) -> Option<&Rich> {
        match &self.kind {
            Kind::Paragraph(text)
            | Kind::Heading(_, text)
            | Kind::Item(_, text)
            | Kind::Quote(text)
            | Kind::Code { text, .. }
            | Kind::Native { text: Some(text), .. } => Some(text),
            _ => None,
        }
    }

    /// The same with another text.
    #[must_use]
    pub fn with_text(&self, new: Rich) -> Self {
        let mut block = self.clone();
        if let Kind::Paragraph(text)
        | Kind::Heading(_, text)
        | Kind::Item(_, text)
        | Kind::Quote(text)
        | Kind::Code { text, .. }
        | Kind::Native { text: Some(text), .. } = &mut block.kind
        {
            *text = new;
        }
        block
    }

    /// It and all below it.
    pub fn all(&self) -> Vec<&Block> {
        let mut all = vec![self];
        all.extend(self.children.iter().flat_map(Block::all));
        all
    }
}

pub fn native(name: &str, text: Option<Rich>, data: Map<String, Value>) -> Kind {
    Kind::Native {
        name: name.to_owned(),
        text,
        data,
    }
}

/// Whether a type can be made by what a tag says of it.
pub fn is_native(name: &str) -> bool {
    TEXTS.contains(&name) || HOLDERS.contains(&name) || LEAVES.contains(&name) || heading(name).is_some()
}

/// Whether a type has a text of its own.
pub fn has_text(name: &str) -> bool {
    TEXTS.contains(&name) || heading(name).is_some()
}

/// Whether a type holds others.
pub fn is_holder(name: &str) -> bool {
    has_text(name) || HOLDERS.contains(&name)
}

fn heading(name: &str) -> Option<u8> {
    let level = name.strip_prefix("heading_")?.parse().ok()?;
    (1..=3).contains(&level).then_some(level)
}

impl Kind {
    fn read(name: &str, content: &Value) -> Kind {
        let color = content["color"].as_str().filter(|color| *color != "default");
        let text = || rich::read(&content["rich_text"], color);
        let iconless = content["icon"].is_null();
        match name {
            "paragraph" if iconless => Kind::Paragraph(text()),
            "bulleted_list_item" => Kind::Item(List::Bulleted, text()),
            "numbered_list_item" => Kind::Item(List::Numbered, text()),
            "to_do" => Kind::Item(List::ToDo(content["checked"] == true), text()),
            "quote" => Kind::Quote(text()),
            "divider" => Kind::Divider,
            "code" => Kind::Code {
                text: text(),
                language: content["language"].as_str().unwrap_or(PLAIN).to_owned(),
                caption: rich::read(&content["caption"], None),
            },
            "table" => Kind::Table {
                rows: vec![],
                column_header: content["has_column_header"] == true,
                row_header: content["has_row_header"] == true,
            },
            // A table of one row; what holds it takes it apart.
            "table_row" => {
                let cells = content["cells"].as_array().into_iter().flatten();
                Kind::Table {
                    rows: vec![cells.map(|cell| rich::read(cell, None)).collect()],
                    column_header: false,
                    row_header: false,
                }
            }
            "image" if content["external"]["url"].is_string() => Kind::Image {
                url: content["external"]["url"].as_str().unwrap_or_default().to_owned(),
                caption: rich::read(&content["caption"], None),
            },
            _ => match heading(name) {
                Some(level) if content["is_toggleable"] != true => Kind::Heading(level, text()),
                _ => Kind::other(name, content),
            },
        }
    }

    /// What has no word in Markdown.
    fn other(name: &str, content: &Value) -> Kind {
        let hosted = FILES.contains(&name) && !content["external"]["url"].is_string();
        if !is_native(name) || hosted {
            let told = content["block_type"].as_str().unwrap_or(name);
            let title = content["title"].as_str().unwrap_or_default();
            return Kind::Kept {
                name: told.to_owned(),
                title: title.to_owned(),
            };
        }
        let mut data = Map::new();
        for (key, value) in content.as_object().into_iter().flatten() {
            let said = match key.as_str() {
                "rich_text" | "children" => continue,
                "color" if value == "default" => continue,
                // What belongs to the file itself stands in `external`.
                "type" if FILES.contains(&name) => continue,
                // Icons of files die with their links, and Notion's own are named by their words.
                "icon" if !matches!(value["type"].as_str(), Some("emoji" | "external")) => continue,
                "caption" => Value::from(rich::items(&rich::read(value, None))),
                _ => value.clone(),
            };
            let empty = said.is_null() || said == json!([]);
            if !empty || key == "synced_from" {
                data.insert(key.clone(), said);
            }
        }
        let text = has_text(name).then(|| rich::read(&content["rich_text"], None));
        native(name, text, data)
    }

    /// Its type and content, as Notion takes them.
    fn json(&self) -> (&str, Value) {
        let text = |rich: &Rich| json!({"rich_text": rich::items(rich)});
        match self {
            Kind::Paragraph(rich) => ("paragraph", text(rich)),
            Kind::Heading(1, rich) => ("heading_1", text(rich)),
            Kind::Heading(2, rich) => ("heading_2", text(rich)),
            Kind::Heading(_, rich) => ("heading_3", text(rich)),
            Kind::Item(List::Bulleted, rich) => ("bulleted_list_item", text(rich)),
            Kind::Item(List::Numbered, rich) => ("numbered_list_item", text(rich)),
            Kind::Item(List::ToDo(checked), rich) => {
                let mut content = text(rich);
                content["checked"] = (*checked).into();
                ("to_do", content)
            }
            Kind::Quote(rich) => ("quote", text(rich)),
            Kind::Divider => ("divider", json!({})),
            Kind::Code {
                text: rich,
                language,
                caption,
            } => {
                let mut content = text(rich);
                content["language"] = language.as_str().into();
                if !caption.is_empty() {
                    content["caption"] = rich::items(caption).into();
                }
                ("code", content)
            }
            Kind::Table {
                rows,
                column_header,
                row_header,
            } => {
                let width = rows.first().map_or(1, Vec::len);
                let content = json!({"table_width": width, "has_column_header": column_header,
                    "has_row_header": row_header, "children": rows.iter().map(|row| row_json(row)).collect::<Vec<_>>()});
                ("table", content)
            }
            Kind::Image { url, caption } => {
                let mut content = json!({"type": "external", "external": {"url": url}});
                if !caption.is_empty() {
                    content["caption"] = rich::items(caption).into();
                }
                ("image", content)
            }
            Kind::Native { name, text: rich, data } => {
                let mut content = rich.as_ref().map_or_else(|| json!({}), text);
                for (key, value) in data {
                    content[key] = value.clone();
                }
                (name, content)
            }
            Kind::Kept { name, .. } => (name, json!({})),
        }
    }
}

/// A row of a table, as Notion takes it.
pub fn row_json(row: &[Rich]) -> Value {
    let cells: Vec<Vec<Value>> = row.iter().map(|cell| rich::items(cell)).collect();
    json!({"object": "block", "type": "table_row", "table_row": {"cells": cells}})
}
