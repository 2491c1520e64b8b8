//! Blocks in requests: no request too large, and all of them in order.
//!
//! Invariant: what cannot be cut is refused before anything is sent; what was made is noted as soon as it is answered.

use futures_util::future::BoxFuture;
use mosaic_actors::error::{Failure, Kind as Why};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::block::{self, Block, Kind};
use super::rich::{self, LONGEST, MOST_ITEMS};
pub use super::unanswered::At;
use super::unanswered::{Sent, Written, in_doubt};
use super::{Notion, wire};

/// The most blocks in one list.
pub const MOST_CHILDREN: usize = 100;
/// The most blocks of one request.
const MOST_BLOCKS: usize = 1000;
/// The most bytes of blocks in one request: Notion takes 500 KB, of which some are for what stands around.
const MOST_BYTES: usize = 450_000;
/// How many levels below a block go with it.
const LEVELS: usize = 2;
/// The longest equation.
const LONGEST_EQUATION: usize = 1000;

/// A block as it is sent, and what is sent behind it.
pub struct Prepared {
    pub json: Value,
    count: usize,
    bytes: usize,
    rest: Rest,
}

/// What is put into a block once it is there.
enum Rest {
    Nothing,
    Blocks(Vec<Block>),
    /// Rows of a table.
    Rows(Vec<Value>),
}

impl Prepared {
    /// Whether all of it goes with it.
    pub fn is_whole(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }
}

/// Cuts texts that are too long into several blocks; tells what was cut in `lost`.
pub fn cut(blocks: Vec<Block>, lost: &mut Vec<String>) -> Vec<Block> {
    let mut all = vec![];
    for mut block in blocks {
        block.children = cut(std::mem::take(&mut block.children), lost);
        let mut parts = block
            .text()
            .map(|text| rich::parts(text))
            .unwrap_or_default()
            .into_iter();
        let (Some(first), true) = (parts.next(), parts.len() > 0) else {
            all.push(block);
            continue;
        };
        let what = format!("the unity of a {}", block.name().replace('_', " "));
        if !lost.contains(&what) {
            lost.push(what);
        }
        let head = block.with_text(first);
        let stands_alone = matches!(block.kind, Kind::Paragraph(_) | Kind::Heading(..) | Kind::Code { .. });
        let part = |text| match stands_alone {
            true => Block {
                children: vec![],
                ..block.with_text(text)
            },
            false => Block::of(Kind::Paragraph(text)),
        };
        let others: Vec<Block> = parts.map(part).collect();
        match stands_alone {
            true => {
                all.push(head);
                all.extend(others);
            }
            false => {
                let children = others.into_iter().chain(head.children.clone()).collect();
                all.push(Block { children, ..head });
            }
        }
    }
    all
}

/// Prepares blocks that are to be sent.
pub fn prepare(blocks: &[Block]) -> Result<Vec<Prepared>, Failure> {
    blocks.iter().map(prepare_one).collect()
}

fn prepare_one(block: &Block) -> Result<Prepared, Failure> {
    check(block)?;
    let whole = fits(block, 0) && block.all().iter().map(|block| weight(block)).sum::<usize>() <= MOST_BLOCKS;
    if whole {
        let json = with_children(block);
        let bytes = json.to_string().len();
        if bytes <= MOST_BYTES {
            let count = block.all().iter().map(|block| weight(block)).sum();
            return Ok(Prepared {
                json,
                count,
                bytes,
                rest: Rest::Nothing,
            });
        }
    }
    for child in &block.children {
        prepare_one(child)?;
    }
    if matches!(&block.kind, Kind::Native { name, .. } if name == "column_list" || name == "column") {
        return Err(unsupported(
            "columns hold more, or more deeply, than one request can make",
        ));
    }
    let mut json = block.bare_json();
    let rows = json.pointer_mut("/table/children").and_then(Value::as_array_mut);
    let rest = match rows {
        Some(rows) if rows.len() > MOST_CHILDREN => Rest::Rows(rows.split_off(MOST_CHILDREN)),
        _ => Rest::Blocks(block.children.clone()),
    };
    let bytes = json.to_string().len();
    if bytes > MOST_BYTES {
        return Err(unsupported("a block is larger than a request may be"));
    }
    let count = 1 + json
        .pointer("/table/children")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    Ok(Prepared {
        json,
        count,
        bytes,
        rest,
    })
}

/// How many blocks it is for Notion: a table's rows are blocks.
fn weight(block: &Block) -> usize {
    match &block.kind {
        Kind::Table { rows, .. } => 1 + rows.len(),
        _ => 1,
    }
}

/// Whether a block can go with all that is in it, so many levels down.
fn fits(block: &Block, level: usize) -> bool {
    let rows = match &block.kind {
        Kind::Table { rows, .. } => rows.len(),
        _ => 0,
    };
    let deep = block.children.is_empty() && rows == 0 || level < LEVELS;
    let wide = block.children.len() <= MOST_CHILDREN && rows <= MOST_CHILDREN;
    deep && wide && block.children.iter().all(|child| fits(child, level + 1))
}

fn with_children(block: &Block) -> Value {
    let mut json = block.bare_json();
    if !block.children.is_empty() {
        let children: Vec<Value> = block.children.iter().map(with_children).collect();
        json[block.name()]["children"] = children.into();
    }
    json
}

fn unsupported(sentence: &str) -> Failure {
    Failure::unsupported_field("body", sentence).never_sent()
}

/// What has a limit and cannot be cut.
fn check(block: &Block) -> Result<(), Failure> {
    let many = |text: &rich::Rich| rich::items(text).len() > MOST_ITEMS;
    match &block.kind {
        Kind::Table { rows, .. } if rows.iter().flatten().any(many) => {
            return Err(unsupported("a cell of a table has more parts than Notion takes"));
        }
        Kind::Image { caption, .. } | Kind::Code { caption, .. } if many(caption) => {
            return Err(unsupported("a caption has more parts than Notion takes"));
        }
        _ => {}
    }
    long(&block.bare_json())
}

/// Looks for a URL or an equation that is too long.
fn long(json: &Value) -> Result<(), Failure> {
    match json {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let bound = match name.as_str() {
                "url" => LONGEST,
                "expression" => LONGEST_EQUATION,
                _ => return long(value),
            };
            match value.as_str().is_some_and(|text| rich::units(text) > bound) {
                true => Err(unsupported(&format!(
                    "a URL or an equation is longer than the {bound} that Notion takes"
                ))),
                false => Ok(()),
            }
        }),
        Value::Array(list) => list.iter().try_for_each(long),
        _ => Ok(()),
    }
}

/// How many of the first of these go into one request.
fn batch(prepared: &[Prepared]) -> usize {
    let (mut count, mut bytes) = (0, 0);
    let fitting = prepared.iter().take(MOST_CHILDREN).take_while(|one| {
        count += one.count;
        bytes += one.bytes;
        count <= MOST_BLOCKS && bytes <= MOST_BYTES
    });
    fitting.count().max(1).min(prepared.len())
}

/// How many of the first of these go with the page that they are in: all of one request that are whole.
pub fn first_batch(prepared: &[Prepared]) -> usize {
    let whole = prepared.iter().take_while(|one| one.is_whole()).count();
    match whole {
        0 => 0,
        _ => batch(&prepared[..whole]),
    }
}

impl Notion {
    /// Puts blocks into a page or block. `written`: those that are directly in it, as they come to be.
    pub(super) fn put_in<'a>(
        &'a self,
        holder: String,
        at: At,
        prepared: Vec<Prepared>,
        written: &'a mut Written,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (mut prepared, mut at) = (prepared, at);
            while !prepared.is_empty() {
                let behind = prepared.split_off(batch(&prepared));
                let blocks: Vec<Value> = prepared.iter().map(|one| one.json.clone()).collect();
                // Noted before it is sent: whoever ends here does not know what became of it.
                let sent = written.open.insert(Sent {
                    holder: holder.clone(),
                    at: at.clone(),
                    blocks,
                });
                let put = self.put_batch(&holder, &at, &sent.blocks, deadline).await;
                if !put.as_ref().is_err_and(in_doubt) {
                    written.open = None;
                }
                let ids = put?;
                written.ids.extend(ids.iter().cloned());
                if let (At::After(_) | At::Start, Some(last)) = (&at, ids.last()) {
                    at = At::After(last.clone());
                }
                for (id, one) in ids.iter().zip(prepared) {
                    self.put_rest(id, one.rest, deadline).await?;
                }
                prepared = behind;
            }
            Ok(())
        })
    }

    async fn put_rest(&self, id: &str, rest: Rest, deadline: Instant) -> Result<(), Failure> {
        match rest {
            Rest::Nothing => Ok(()),
            Rest::Blocks(blocks) => {
                // It goes with what it is in.
                let mut inner = Written::default();
                self.put_in(id.to_owned(), At::End, prepare(&blocks)?, &mut inner, deadline)
                    .await
            }
            Rest::Rows(rows) => {
                for rows in rows.chunks(MOST_CHILDREN) {
                    self.put_batch(id, &At::End, rows, deadline).await?;
                }
                Ok(())
            }
        }
    }

    /// One request; answers the ids of what it has made, which come in order.
    async fn put_batch(
        &self,
        holder: &str,
        at: &At,
        blocks: &[Value],
        deadline: Instant,
    ) -> Result<Vec<String>, Failure> {
        let count = blocks.len();
        let mut body = json!({ "children": blocks });
        match at {
            At::End => {}
            At::Start => self.version.place_first(&mut body),
            At::After(id) => self.version.place(&mut body, id),
        }
        let outgoing = || self.endpoint.patch(&["blocks", holder, "children"], &body);
        let received = self.patient(deadline, outgoing).await?;
        let made: wire::Made = received.json()?;
        let ids = made.results.iter().filter_map(|row| row["id"].as_str());
        let ids: Vec<String> = ids.take(count).map(str::to_owned).collect();
        match ids.len() == count {
            true => Ok(ids),
            false => Err(received.unusable("the answer does not tell all blocks that were made")),
        }
    }

    /// Takes blocks away again, the last first; tells those that could not be.
    pub(super) async fn take_away(&self, ids: &[String], deadline: Instant) -> Result<(), (usize, Failure)> {
        for (at, id) in ids.iter().enumerate().rev() {
            let outgoing = || self.endpoint.delete(&["blocks", id]);
            match self.patient(deadline, outgoing).await {
                // Somebody else was faster.
                Err(failure) if failure.kind == Why::NotFound => {}
                Err(failure) => return Err((at + 1, failure)),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// The blocks that can be made, and the types and ids of those that cannot.
pub fn makeable(blocks: Vec<Block>, dropped: &mut Vec<crate::catalogue::docs::Lost>) -> Vec<Block> {
    let mut made = vec![];
    for mut block in blocks {
        if let Kind::Kept { name, .. } = &block.kind {
            dropped.push(crate::catalogue::docs::Lost {
                what: name.clone(),
                id: block.id.clone(),
            });
            continue;
        }
        block.children = makeable(std::mem::take(&mut block.children), dropped);
        made.push(block);
    }
    made
}

/// Whether a block is a document of its own.
pub fn is_document(block: &Block) -> bool {
    matches!(&block.kind, Kind::Kept { name, .. } if block::DOCUMENTS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::notion::markdown;

    fn read(text: &str) -> Vec<Block> {
        markdown::read(text).expect("not deep").blocks
    }

    fn nested(levels: usize) -> String {
        (0..levels)
            .map(|level| format!("{}- x{level}\n", "  ".repeat(level)))
            .collect()
    }

    /// N3: a hundred blocks in a list, two levels below each, and the rest behind them.
    #[test]
    fn no_request_is_too_large() {
        let prepared = prepare(&read(&"a\n\n".repeat(250))).expect("they fit");
        assert_eq!((prepared.len(), batch(&prepared)), (250, 100));
        let flat = prepare(&read(&nested(3))).expect("it fits");
        assert!(flat[0].is_whole());
        let deep = prepare(&read(&nested(4))).expect("it fits in parts");
        assert!(!deep[0].is_whole() && deep[0].json["bulleted_list_item"]["children"].is_null());
        let long = prepare(&read(&format!("{}\n\n", "a".repeat(90_000)).repeat(12))).expect("they fit");
        assert_eq!(batch(&long), 4);
        assert_eq!(first_batch(&deep), 0);
    }

    #[test]
    fn a_table_of_many_rows_is_made_in_parts() {
        let rows = "| a |\n| - |\n".to_owned() + &"| b |\n".repeat(150);
        let prepared = prepare(&read(&rows)).expect("it fits");
        assert_eq!(
            prepared[0].json["table"]["children"].as_array().map(Vec::len),
            Some(100)
        );
        assert!(matches!(&prepared[0].rest, Rest::Rows(rows) if rows.len() == 51));
        // Below two levels there is no room for rows.
        let deep = prepare(&read("- a\n  - b\n    - c\n\n      | a |\n      | - |\n      | b |\n")).expect("it fits");
        assert!(!deep[0].is_whole());
    }

    /// N1, N2: what cannot be cut is refused, and nothing was sent.
    #[test]
    fn what_is_too_long_is_refused_or_cut() {
        let long = format!("![a](https://e.example/{})", "x".repeat(1990));
        // A picture that Notion would not take stays HTML, and is a text that is cut.
        assert!(prepare(&read(&long)).is_ok());
        let equation = json!({"expression": "x".repeat(1001)});
        let data = equation.as_object().expect("an object").clone();
        let refused = prepare(&[Block::of(block::native("equation", None, data))])
            .err()
            .expect("too long");
        assert!(refused.unsent && refused.field.as_deref() == Some("body"));
        let mut lost = vec![];
        let cut = cut(read(&format!("- {}", "**a**b".repeat(120))), &mut lost);
        assert_eq!((cut.len(), cut[0].children.len()), (1, 2));
        assert_eq!(lost, ["the unity of a bulleted list item"]);
    }
}
