//! The terminal that `mosaic top` draws on, and what is done at it.
//!
//! Invariant: the terminal is as it was before, however this ends: by a key, a failure, a signal or a panic.

use std::io::{self, Stdout, Write};
use std::sync::Once;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{
    self, DisableMouseCapture, EnableMouseCapture, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton,
    MouseEvent, MouseEventKind,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::layout::{Position, Rect};
use tokio::sync::mpsc;

use super::draw::{parts, tabs};
use super::model::{Model, Wish};
use super::tab::TABS;

/// How often it is looked whether anybody still wants to know what is done.
const LOOK: Duration = Duration::from_millis(100);
/// What is done that nobody has taken yet.
const WAITING: usize = 64;

/// What happens at the terminal.
#[derive(Debug)]
pub enum Done {
    /// A key or the mouse.
    Event(Event),
    /// It is there no more.
    Gone,
}

/// A terminal that is drawn on, until it is dropped.
pub struct Drawn {
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    pub done: mpsc::Receiver<Done>,
    _restored: Restored,
}

/// Puts the terminal back when it is dropped.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        restore();
    }
}

impl Drawn {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Of a terminal that cannot be drawn on.
    pub fn begin() -> io::Result<Self> {
        heed_panics();
        enable_raw_mode()?;
        let restored = Restored;
        execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let (tell, done) = mpsc::channel(WAITING);
        std::thread::spawn(move || listen(&tell));
        Ok(Drawn {
            terminal,
            done,
            _restored: restored,
        })
    }
}

/// A terminal that is gone needs no restoring.
fn restore() {
    let _ = execute!(io::stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

/// What a panic says is to be read, and on the terminal as it was.
fn heed_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}

/// Reading waits, so that it has a thread; it ends with whoever listens.
fn listen(tell: &mpsc::Sender<Done>) {
    while !tell.is_closed() {
        let done = match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => event::read().map_or(Done::Gone, Done::Event),
            Err(_) => Done::Gone,
        };
        let is_gone = matches!(done, Done::Gone);
        if tell.blocking_send(done).is_err() || is_gone {
            return;
        }
    }
}

/// What is wanted by what was done on a screen of this size; nothing by a new size, which is drawn anyway.
pub fn wish(event: &Event, model: &Model, area: Rect) -> Option<Wish> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => by_key(key, model),
        Event::Mouse(mouse) => by_mouse(mouse, area),
        _ => None,
    }
}

fn by_key(key: &KeyEvent, model: &Model) -> Option<Wish> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c' | 'd') => Some(Wish::Quit),
            KeyCode::Char('l') => Some(Wish::Refresh),
            _ => None,
        };
    }
    Some(match key.code {
        KeyCode::Char('q') => Wish::Quit,
        KeyCode::Esc => Wish::Back,
        KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => Wish::Next,
        KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => Wish::Previous,
        KeyCode::Up | KeyCode::Char('k') => Wish::Move(-1),
        KeyCode::Down | KeyCode::Char('j') => Wish::Move(1),
        KeyCode::PageUp => Wish::Move(-model.page()),
        KeyCode::PageDown | KeyCode::Char(' ') => Wish::Move(model.page()),
        KeyCode::Home | KeyCode::Char('g') => Wish::First,
        KeyCode::End | KeyCode::Char('G') => Wish::Last,
        KeyCode::Enter => Wish::Open,
        KeyCode::Char('?') | KeyCode::F(1) => Wish::Help,
        KeyCode::Char('p') => Wish::Pause,
        KeyCode::Char('r') => Wish::Refresh,
        KeyCode::Char(digit @ '1'..='9') => Wish::Show(*TABS.get(usize::try_from(digit.to_digit(10)? - 1).ok()?)?),
        _ => return None,
    })
}

fn by_mouse(mouse: &MouseEvent, area: Rect) -> Option<Wish> {
    let parts = parts(area);
    let at = Position::new(mouse.column, mouse.row);
    match mouse.kind {
        MouseEventKind::ScrollDown => Some(Wish::Move(3)),
        MouseEventKind::ScrollUp => Some(Wish::Move(-3)),
        MouseEventKind::Down(MouseButton::Left) if parts.rows.contains(at) => {
            Some(Wish::Pick(usize::from(at.y - parts.rows.y)))
        }
        MouseEventKind::Down(MouseButton::Left) => {
            let mut named = tabs(parts.tabs).into_iter();
            named
                .find(|(_, place, _)| place.contains(at))
                .map(|(tab, ..)| Wish::Show(tab))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::top::sheet::Seen;
    use crate::cli::top::tab::Tab;

    #[test]
    fn keys_and_the_mouse_are_wishes() {
        let model = Model::new("http://h", Seen::default());
        let area = Rect::new(0, 0, 80, 24);
        let key = |code, modifiers| wish(&Event::Key(KeyEvent::new(code, modifiers)), &model, area);
        let none = KeyModifiers::NONE;
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Wish::Quit));
        assert_eq!(key(KeyCode::Char('c'), none), None);
        assert_eq!(key(KeyCode::Char('3'), none), Some(Wish::Show(Tab::Breakers)));
        assert_eq!(key(KeyCode::Char('9'), none), None);
        assert_eq!(key(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Wish::Previous));
        let mouse = |kind, column, row| {
            let event = MouseEvent {
                kind,
                column,
                row,
                modifiers: none,
            };
            wish(&Event::Mouse(event), &model, area)
        };
        let left = MouseEventKind::Down(MouseButton::Left);
        let parts = parts(area);
        assert_eq!(mouse(left, 3, parts.rows.y + 2), Some(Wish::Pick(2)));
        let (tab, place, _) = tabs(parts.tabs).remove(4);
        assert_eq!(mouse(left, place.x, place.y), Some(Wish::Show(tab)));
        assert_eq!(mouse(left, 0, 0), None);
        assert_eq!(mouse(MouseEventKind::ScrollUp, 0, 0), Some(Wish::Move(-3)));
    }
}
