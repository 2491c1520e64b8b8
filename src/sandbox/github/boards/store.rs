//! The boards that there are, and what stands on them.
//!
//! Invariant: a field that is chosen from has only what it may be.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::sandbox::forge::now;
use crate::sandbox::seed::{SEEDED_AT, USER};

/// All of them, and what else GitHub alone keeps of issues.
#[derive(Debug)]
pub(crate) struct Boards {
    pub all: Vec<Board>,
    /// Issues that were just made, by repository and number.
    pub fresh: HashSet<(u64, u64)>,
    last_item: u64,
}

/// A board.
#[derive(Debug)]
pub(crate) struct Board {
    pub number: u64,
    pub owner: &'static str,
    pub title: &'static str,
    pub open: bool,
    pub items: Vec<Item>,
}

/// What a field is.
pub(crate) struct Field {
    pub id: u64,
    pub name: &'static str,
    pub data_type: &'static str,
    /// Ids and names.
    pub options: &'static [(&'static str, &'static str)],
}

/// The fields that every board has.
pub(crate) const FIELDS: [Field; 5] = [
    Field {
        id: 101,
        name: "Title",
        data_type: "title",
        options: &[],
    },
    Field {
        id: 102,
        name: "Status",
        data_type: "single_select",
        options: &[("f75ad846", "Todo"), ("47fc9ee4", "In Progress"), ("98236657", "Done")],
    },
    Field {
        id: 103,
        name: "Labels",
        data_type: "labels",
        options: &[],
    },
    Field {
        id: 104,
        name: "Points",
        data_type: "number",
        options: &[],
    },
    Field {
        id: 105,
        name: "Notes",
        data_type: "text",
        options: &[],
    },
];

/// What stands for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The path and the number of an issue or a pull request.
    Issue(String, u64),
    Draft {
        title: String,
        body: Option<String>,
    },
}

/// What stands on a board.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub id: u64,
    pub content: Content,
    pub is_pull: bool,
    /// Values by the ids of fields: an option's id, a number, a text.
    pub values: BTreeMap<u64, Value>,
    pub created_at: String,
    pub updated_at: String,
}

impl Boards {
    pub fn seeded() -> Self {
        let item = |id, number, is_pull, status: &str| Item {
            id,
            content: Content::Issue("acme/api".to_owned(), number),
            is_pull,
            values: BTreeMap::from([(102, status.into())]),
            created_at: SEEDED_AT.to_owned(),
            updated_at: SEEDED_AT.to_owned(),
        };
        let board = |number, owner, title, open, items| Board {
            number,
            owner,
            title,
            open,
            items,
        };
        let items = vec![
            item(1, 1, false, "f75ad846"),
            item(2, 3, true, "47fc9ee4"),
            item(3, 4, false, "98236657"),
        ];
        Self {
            all: vec![
                board(1, "acme", "Roadmap", true, items),
                board(2, "acme", "Last year", false, Vec::new()),
                board(1, USER, "Mine", true, Vec::new()),
            ],
            fresh: HashSet::new(),
            last_item: 3,
        }
    }

    pub fn find(&self, owner: &str, number: u64) -> Option<&Board> {
        let its = |board: &&Board| board.owner.eq_ignore_ascii_case(owner) && board.number == number;
        self.all.iter().find(its)
    }

    fn find_mut(&mut self, owner: &str, number: u64) -> Option<&mut Board> {
        let its = |board: &&mut Board| board.owner.eq_ignore_ascii_case(owner) && board.number == number;
        self.all.iter_mut().find(its)
    }

    /// Puts something on a board, or finds it there.
    pub fn add(&mut self, owner: &str, number: u64, content: Content, is_pull: bool) -> Option<Item> {
        let id = self.last_item + 1;
        let board = self.find_mut(owner, number)?;
        let there = board
            .items
            .iter()
            .find(|item| item.content == content && !matches!(content, Content::Draft { .. }));
        if let Some(item) = there {
            return Some(item.clone());
        }
        let at = now();
        let item = Item {
            id,
            content,
            is_pull,
            values: BTreeMap::new(),
            created_at: at.clone(),
            updated_at: at,
        };
        board.items.push(item.clone());
        self.last_item = id;
        Some(item)
    }

    /// Sets what an item says; null takes it away.
    pub fn set(&mut self, owner: &str, number: u64, id: u64, values: Vec<(u64, Value)>) -> Option<Item> {
        let board = self.find_mut(owner, number)?;
        let item = board.items.iter_mut().find(|item| item.id == id)?;
        for (field, value) in values {
            match value.is_null() {
                true => item.values.remove(&field),
                false => item.values.insert(field, value),
            };
        }
        item.updated_at = now();
        Some(item.clone())
    }
}

impl Field {
    pub fn of(id: u64) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.id == id)
    }

    /// Whether it may be this.
    pub fn admits(&self, value: &Value) -> bool {
        match self.data_type {
            _ if value.is_null() => true,
            "single_select" => self.options.iter().any(|(id, _)| value == id),
            "number" => value.is_number(),
            "text" => value.is_string(),
            _ => false,
        }
    }
}
