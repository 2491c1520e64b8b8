//! From blocks to Markdown. Pure.
//!
//! Invariant: what is written is read as the same blocks, but for what stands between items of a list.

use serde_json::{Map, Value, json};

use super::read;
use super::tags;
use super::words::{self, Place, words};
use crate::providers::notion::block::{self, Block, HTML, Kind, LANGUAGE, List, PLAIN};
use crate::providers::notion::rich::{self, Rich, Run, Said, Style};

/// Writes blocks.
pub fn write(blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut number = 0;
    for (at, block) in blocks.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &blocks[at]);
        let goes_on = before.is_some_and(|before| same_list(before, block));
        number = if goes_on { number + 1 } else { 1 };
        if before.is_some() {
            out.push_str(if goes_on { "\n" } else { "\n\n" });
        }
        out.push_str(&one(block, number));
    }
    out
}

/// Writes one block, the only one of its list.
pub fn alone(block: &Block) -> String {
    one(block, 1)
}

fn same_list(before: &Block, next: &Block) -> bool {
    match (&before.kind, &next.kind) {
        (Kind::Item(before, _), Kind::Item(next, _)) => (*before == List::Numbered) == (*next == List::Numbered),
        _ => false,
    }
}

fn one(block: &Block, number: usize) -> String {
    match &block.kind {
        Kind::Paragraph(text) if text.is_empty() => tags::EMPTY.to_owned(),
        Kind::Paragraph(text) => words(text, Place::Paragraph),
        Kind::Heading(level, text) => {
            let marks = "#".repeat(usize::from(*level));
            format!("{marks} {}", words(text, Place::Heading))
                .trim_end_matches(' ')
                .to_owned()
        }
        Kind::Item(list, text) => item(*list, text, &block.children, number),
        Kind::Quote(text) => {
            let held = with_lead(text, &block.children);
            prefixed(&write(&held), ">", "> ", "> ")
        }
        Kind::Code {
            text,
            language,
            caption,
        } => code(text, language, caption),
        Kind::Divider => "***".to_owned(),
        Kind::Table {
            rows,
            column_header,
            row_header,
        } => table(rows, *column_header, *row_header),
        Kind::Image { url, caption } => image(url, caption),
        Kind::Native { name, text, data } => native(name, text.as_ref(), data, &block.children),
        Kind::Kept { name, title } => tags::kept(name, block.id.as_deref().unwrap_or("-"), title),
    }
}

/// A text and what is in its block, as blocks that stand in it: what comes first and is a paragraph is the text.
fn with_lead(text: &Rich, children: &[Block]) -> Vec<Block> {
    let leads = matches!(children.first().map(|child| &child.kind), Some(Kind::Paragraph(_)));
    let mut held = vec![];
    if !text.is_empty() || leads {
        held.push(Block::of(Kind::Paragraph(text.clone())));
    }
    held.extend_from_slice(children);
    held
}

fn item(list: List, text: &Rich, children: &[Block], number: usize) -> String {
    let (marker, indent) = match list {
        List::Bulleted | List::ToDo(_) => ("- ".to_owned(), 2),
        List::Numbered => {
            let marker = format!("{number}. ");
            let indent = marker.len();
            (marker, indent)
        }
    };
    let mut held = String::new();
    if let List::ToDo(done) = list {
        held.push_str(if done { "[x] " } else { "[ ] " });
    }
    // A picture on the line of the mark would be its text.
    let leads = matches!(
        children.first().map(|child| &child.kind),
        Some(Kind::Paragraph(_) | Kind::Image { .. })
    );
    match text.is_empty() {
        // A mark with nothing behind it would be words.
        true if leads || list != List::Bulleted && list != List::Numbered => held.push_str(tags::EMPTY),
        true => {}
        false => held.push_str(&words(text, Place::Paragraph)),
    }
    if let Some(first) = children.first() {
        if !held.is_empty() {
            held.push_str(if interrupts(first) { "\n" } else { "\n\n" });
        }
        held.push_str(&write(children));
    }
    let spaces = " ".repeat(indent);
    prefixed(&held, marker.trim_end(), &marker, &spaces)
}

/// Whether a block may stand right below the line of a text.
fn interrupts(block: &Block) -> bool {
    match &block.kind {
        Kind::Item(_, text) => !text.is_empty(),
        Kind::Heading(..) | Kind::Quote(_) | Kind::Kept { .. } => true,
        Kind::Code { caption, .. } => caption.is_empty(),
        _ => false,
    }
}

/// Puts `first` before the first line, `rest` before the others, and nothing before empty ones but what marks them.
fn prefixed(text: &str, empty: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let prefix = match (at, line.is_empty()) {
            (0, true) => empty,
            (0, false) => first,
            (_, true) => rest.trim_end(),
            (_, false) => rest,
        };
        out.push_str(prefix);
        out.push_str(line);
    }
    out
}

fn is_bare(run: &Run) -> bool {
    matches!(run.said, Said::Text(_)) && run.style == Style::default() && run.link.is_none()
}

fn code(text: &Rich, language: &str, caption: &Rich) -> String {
    let plain = rich::plain(text);
    if !text.iter().all(is_bare) {
        let data = json!({"rich_text": rich::items(text), "language": language, "caption": rich::items(caption)});
        return tags::open("code", &object(data), true);
    }
    let said = rich::plain(caption);
    let bare = caption.iter().all(is_bare);
    let fenced = |info: &str| {
        let fence = words::fence(&plain, info);
        let end = if plain.is_empty() { "" } else { "\n" };
        format!("{fence}{}\n{plain}{end}{fence}", words::info(info))
    };
    let info = if language == PLAIN { "" } else { language };
    if bare && said == HTML && language == "html" && is_closed(&plain) {
        return plain;
    }
    match said
        .strip_prefix(LANGUAGE)
        .filter(|other| bare && language == PLAIN && is_info(other))
    {
        Some(other) => fenced(other),
        None if caption.is_empty() => fenced(info),
        None => {
            let data = object(json!({"caption": rich::items(caption)}));
            format!(
                "{}\n\n{}\n\n{}",
                tags::open("code", &data, false),
                fenced(info),
                tags::close("code")
            )
        }
    }
}

fn is_info(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains('\n')
}

/// Whether HTML is a block of its own, and what follows is not.
fn is_closed(html: &str) -> bool {
    let behind = format!("{html}\n\nbehind");
    let Ok(told) = read::read(&behind) else { return false };
    match &told.blocks[..] {
        [
            Block {
                kind: Kind::Code { text, .. },
                ..
            },
            Block {
                kind: Kind::Paragraph(_),
                ..
            },
        ] => rich::plain(text) == html,
        _ => false,
    }
}

fn table(rows: &[Vec<Rich>], column_header: bool, row_header: bool) -> String {
    let line = |row: &Vec<Rich>| {
        let cells: Vec<String> = row.iter().map(|cell| words(cell, Place::Cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    let width = rows.first().map_or(0, Vec::len);
    lines.insert(1.min(lines.len()), format!("|{}", " --- |".repeat(width)));
    let text = lines.join("\n");
    match (column_header, row_header) {
        (true, false) => text,
        _ => {
            let data = object(json!({"has_column_header": column_header, "has_row_header": row_header}));
            format!(
                "{}\n\n{text}\n\n{}",
                tags::open("table", &data, false),
                tags::close("table")
            )
        }
    }
}

fn image(url: &str, caption: &Rich) -> String {
    let alt = rich::plain(caption);
    let web = url.starts_with("https://") || url.starts_with("http://");
    match caption.iter().all(is_bare) && !alt.contains('\n') && web {
        true => format!("![{}]({})", words(caption, Place::Paragraph), words::target(url, None)),
        false => {
            let data = object(json!({"external": {"url": url}, "caption": rich::items(caption)}));
            tags::open("image", &data, true)
        }
    }
}

fn native(name: &str, text: Option<&Rich>, data: &Map<String, Value>, children: &[Block]) -> String {
    if !block::is_holder(name) {
        return tags::open(name, data, true);
    }
    let held = match text {
        Some(text) => with_lead(text, children),
        None => children.to_vec(),
    };
    let open = tags::open(name, data, false);
    match held.is_empty() {
        true => format!("{open}\n\n{}", tags::close(name)),
        false => format!("{open}\n\n{}\n\n{}", write(&held), tags::close(name)),
    }
}

fn object(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(map) => map.into_iter().filter(|(_, value)| *value != json!([])).collect(),
        _ => Map::new(),
    }
}
