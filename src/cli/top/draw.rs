//! Draws the model.
//!
//! Invariant: it only reads; it draws into any size, and without colour it tells as much as with it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Sparkline};
use serde_json::Value;

use super::history::{self, Series};
use super::model::Model;
use super::sheet::{Row, facts};
use super::tab::{TABS, Tab};
use crate::cli::screen::clean;
use crate::cli::times;

/// What is too narrow or too low for rows.
const LEAST: (u16, u16) = (20, 6);
/// From so many columns on the graphs stand beside each other.
const WIDE: u16 = 66;
/// From so many rows on there are graphs.
const HIGH: u16 = 14;
/// Rows of a graph, with its title.
const GRAPH: u16 = 4;

/// Which parts the screen has.
pub struct Parts {
    pub head: Rect,
    pub tabs: Rect,
    pub graphs: Rect,
    /// The heads of the columns, and the rows below them.
    pub heads: Rect,
    pub rows: Rect,
    pub foot: Rect,
}

/// The parts of a screen of this size.
pub fn parts(area: Rect) -> Parts {
    let graph = if area.height >= HIGH { GRAPH } else { 0 };
    let [head, tabs, graphs, heads, rows, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(graph),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    Parts {
        head,
        tabs,
        graphs,
        heads,
        rows,
        foot,
    }
}

/// Where each tab's name stands.
pub fn tabs(area: Rect) -> Vec<(Tab, Rect, String)> {
    let whole: usize = TABS.iter().map(|tab| tab.name().len() + 4).sum();
    let short = whole > usize::from(area.width);
    let mut x = area.x;
    let mut placed = Vec::new();
    for (place, tab) in TABS.into_iter().enumerate() {
        let name: String = tab.name().chars().take(if short { 3 } else { usize::MAX }).collect();
        let text = if short {
            format!("{}{name} ", place + 1)
        } else {
            format!(" {} {name} ", place + 1)
        };
        let width = u16::try_from(text.len())
            .unwrap_or(u16::MAX)
            .min(area.right().saturating_sub(x));
        placed.push((tab, Rect::new(x, area.y, width, 1), text));
        x = x.saturating_add(width);
    }
    placed
}

/// How things are painted.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Nothing is coloured where this is not set.
    pub coloured: bool,
}

impl Palette {
    fn of(self, colour: Color) -> Style {
        match self.coloured {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    fn wellness(self, wellness: u8) -> Style {
        match wellness {
            0 => self.of(Color::Red).add_modifier(Modifier::BOLD),
            1 => self.of(Color::Yellow),
            _ => Style::new(),
        }
    }

    fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }
}

/// Draws all of it.
pub fn draw(model: &Model, frame: &mut Frame<'_>, palette: Palette) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        frame.render_widget(Paragraph::new("mosaic top: make the terminal larger, or press q"), area);
        return;
    }
    let parts = parts(area);
    frame.render_widget(head(model, palette), parts.head);
    for (tab, place, text) in tabs(parts.tabs) {
        let style = match tab == model.tab {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => palette.faint(),
        };
        frame.render_widget(Span::styled(text, style), place);
    }
    graphs(model, frame, parts.graphs, palette);
    match model.open {
        Some(top) => open(model, top, frame, &parts, palette),
        None => rows(model, frame, &parts, palette),
    }
    frame.render_widget(foot(model, palette), parts.foot);
    if model.help {
        help(frame, area);
    }
}

fn head<'a>(model: &Model, palette: Palette) -> Line<'a> {
    let status = &model.seen.status;
    let number = |place: &str| status.pointer(place).and_then(Value::as_u64);
    let mut told = Vec::new();
    if let Some(why) = &model.gone {
        let text = format!("NO ANSWER ({}); what is shown is old  ", clean(why).replace('\n', " "));
        told.push(Span::styled(text, palette.wellness(0)));
    }
    if model.paused {
        told.push(Span::styled("PAUSED  ", palette.wellness(1)));
    }
    if status["accepting"] == false {
        told.push(Span::styled("DRAINING  ", palette.wellness(1)));
    }
    let unhealthy = number("/health/unhealthy").unwrap_or(0);
    if unhealthy > 0 {
        told.push(Span::styled(format!("{unhealthy} UNHEALTHY  "), palette.wellness(0)));
    }
    let version = status["version"].as_str().map(clean).unwrap_or_default();
    let uptime = number("/uptime_ms").map(times::span).unwrap_or_default();
    let in_flight = number("/calls/in_flight").unwrap_or(0);
    let most = number("/calls/max_in_flight").unwrap_or(0);
    told.push(Span::raw(format!(
        "MosAIc {version}, up {uptime}, {in_flight} of {most} calls in flight, {}",
        model.place
    )));
    Line::from(told)
}

/// What the tab's graph is of, beside those of the whole: that of the row that is picked.
fn own_series(model: &Model) -> Option<String> {
    let text = |name: &str| model.picked().and_then(|row| row[name].as_str());
    match model.tab {
        Tab::Providers | Tab::Breakers => text("name").map(history::of_provider),
        Tab::Tenants => text("tenant").map(history::of_tenant),
        Tab::Caches => text("name").map(history::of_cache),
        Tab::Tree | Tab::Calls => None,
    }
}

fn graphs(model: &Model, frame: &mut Frame<'_>, area: Rect, palette: Palette) {
    if area.height == 0 {
        return;
    }
    let own = own_series(model).filter(|name| model.history.of(name).is_some());
    let third = own.unwrap_or_else(|| history::FAILED.to_owned());
    let names = match area.width >= WIDE {
        true => vec![history::CALLS.to_owned(), history::IN_FLIGHT.to_owned(), third],
        false if third == history::FAILED => vec![history::CALLS.to_owned()],
        false => vec![third],
    };
    let places = Layout::horizontal(vec![Constraint::Fill(1); names.len()])
        .spacing(1)
        .split(area);
    for (name, place) in names.iter().zip(places.iter()) {
        let nothing = Series::default();
        let series = model.history.of(name).unwrap_or(&nothing);
        let most = series.values().max().unwrap_or(0);
        let title = format!("{} {}, at most {most}", clean(name), series.last());
        let shown = series.values().rev().take(usize::from(place.width));
        // The newest at the right.
        let mut values: Vec<u64> = shown.collect();
        values.reverse();
        let style = match name.as_str() == history::FAILED && series.last() > 0 {
            true => palette.wellness(0),
            false => palette.of(Color::Cyan),
        };
        let graph = Sparkline::default().data(values).max(most.max(1)).style(style);
        frame.render_widget(Line::styled(title, palette.faint()), Rect { height: 1, ..*place });
        let below = Rect::new(place.x, place.y + 1, place.width, place.height.saturating_sub(2));
        frame.render_widget(graph, below);
    }
}

fn rows(model: &Model, frame: &mut Frame<'_>, parts: &Parts, palette: Palette) {
    let sheet = &model.sheet;
    if sheet.rows.is_empty() {
        frame.render_widget(Span::styled(sheet.empty, palette.faint()), parts.rows);
        return;
    }
    let room = usize::from(parts.rows.height);
    let eye = model.eye();
    let seen: Vec<&Row> = sheet.rows.iter().skip(eye.top).take(room).collect();
    let widths = widths(&sheet.heads, &seen, usize::from(parts.rows.width));
    frame.render_widget(Line::styled(line(&sheet.heads, &widths), palette.faint()), parts.heads);
    for (place, row) in seen.iter().enumerate() {
        let is_picked = eye.top + place == eye.row;
        let style = palette.wellness(row.wellness);
        let style = if is_picked {
            style.add_modifier(Modifier::REVERSED)
        } else {
            style
        };
        let mut text = line(&row.cells, &widths);
        if is_picked {
            let rest = usize::from(parts.rows.width).saturating_sub(width(&text));
            text.extend(std::iter::repeat_n(' ', rest));
        }
        let y = parts.rows.y.saturating_add(u16::try_from(place).unwrap_or(u16::MAX));
        frame.render_widget(
            Line::styled(text, style),
            Rect::new(parts.rows.x, y, parts.rows.width, 1),
        );
    }
}

/// Columns between two cells.
const GAP: usize = 2;
/// The widest that a cell between the first and the last may be.
const WIDEST: usize = 30;

/// How wide each column is that there is room for: what stands first is cut last.
fn widths(heads: &[String], rows: &[&Row], room: usize) -> Vec<usize> {
    let mut left = room;
    let mut widths = Vec::new();
    for column in 0..heads.len() {
        let cells = rows
            .iter()
            .filter_map(|row| row.cells.get(column))
            .map(|cell| width(cell));
        let wanted = cells.chain([width(&heads[column])]).max().unwrap_or(0);
        let is_inner = column > 0 && column + 1 < heads.len();
        let wanted = if is_inner { wanted.min(WIDEST) } else { wanted };
        let gap = if column == 0 { 0 } else { GAP };
        // A stump tells nothing.
        if left < gap + wanted.min(3) {
            break;
        }
        let granted = wanted.min(left - gap);
        widths.push(granted);
        left -= gap + granted;
    }
    widths
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| fitted(cell, *width));
    let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    line.trim_end().to_owned()
}

/// Columns that a text takes.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text in exactly so many columns.
fn fitted(text: &str, columns: usize) -> String {
    let whole = width(text);
    if whole <= columns {
        return format!("{text}{}", " ".repeat(columns - whole));
    }
    let mut cut = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let own = width(c.encode_utf8(&mut [0; 4]));
        if taken + own + 1 > columns {
            break;
        }
        cut.push(c);
        taken += own;
    }
    if columns > 0 {
        cut.push('…');
        taken += 1;
    }
    cut + &" ".repeat(columns.saturating_sub(taken))
}

fn open(model: &Model, top: usize, frame: &mut Frame<'_>, parts: &Parts, palette: Palette) {
    let Some(row) = model.picked() else { return };
    let facts = facts(row);
    let names = facts.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let room = usize::from(parts.rows.width);
    let title = format!("{} facts; Esc closes", facts.len());
    frame.render_widget(Line::styled(title, palette.faint()), parts.heads);
    let shown = facts.len().saturating_sub(usize::from(parts.rows.height)).min(top);
    let lines = facts.iter().skip(shown).map(|(name, text)| {
        let named = fitted(name, names.min(room / 2));
        let rest = room.saturating_sub(width(&named) + GAP);
        let text = if width(text) > rest {
            fitted(text, rest)
        } else {
            text.clone()
        };
        Line::from(vec![
            Span::styled(named, palette.faint()),
            Span::raw(format!("{}{text}", " ".repeat(GAP))),
        ])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), parts.rows);
}

fn foot<'a>(model: &Model, palette: Palette) -> Line<'a> {
    let count = model.sheet.rows.len();
    let place = if count == 0 { 0 } else { model.eye().row + 1 };
    Line::styled(
        format!("{place}/{count}  q quit  ? help  Tab next  Enter facts  p pause"),
        palette.faint(),
    )
}

const HELP: [&str; 11] = [
    "q, Ctrl-C       quit",
    "Esc             close, else quit",
    "Tab, Right, l   next tab",
    "S-Tab, Left, h  previous tab",
    "1 to 6          this tab",
    "Up, Down, k, j  a row",
    "PgUp, PgDn      a page",
    "Home, End, g, G first, last",
    "Enter           the row's facts",
    "p  r            pause; look now",
    "mouse           tabs, rows, wheel",
];

fn help(frame: &mut Frame<'_>, area: Rect) {
    let wide = HELP.iter().map(|line| line.len()).max().unwrap_or(0) + 2;
    let high = HELP.len() + 2;
    let width = u16::try_from(wide).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(high).unwrap_or(u16::MAX).min(area.height);
    let place = Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    );
    frame.render_widget(Clear, place);
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::raw(*line)).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title("keys")), place);
}

#[cfg(test)]
mod tests;
