//! What `mosaic top` shows: what was seen last, what was seen before, and where the eye is.
//!
//! Invariant: it asks nobody and draws nothing, and all that it keeps is bounded.

use serde_json::Value;

use super::history::History;
use super::sheet::{MOST_FACTS, Seen, Sheet, sheet};
use super::tab::{TABS, Tab};

/// What somebody at the keyboard or with a mouse wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Quit,
    /// Back from what is open, else the end.
    Back,
    Next,
    Previous,
    Show(Tab),
    /// So many rows down, or up.
    Move(isize),
    First,
    Last,
    /// This row of those that are seen.
    Pick(usize),
    /// The facts of the row.
    Open,
    Help,
    Pause,
    /// To be asked at once.
    Refresh,
}

/// What comes of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Draw,
    Ask,
    End,
}

/// Where the eye is in one tab.
#[derive(Clone, Debug, Default)]
pub struct Eye {
    /// The row, by its place.
    pub row: usize,
    /// The same by its key, which stays when rows come and go.
    key: Option<String>,
    /// The first row that is seen.
    pub top: usize,
}

/// All of it.
pub struct Model {
    /// The address that is looked at.
    pub place: String,
    pub tab: Tab,
    pub sheet: Sheet,
    pub history: History,
    pub seen: Seen,
    /// Why nothing new came, where that is so.
    pub gone: Option<String>,
    pub paused: bool,
    pub help: bool,
    /// The facts of the row are shown in place of the rows; the first of them that is seen.
    pub open: Option<usize>,
    eyes: [Eye; TABS.len()],
    /// Rows that there is room for.
    room: usize,
}

impl Model {
    /// What is shown first.
    pub fn new(place: &str, seen: Seen) -> Self {
        let mut model = Model {
            place: place.to_owned(),
            tab: Tab::Tree,
            sheet: Sheet::default(),
            history: History::default(),
            seen: Seen::default(),
            gone: None,
            paused: false,
            help: false,
            open: None,
            eyes: Default::default(),
            room: 1,
        };
        model.look(seen);
        model
    }

    /// Takes what was seen now.
    pub fn look(&mut self, seen: Seen) {
        self.gone = None;
        self.history.add(&seen);
        self.seen = seen;
        self.lay();
    }

    /// Nothing came: what is shown is old.
    pub fn lose(&mut self, why: String) {
        self.gone = Some(why);
    }

    /// Where the eye is.
    pub fn eye(&self) -> &Eye {
        &self.eyes[self.tab.place()]
    }

    /// The row that it is on.
    pub fn picked(&self) -> Option<&Value> {
        self.sheet.rows.get(self.eye().row).map(|row| &row.source)
    }

    /// There is room for so many rows.
    pub fn fit(&mut self, room: usize) {
        self.room = room.max(1);
        self.keep_in_sight();
    }

    /// Does what is wanted.
    pub fn wish(&mut self, wish: Wish) -> Then {
        let page = isize::try_from(self.room).unwrap_or(isize::MAX);
        match wish {
            Wish::Quit => return Then::End,
            Wish::Back => {
                let (helped, open) = (std::mem::take(&mut self.help), self.open.take());
                if !helped && open.is_none() {
                    return Then::End;
                }
            }
            Wish::Refresh => return Then::Ask,
            Wish::Help => self.help = !self.help,
            Wish::Pause => self.paused = !self.paused,
            Wish::Open => self.open = self.open.is_none().then_some(0).filter(|_| !self.sheet.rows.is_empty()),
            Wish::Next => self.show(TABS[(self.tab.place() + 1) % TABS.len()]),
            Wish::Previous => self.show(TABS[(self.tab.place() + TABS.len() - 1) % TABS.len()]),
            Wish::Show(tab) => self.show(tab),
            Wish::Move(rows) => self.shift(rows.clamp(-page, page)),
            Wish::First => self.shift(isize::MIN),
            Wish::Last => self.shift(isize::MAX),
            Wish::Pick(row) => self.pick(self.eye().top.saturating_add(row)),
        }
        Then::Draw
    }

    /// Rows on one page.
    pub fn page(&self) -> isize {
        isize::try_from(self.room).unwrap_or(isize::MAX)
    }

    fn show(&mut self, tab: Tab) {
        self.tab = tab;
        self.open = None;
        self.lay();
    }

    fn shift(&mut self, rows: isize) {
        let last = self.sheet.rows.len().saturating_sub(1);
        match &mut self.open {
            Some(top) => *top = top.saturating_add_signed(rows).min(MOST_FACTS),
            None => self.pick(self.eye().row.saturating_add_signed(rows).min(last)),
        }
    }

    fn pick(&mut self, row: usize) {
        let Some(picked) = self.sheet.rows.get(row) else { return };
        let key = picked.key.clone();
        let eye = &mut self.eyes[self.tab.place()];
        (eye.row, eye.key) = (row, Some(key));
        self.keep_in_sight();
    }

    /// Makes the rows of the tab anew; the eye stays on what it was on.
    fn lay(&mut self) {
        self.sheet = sheet(self.tab, &self.seen);
        let eye = &self.eyes[self.tab.place()];
        let rows = &self.sheet.rows;
        let same = eye
            .key
            .as_ref()
            .and_then(|key| rows.iter().position(|row| row.key == *key));
        self.pick(same.unwrap_or(eye.row).min(rows.len().saturating_sub(1)));
        self.keep_in_sight();
    }

    fn keep_in_sight(&mut self) {
        let (room, count) = (self.room, self.sheet.rows.len());
        let eye = &mut self.eyes[self.tab.place()];
        let least = eye.row.saturating_sub(room - 1);
        eye.top = eye
            .top
            .clamp(least, eye.row.max(least))
            .min(count.saturating_sub(room).max(least));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(names: &[&str]) -> Seen {
        let rows: Vec<Value> = names
            .iter()
            .map(|name| json!({"tenant": name, "admitted": 1}))
            .collect();
        Seen {
            quotas: json!({ "tenants": rows }),
            ..Seen::default()
        }
    }

    #[test]
    fn the_eye_stays_on_its_row_and_in_sight() {
        let mut model = Model::new("http://h", seen(&["a", "b", "c", "d", "e"]));
        model.fit(2);
        model.wish(Wish::Show(Tab::Tenants));
        model.wish(Wish::Move(3));
        assert_eq!((model.eye().row, model.eye().top), (2, 1), "no further than a page");
        model.wish(Wish::Last);
        assert_eq!((model.eye().row, model.eye().top), (4, 3));
        model.look(seen(&["x", "a", "e"]));
        assert_eq!(model.picked().unwrap()["tenant"], "e");
        model.look(seen(&[]));
        assert_eq!(model.picked(), None);
        model.wish(Wish::Move(-1));
        model.look(seen(&["a", "b", "c"]));
        model.wish(Wish::First);
        assert_eq!((model.eye().row, model.eye().top), (0, 0));
        model.wish(Wish::Pick(1));
        assert_eq!(model.picked().unwrap()["tenant"], "b");
        model.wish(Wish::Pick(100));
        assert_eq!(model.eye().row, 1, "there is no such row");
    }

    #[test]
    fn what_is_open_is_closed_first() {
        let mut model = Model::new("http://h", seen(&["a"]));
        model.wish(Wish::Show(Tab::Tenants));
        model.wish(Wish::Open);
        model.wish(Wish::Help);
        assert!(model.help && model.open == Some(0));
        assert_eq!(model.wish(Wish::Back), Then::Draw);
        assert!(!model.help && model.open.is_none());
        assert_eq!(model.wish(Wish::Back), Then::End);
        assert_eq!(model.wish(Wish::Previous), Then::Draw);
        assert_eq!(model.tab, Tab::Caches);
        model.wish(Wish::Open);
        assert_eq!(model.open, None, "there is no row");
    }
}
