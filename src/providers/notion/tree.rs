//! What is in a page: its blocks, level by level.
//!
//! Invariant: what could not be read is a block that stays where it is, never one that is not there; documents within the
//! page are not entered.

use std::pin::Pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mosaic_actors::error::{Failure, Kind as Failed, Source};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::block::{Block, Kind};
use super::{Notion, markdown, wire};
use crate::catalogue::docs::Lost;
use crate::providers::http::too_large;

/// The most requests for one page.
const MOST_CALLS: usize = 200;
/// The most requests for the text of a page behind a write, whose answer is known already: Notion takes three a second.
const LOOK_CALLS: usize = 8;
/// How long such a look may wait where Notion asks for it.
const LOOK_WAITS: Duration = Duration::from_secs(1);
/// The most bytes of blocks that one page is read of: as many as two answers may have.
const MOST_BYTES: usize = 64 << 20;
/// How deep a page is read.
const DEEPEST: usize = 12;
/// The most blocks that Notion gives at once.
const ROWS: &str = "100";

/// A block as it came, and what is in it.
pub struct Node {
    pub json: Value,
    pub children: Vec<Node>,
    /// It holds more than was read.
    pub cut: bool,
}

impl Node {
    /// As a block of ours.
    fn block(&self) -> Block {
        let block = Block::read(&self.json);
        match self.cut {
            true => Block {
                kind: Kind::Kept {
                    name: block.name(),
                    title: String::new(),
                },
                ..block
            },
            false => block.holding(self.children.iter().map(Node::block).collect()),
        }
    }

    /// It and all below it.
    pub fn all(&self) -> Vec<&Node> {
        let mut all = vec![self];
        all.extend(self.children.iter().flat_map(Node::all));
        all
    }
}

/// Whether a version tells the text, too: lists tell the time alone, which two changes of one minute share.
pub fn tells_text(version: &str) -> bool {
    version.contains('/')
}

/// The blocks of a page.
pub struct Tree {
    pub blocks: Vec<Block>,
}

impl Tree {
    pub fn of(nodes: &[Node]) -> Self {
        Tree {
            blocks: nodes.iter().map(Node::block).collect(),
        }
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        markdown::write(&self.blocks)
    }

    /// What of it stands in the Markdown as a mark alone.
    pub fn lost(&self) -> Vec<Lost> {
        kept(&self.blocks)
    }

    /// What stands for its state: when it was changed last, and what it holds. Notion tells the minute alone.
    pub fn version(&self, changed: Option<&str>, title: &str) -> Option<String> {
        Some(format!("{}/{}", changed?, self.hash(title)))
    }

    /// Whether a version still holds.
    pub fn is(&self, version: &str, changed: Option<&str>, title: &str) -> bool {
        let of_text = |(time, hash)| changed == Some(time) && hash == self.hash(title);
        version.split_once('/').is_some_and(of_text)
    }

    /// The ids of what is directly in it.
    pub fn ids(&self) -> Vec<String> {
        self.blocks.iter().filter_map(|block| block.id.clone()).collect()
    }

    fn hash(&self, title: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(title.as_bytes());
        for block in self.blocks.iter().flat_map(Block::all) {
            let id = block.id.as_deref().unwrap_or_default();
            let said = match &block.kind {
                Kind::Kept { name, title } => format!("{name} {title}"),
                _ => block.bare_json().to_string(),
            };
            hasher.update(format!("\n{id} {} {said}", block.children.len()).as_bytes());
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

/// What of these blocks, and of those below them, cannot be made anew: whole blocks, and icons.
pub fn kept(blocks: &[Block]) -> Vec<Lost> {
    let all = blocks.iter().flat_map(Block::all);
    all.filter_map(|block| {
        let what = match &block.kind {
            Kind::Kept { name, .. } => name.clone(),
            _ if block.icon => format!("the icon of a {}", block.name().replace('_', " ")),
            _ => return None,
        };
        Some(Lost {
            what,
            id: block.id.clone(),
        })
    })
    .collect()
}

/// What may still be asked for.
struct Budget {
    calls: usize,
    bytes: usize,
    deadline: Instant,
    /// What is beyond it is no block that stays, but fails the reading.
    whole: bool,
}

impl Budget {
    fn until(deadline: Instant) -> Self {
        Budget {
            calls: MOST_CALLS,
            bytes: MOST_BYTES,
            deadline,
            whole: false,
        }
    }

    /// Of a look behind a write.
    fn look() -> Self {
        Budget {
            calls: LOOK_CALLS,
            whole: true,
            ..Self::until(Instant::now() + LOOK_WAITS)
        }
    }

    /// Whether it suffices for as many levels more, where all of them are wanted: what cannot be read whole is not begun.
    fn reaches(&self, levels: usize) -> Result<(), Failure> {
        match self.whole && levels > self.calls {
            true => Err(too_large(
                "the page has more blocks than a look at it reads",
                Source::Gateway,
            )),
            false => Ok(()),
        }
    }

    /// Takes what an answer's rows have.
    fn take(&mut self, rows: &[Box<RawValue>]) -> Result<(), Failure> {
        let bytes = rows.iter().map(|row| row.get().len()).sum();
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| {
            let sentence = format!("the page has more than {MOST_BYTES} bytes of blocks");
            too_large(&sentence, Source::Gateway)
        })?;
        Ok(())
    }
}

/// An id, however it is written.
fn plain(id: &str) -> String {
    id.replace('-', "").to_ascii_lowercase()
}

impl Notion {
    /// What is in a page or block.
    pub(super) async fn nodes(&self, id: &str, deadline: Instant) -> Result<Vec<Node>, Failure> {
        let mut budget = Budget::until(deadline);
        self.level(vec![plain(id)], id.to_owned(), &mut budget).await
    }

    /// What is directly in a page or block.
    pub(super) async fn children_of(&self, id: &str, deadline: Instant) -> Result<Vec<Value>, Failure> {
        let mut budget = Budget::until(deadline);
        self.blocks_of(id, &mut budget).await
    }

    /// The blocks of a page.
    pub(super) async fn tree(&self, id: &str, deadline: Instant) -> Result<Tree, Failure> {
        Ok(Tree::of(&self.nodes(id, deadline).await?))
    }

    /// The blocks of a page behind a write, where a few requests tell all of them.
    pub(super) async fn tree_at_a_look(&self, id: &str) -> Result<Tree, Failure> {
        let mut budget = Budget::look();
        let nodes = self.level(vec![plain(id)], id.to_owned(), &mut budget).await?;
        Ok(Tree::of(&nodes))
    }

    /// What is in the block `id`, with the ids that it stands within, its own the last.
    fn level<'a>(
        &'a self,
        around: Vec<String>,
        id: String,
        budget: &'a mut Budget,
    ) -> BoxFuture<'a, Result<Vec<Node>, Failure>> {
        Pin::from(Box::new(async move {
            let mut nodes = vec![];
            let blocks = self.blocks_of(&id, budget).await?;
            budget.reaches(blocks.iter().filter(|json| Block::is_open(json)).count())?;
            for json in blocks {
                let open = Block::is_open(&json);
                if open {
                    budget.reaches(1)?;
                }
                let cut = open && (around.len() >= DEEPEST || budget.calls == 0);
                let children = match (json["id"].as_str(), open && !cut) {
                    (Some(id), true) => {
                        let within = [&around[..], &[plain(id)]].concat();
                        if around.contains(&within[around.len()]) {
                            let sentence = "a block of the page holds itself";
                            return Err(Failure::new(Failed::UpstreamFailed, sentence).not_usable());
                        }
                        self.level(within, id.to_owned(), budget).await?
                    }
                    _ => vec![],
                };
                nodes.push(Node { json, children, cut });
            }
            Ok(nodes)
        }))
    }

    /// All blocks of one level.
    async fn blocks_of(&self, id: &str, budget: &mut Budget) -> Result<Vec<Value>, Failure> {
        let mut rows = vec![];
        let mut cursor: Option<String> = None;
        loop {
            if budget.calls == 0 {
                let sentence = format!("the page has more blocks than {MOST_CALLS} requests can read");
                return Err(too_large(&sentence, Source::Gateway));
            }
            budget.calls -= 1;
            let outgoing = || {
                let outgoing = self
                    .endpoint
                    .get_told(&["blocks", id, "children"])?
                    .query("page_size", ROWS);
                Ok(outgoing.query_if("start_cursor", cursor.as_ref()))
            };
            let received = self.patient(budget.deadline, outgoing).await?;
            let list: wire::List = received.json()?;
            budget.take(&list.results).map_err(|failure| received.blame(failure))?;
            let read = received.rows_of::<Value>(&list.results, false)?;
            if received.skipped() > 0 {
                return Err(received.unusable("a block of the page cannot be read"));
            }
            rows.extend(read.into_iter().map(|row| row.wire));
            cursor = list
                .behind(cursor.as_ref())
                .map_err(|failure| received.blame(failure))?;
            if cursor.is_none() {
                return Ok(rows);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(json: Value, children: Vec<Node>) -> Node {
        Node {
            json,
            children,
            cut: false,
        }
    }

    #[test]
    fn a_table_is_read_with_what_its_rows_say() {
        let row = |id: &str, cells: [&str; 2]| {
            let cells = cells.map(|cell| json!([{"type": "text", "text": {"content": cell}, "plain_text": cell}]));
            let row = json!({"id": id, "type": "table_row", "has_children": false, "table_row": {"cells": cells}});
            node(row, vec![])
        };
        let table = json!({"id": "t", "type": "table", "has_children": true,
            "table": {"table_width": 2, "has_column_header": true, "has_row_header": false}});
        let nodes = [node(table, vec![row("r", ["a", "b"]), row("s", ["c", "d"])])];
        assert_eq!(Tree::of(&nodes).markdown(), "| a | b |\n| --- | --- |\n| c | d |");
    }

    /// N8: an icon that dies with its link, or has no word, goes where its block is made anew.
    #[test]
    fn an_icon_that_cannot_be_said_is_told() {
        let callout = |icon: Value| {
            let said = json!({"rich_text": [], "icon": icon});
            node(
                json!({"id": "c", "type": "callout", "has_children": false, "callout": said}),
                vec![],
            )
        };
        for (icon, told) in [
            (json!(null), false),
            (json!({"type": "emoji", "emoji": "💡"}), false),
            (
                json!({"type": "external", "external": {"url": "https://e.example"}}),
                false,
            ),
            (json!({"type": "file", "file": {"url": "https://e.example"}}), true),
            (json!({"type": "custom_emoji", "custom_emoji": {"id": "e"}}), true),
        ] {
            let lost = Tree::of(&[callout(icon)]).lost();
            let expected = Lost {
                what: "the icon of a callout".to_owned(),
                id: Some("c".to_owned()),
            };
            assert_eq!(lost, if told { vec![expected] } else { vec![] });
        }
    }
}
