//! What a Notion holds: pages, blocks, databases and their data sources, comments, and files on their way.
//!
//! Invariant: a page within a page is one of its blocks, with the same id; ids only grow, and at most [`MAX_CREATED`] things
//! are ever created.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The most things that clients can create on one server.
pub(crate) const MAX_CREATED: usize = 50_000;
/// The most bytes of files that one server holds.
pub(crate) const MAX_FILES: usize = 128 << 20;

#[derive(Debug, Default)]
pub(crate) struct State {
    /// By their ids.
    pub nodes: BTreeMap<String, Node>,
    pub sources: BTreeMap<String, Source>,
    pub users: Vec<Value>,
    /// In the order in which they were said.
    pub comments: Vec<Comment>,
    pub uploads: BTreeMap<String, Upload>,
    pub created: usize,
    pub next: u64,
    /// When something was seeded; none: now.
    pub at: Option<String>,
}

/// A page, a database, or another block.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub id: String,
    pub kind: Kind,
    pub parent: Parent,
    /// What is in it, in order.
    pub children: Vec<String>,
    pub in_trash: bool,
    /// Not shared with the connection: it is there, and nobody is told.
    pub hidden: bool,
    pub created: String,
    pub edited: String,
    pub author: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Its properties, by name; without a data source only `title`.
    Page(Map<String, Value>),
    Database {
        title: String,
        sources: Vec<String>,
    },
    /// Its type, and what it says.
    Block(String, Value),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    Workspace,
    Page(String),
    Block(String),
    Source(String),
}

/// A data source: what its pages have.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub id: String,
    pub database: String,
    pub title: String,
    pub description: String,
    /// By name, as Notion tells them.
    pub properties: Map<String, Value>,
    /// Its pages, in the order in which they were made.
    pub rows: Vec<String>,
    /// After how many rows a query ends.
    pub limit: usize,
    pub numbered: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub id: String,
    /// The page or block.
    pub on: String,
    pub discussion: String,
    pub text: Value,
    pub author: String,
    pub created: String,
    pub edited: String,
    pub resolved: bool,
}

/// A file on its way, or where it has come to.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub id: String,
    pub name: String,
    pub media_type: String,
    /// None: it comes whole.
    pub parts: Option<usize>,
    pub sent: BTreeMap<usize, Bytes>,
    pub uploaded: bool,
    pub created: String,
}

impl State {
    pub fn id(&mut self) -> String {
        self.next += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.next)
    }

    /// The time as Notion tells it: to the minute.
    pub fn now(&self) -> String {
        let now = || Timestamp::now().strftime("%Y-%m-%dT%H:%M:00.000Z").to_string();
        self.at.clone().unwrap_or_else(now)
    }

    pub fn author(&self) -> String {
        let bot = self.users.iter().find(|user| user["type"] == "bot");
        bot.and_then(|bot| bot["id"].as_str()).unwrap_or_default().to_owned()
    }

    /// Puts a new thing into what it is in; a place of none is the end.
    pub fn add(&mut self, kind: Kind, parent: Parent, place: Option<usize>) -> String {
        let id = self.id();
        let (now, author) = (self.now(), self.author());
        let node = Node {
            id: id.clone(),
            kind,
            parent: parent.clone(),
            children: vec![],
            in_trash: false,
            hidden: false,
            created: now.clone(),
            edited: now,
            author,
        };
        self.nodes.insert(id.clone(), node);
        match &parent {
            Parent::Workspace => {}
            Parent::Source(source) => {
                if let Some(source) = self.sources.get_mut(source) {
                    source.rows.push(id.clone());
                }
            }
            Parent::Page(holder) | Parent::Block(holder) => {
                if let Some(holder) = self.nodes.get_mut(holder) {
                    let place = place.unwrap_or(holder.children.len()).min(holder.children.len());
                    holder.children.insert(place, id.clone());
                }
            }
        }
        id
    }

    /// What is there, and shared.
    pub fn node(&self, id: &str) -> Option<&Node> {
        let node = self.nodes.get(id)?;
        (!node.hidden).then_some(node)
    }

    pub fn page(&self, id: &str) -> Option<&Node> {
        self.node(id).filter(|node| matches!(node.kind, Kind::Page(_)))
    }

    /// The page that something is in, or it itself.
    pub fn page_of(&self, id: &str) -> Option<&Node> {
        let mut node = self.nodes.get(id)?;
        loop {
            match (&node.kind, &node.parent) {
                (Kind::Page(_), _) => return Some(node),
                (_, Parent::Page(id) | Parent::Block(id)) => node = self.nodes.get(id)?,
                _ => return None,
            }
        }
    }

    /// Whether it, or what it is in, is in the trash.
    pub fn is_trashed(&self, id: &str) -> bool {
        let mut at = Some(id.to_owned());
        while let Some(node) = at.and_then(|id| self.nodes.get(&id)) {
            if node.in_trash {
                return true;
            }
            at = match &node.parent {
                Parent::Page(id) | Parent::Block(id) => Some(id.clone()),
                Parent::Workspace | Parent::Source(_) => None,
            };
        }
        false
    }

    /// Something was changed: it, and the page that it is in.
    pub fn touch(&mut self, id: &str) {
        let now = self.now();
        let page = self.page_of(id).map(|page| page.id.clone());
        for id in [Some(id.to_owned()), page].into_iter().flatten() {
            if let Some(node) = self.nodes.get_mut(&id) {
                node.edited.clone_from(&now);
            }
        }
    }

    /// What is in something and not in the trash.
    pub fn children(&self, id: &str) -> Vec<&Node> {
        let ids = self
            .nodes
            .get(id)
            .map(|node| node.children.as_slice())
            .unwrap_or_default();
        let all = ids.iter().filter_map(|id| self.node(id));
        all.filter(|node| !node.in_trash).collect()
    }
}

impl Node {
    /// The title of a page or database.
    pub fn title(&self) -> String {
        match &self.kind {
            Kind::Page(properties) => {
                let title = properties.values().find(|property| property["type"] == "title");
                plain(title.map_or(&Value::Null, |title| &title["title"]))
            }
            Kind::Database { title, .. } => title.clone(),
            Kind::Block(..) => String::new(),
        }
    }
}

/// The words of rich text.
pub(crate) fn plain(items: &Value) -> String {
    let items = items.as_array().into_iter().flatten();
    items.filter_map(|item| item["plain_text"].as_str()).collect()
}

/// Rich text of plain words, as Notion tells it.
pub(crate) fn text(words: &str) -> Value {
    match words {
        "" => json!([]),
        words => json!([super::input::said(&json!({"type": "text", "text": {"content": words}}))]),
    }
}
