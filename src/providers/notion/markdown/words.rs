//! From rich text to the words of Markdown. Pure.
//!
//! Invariant: what is written reads as the same text; where stars would not, tags stand for them.

use super::read;
use super::tags;
use crate::providers::notion::block::Kind;
use crate::providers::notion::rich::{self, Link, Rich, Run, Said, Style};

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Paragraph,
    /// On one line.
    Heading,
    /// On one line, between bars.
    Cell,
}

/// How emphasis is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    Stars,
    Tags,
}

/// What is opened and closed around words, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Color(String),
    Underline,
    Italic,
    Bold,
    Strike,
    Link(String, Option<String>),
}

/// Writes a text.
pub fn words(text: &[Run], place: Place) -> String {
    let text = settled(text);
    let linked = linked(&text);
    let starred = Writer::write(&linked, place, Marks::Stars);
    match read_back(&starred, place).as_ref() == Some(&text) {
        true => starred,
        false => Writer::write(&linked, place, Marks::Tags),
    }
}

/// What is written, as it is read.
fn read_back(written: &str, place: Place) -> Option<Rich> {
    let text = match place {
        Place::Paragraph => written.to_owned(),
        Place::Heading => format!("# {written}"),
        Place::Cell => format!("| x |\n| - |\n| {written} |"),
    };
    let mut blocks = read::read(&text).ok()?.blocks;
    match (blocks.len(), blocks.pop()?.kind) {
        (1, Kind::Paragraph(text)) if place == Place::Paragraph => Some(text),
        (1, Kind::Heading(1, text)) if place == Place::Heading => Some(text),
        (1, Kind::Table { mut rows, .. }) if place == Place::Cell => rows.pop()?.pop(),
        _ => None,
    }
}

/// The same text with its runs joined, and no emphasis on white space at the ends of what is emphasised: nobody sees it.
pub fn settled(text: &[Run]) -> Rich {
    let mut settled = Rich::new();
    for (at, run) in text.iter().enumerate() {
        let Said::Text(said) = &run.said else {
            rich::push(&mut settled, run.clone());
            continue;
        };
        let emphasised = run.style.bold || run.style.italic;
        if run.style.code || !emphasised {
            rich::push(&mut settled, run.clone());
            continue;
        }
        let bare = |other: Option<&Run>| {
            let of = |other: &Run| Style {
                bold: run.style.bold && other.style.bold,
                italic: run.style.italic && other.style.italic,
                ..run.style.clone()
            };
            other.map_or_else(
                || Style {
                    bold: false,
                    italic: false,
                    ..run.style.clone()
                },
                of,
            )
        };
        let before = bare(at.checked_sub(1).and_then(|at| text.get(at)));
        let behind = bare(text.get(at + 1));
        let begin = said.len() - said.trim_start().len();
        let (space, rest) = said.split_at(begin);
        let (middle, end) = rest.split_at(rest.trim_end().len());
        let styled = |text: &str, style: &Style| Run::styled(text, style.clone(), run.link.clone());
        rich::push(&mut settled, styled(space, &before));
        rich::push(&mut settled, styled(middle, &run.style));
        rich::push(&mut settled, styled(end, &behind));
    }
    around(&mut settled);
    settled
}

/// The tags of a link have the emphasis that all within it has: it is written around them.
fn around(text: &mut [Run]) {
    for at in 0..text.len() {
        let begins = text[at].as_markup().and_then(tags::read_link).is_some();
        let end = text[at + 1..].iter().position(|run| run.as_markup() == Some("</a>"));
        let (true, Some(length @ 1..)) = (begins, end) else {
            continue;
        };
        let inner = &text[at + 1..at + 1 + length];
        let all = |has: fn(&Style) -> bool| inner.iter().all(|run| has(&run.style));
        let (bold, italic) = (all(|style| style.bold), all(|style| style.italic));
        let (strike, underline) = (all(|style| style.strike), all(|style| style.underline));
        for tag in [at, at + 1 + length] {
            let style = &mut text[tag].style;
            (style.bold, style.italic, style.strike, style.underline) = (bold, italic, strike, underline);
        }
    }
}

/// Links that are kept as tags, as links: Markdown has a word for them.
fn linked(text: &[Run]) -> Rich {
    let mut linked = Rich::new();
    let mut at = 0;
    while let Some(run) = text.get(at) {
        let begun = run.as_markup().and_then(tags::read_link);
        let end = text[at + 1..].iter().position(|run| run.as_markup() == Some("</a>"));
        match (begun, end) {
            (Some(told), Some(length)) => {
                let inner = &text[at + 1..at + 1 + length];
                let link = Some(Link {
                    url: told.url,
                    title: told.title,
                });
                if inner.is_empty() {
                    linked.push(Run::styled("", Style::default(), link.clone()));
                }
                linked.extend(inner.iter().map(|run| Run {
                    link: link.clone(),
                    ..run.clone()
                }));
                at += length + 2;
            }
            _ => {
                linked.push(run.clone());
                at += 1;
            }
        }
    }
    linked
}

fn marks(run: &Run) -> Vec<Mark> {
    let style = &run.style;
    let tag = is_tag(run);
    let color = style.color.clone().filter(|_| !tag).map(Mark::Color);
    let link = run
        .link
        .as_ref()
        .map(|link| Mark::Link(link.url.clone(), link.title.clone()));
    [
        color,
        style.underline.then_some(Mark::Underline),
        style.italic.then_some(Mark::Italic),
        style.bold.then_some(Mark::Bold),
        style.strike.then_some(Mark::Strike),
        link,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A tag of somebody's own, within a link or not.
fn is_tag(run: &Run) -> bool {
    let bare = Run {
        link: None,
        ..run.clone()
    };
    bare.as_markup().is_some()
}

struct Writer {
    out: String,
    place: Place,
    how: Marks,
    open: Vec<Mark>,
    /// Nothing stands on the line yet.
    fresh: bool,
}

impl Writer {
    fn write(text: &[Run], place: Place, how: Marks) -> String {
        let mut writer = Writer {
            out: String::new(),
            place,
            how,
            open: vec![],
            fresh: true,
        };
        let needed: Vec<Vec<Mark>> = text.iter().map(marks).collect();
        for (at, run) in text.iter().enumerate() {
            writer.turn(&needed[at..]);
            writer.say(run, text.get(at + 1));
        }
        while let Some(mark) = writer.open.pop() {
            writer.close(&mark);
        }
        writer.out
    }

    /// Closes what the next run has not, and opens what it has: first what lasts longest.
    fn turn(&mut self, needed: &[Vec<Mark>]) {
        let Some((next, _)) = needed.split_first() else { return };
        let kept = self.open.iter().take_while(|mark| next.contains(mark)).count();
        while self.open.len() > kept {
            if let Some(mark) = self.open.pop() {
                self.close(&mark);
            }
        }
        let mut missing: Vec<&Mark> = next.iter().filter(|mark| !self.open.contains(mark)).collect();
        let lasts = |mark: &Mark| needed.iter().take_while(|marks| marks.contains(mark)).count();
        missing.sort_by_key(|mark| (std::cmp::Reverse(lasts(mark)), (*mark).clone()));
        for mark in missing {
            self.begin(mark);
            self.open.push(mark.clone());
        }
    }

    fn begin(&mut self, mark: &Mark) {
        let tags = self.how == Marks::Tags;
        let text = match mark {
            Mark::Color(color) => format!("<span data-color=\"{}\">", tags::escape(color)),
            Mark::Underline => "<u>".to_owned(),
            Mark::Italic => if tags { "<em>" } else { "*" }.to_owned(),
            Mark::Bold => if tags { "<strong>" } else { "**" }.to_owned(),
            Mark::Strike => if tags { "<del>" } else { "~~" }.to_owned(),
            Mark::Link(..) => "[".to_owned(),
        };
        self.put(&text);
    }

    fn close(&mut self, mark: &Mark) {
        let tags = self.how == Marks::Tags;
        let text = match mark {
            Mark::Color(_) => "</span>".to_owned(),
            Mark::Underline => "</u>".to_owned(),
            Mark::Italic => if tags { "</em>" } else { "*" }.to_owned(),
            Mark::Bold => if tags { "</strong>" } else { "**" }.to_owned(),
            Mark::Strike => if tags { "</del>" } else { "~~" }.to_owned(),
            Mark::Link(url, title) => format!("]({})", target(url, title.as_deref())),
        };
        self.put(&text);
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.fresh &= text.is_empty();
    }

    fn say(&mut self, run: &Run, next: Option<&Run>) {
        match &run.said {
            Said::Object { json, plain } => {
                self.put(&format!("<span data-notion=\"{}\">", tags::escape(&json.to_string())));
                self.text(plain, Some('<'));
                self.put("</span>");
            }
            Said::Text(tag) if is_tag(run) => match tags::read_picture(tag) {
                Some(told) => {
                    self.put("![");
                    self.text(&told.alt, Some(']'));
                    self.put(&format!("]({})", target(&told.url, told.title.as_deref())));
                }
                None => self.put(tag),
            },
            Said::Text(text) if run.style.code => self.code(text),
            Said::Text(text) => self.text(text, next.map(first)),
        }
    }

    /// Code, in lines of its own where it has more than one.
    fn code(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.newline(true);
            }
            if line.is_empty() {
                continue;
            }
            let ticks = "`".repeat(longest_of(line, '`') + 1);
            let ends = line.starts_with('`') || line.ends_with('`');
            let spaces = line.starts_with(' ') && line.ends_with(' ') && !line.trim().is_empty();
            let pad = if ends || spaces { " " } else { "" };
            let line = match self.place {
                Place::Cell => line.replace('|', "\\|"),
                _ => line.to_owned(),
            };
            self.put(&format!("{ticks}{pad}{line}{pad}{ticks}"));
        }
    }

    /// Words. `next`: what stands behind them, none at the end.
    fn text(&mut self, text: &str, next: Option<char>) {
        let chars: Vec<char> = text.chars().collect();
        for (at, c) in chars.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| chars[at]);
            let rest = &chars[at + 1..];
            let behind = rest.first().copied().or(next);
            match c {
                '\n' => self.newline(!self.fresh && behind.is_some_and(|c| c != '\n')),
                ' ' if self.fresh || matches!(behind, None | Some('\n')) => self.put("&#32;"),
                '\t' if self.fresh || matches!(behind, None | Some('\n')) => self.put("&#9;"),
                '\r' => self.put("&#13;"),
                c if self.escapes(*c, before, rest, behind) => self.put(&format!("\\{c}")),
                c => {
                    self.out.push(*c);
                    self.fresh = false;
                }
            }
        }
    }

    fn newline(&mut self, between: bool) {
        match (between, self.place) {
            (false, _) => self.put("&#10;"),
            (true, Place::Paragraph) => {
                self.out.push_str("\\\n");
                self.fresh = true;
            }
            (true, _) => self.put("<br />"),
        }
    }

    /// Whether a character would be read as more than itself.
    fn escapes(&self, c: char, before: Option<char>, rest: &[char], behind: Option<char>) -> bool {
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '~' => true,
            '_' => !(word(before) && word(behind)),
            '&' => behind.is_some_and(|c| c.is_ascii_alphanumeric() || c == '#'),
            // A picture would begin.
            '!' => rest.is_empty(),
            '|' => true,
            '#' => self.place == Place::Heading || self.fresh,
            '>' | '-' | '+' | '=' | ':' => self.fresh,
            '.' | ')' => self.place == Place::Paragraph && self.is_number(),
            _ => false,
        }
    }

    /// Whether the line is a number up to here: a list would begin.
    fn is_number(&self) -> bool {
        let line = self.out.rsplit('\n').next().unwrap_or_default();
        (1..=9).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// The first character that stands for a run.
fn first(run: &Run) -> char {
    match &run.said {
        Said::Text(text) => text.chars().next().unwrap_or('['),
        Said::Object { .. } => '<',
    }
}

fn longest_of(text: &str, c: char) -> usize {
    let (mut longest, mut now) = (0, 0);
    for found in text.chars() {
        now = if found == c { now + 1 } else { 0 };
        longest = longest.max(now);
    }
    longest
}

/// Where a link leads to, and its title.
pub fn target(url: &str, title: Option<&str>) -> String {
    let escaped = |text: &str, odd: &[char]| {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '\n' => out.push_str("&#10;"),
                '\r' => out.push_str("&#13;"),
                '\t' => out.push_str("&#9;"),
                '\\' | '&' | '|' => {
                    out.push('\\');
                    out.push(c);
                }
                c if odd.contains(&c) => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
        out
    };
    let simple = |c: char| !c.is_whitespace() && !c.is_control() && !"()<>\\".contains(c);
    let url = match !url.is_empty() && url.chars().all(simple) {
        true => escaped(url, &['*', '_', '`', '[', ']']),
        false => format!("<{}>", escaped(url, &['<', '>'])),
    };
    match title {
        Some(title) => format!("{url} \"{}\"", escaped(title, &['"'])),
        None => url,
    }
}

/// A fence that no line of a text ends.
pub fn fence(text: &str, info: &str) -> String {
    let c = if info.contains('`') { '~' } else { '`' };
    c.to_string().repeat(longest_of(text, c).max(2) + 1)
}

/// The language behind a fence.
pub fn info(text: &str) -> String {
    text.replace('\\', "\\\\").replace('&', "\\&").replace('\n', " ")
}
