//! Blocks: listed level by level, read, added, put into the trash.
//!
//! Invariant: blocks are added all or none, and answered in order: those of the first level alone.

use std::mem::replace;
use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::response::IntoResponse;
use axum::{Json, http::Uri};
use bytes::Bytes;
use serde_json::{Value, json};

use super::gate::Version;
use super::input::{NewBlock, children as new_children, json_of, trash, uuid};
use super::objects::Asked;
use super::problem::Problem;
use super::state::{Kind, MAX_CREATED, Node, Parent, State as Store};
use super::{Answer, Notion};

/// Types that hold others; a page does, too.
const HOLDERS: [&str; 15] = [
    "bulleted_list_item",
    "callout",
    "column",
    "column_list",
    "heading_1",
    "heading_2",
    "heading_3",
    "numbered_list_item",
    "paragraph",
    "quote",
    "synced_block",
    "table",
    "template",
    "to_do",
    "toggle",
];

fn found<'a>(store: &'a Store, id: &str) -> Result<&'a Node, Problem> {
    store.node(id).ok_or_else(|| Problem::not_found("block", id))
}

pub(crate) async fn get(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "block_id")?;
    let store = notion.state();
    Ok(Json(notion.block(&store, found(&store, &id)?)).into_response())
}

pub(crate) async fn children(State(notion): State<Arc<Notion>>, Path(id): Path<String>, uri: Uri) -> Answer {
    let id = uuid(&id, "block_id")?;
    let asked = Asked::of_query(&uri)?;
    let store = notion.state();
    found(&store, &id)?;
    let all = store.children(&id).into_iter();
    let rows = all.map(|node| (node.id.clone(), notion.block(&store, node))).collect();
    Ok(Json(asked.of(rows, "block")?).into_response())
}

pub(crate) async fn append(
    State(notion): State<Arc<Notion>>,
    Extension(version): Extension<Version>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let id = uuid(&id, "block_id")?;
    let body = json_of(&body)?;
    let new = new_children(&body)?;
    if new.is_empty() {
        return Err(Problem::body("children", "defined, instead was `undefined`"));
    }
    let mut store = notion.state();
    let holder = found(&store, &id)?;
    let holds = match &holder.kind {
        Kind::Page(_) => true,
        Kind::Database { .. } => false,
        Kind::Block(kind, _) => HOLDERS.contains(&kind.as_str()),
    };
    if !holds {
        return Err(Problem::invalid("Block does not support children."));
    }
    if store.is_trashed(&id) {
        return Err(Problem::archived());
    }
    let place = place(&store, &id, &body, version)?;
    let parent = match store.page(&id) {
        Some(_) => Parent::Page(id.clone()),
        None => Parent::Block(id.clone()),
    };
    let made = store.put(new, &parent, place)?;
    store.touch(&id);
    let made: Vec<Value> = made
        .iter()
        .filter_map(|id| Some(notion.block(&store, store.node(id)?)))
        .collect();
    let list = json!({"object": "list", "results": made, "has_more": false, "next_cursor": null, "type": "block", "block": {}});
    Ok(Json(list).into_response())
}

/// Where among the children new ones shall stand; none: at the end.
fn place(store: &Store, id: &str, body: &Value, version: Version) -> Result<Option<usize>, Problem> {
    let behind = |other: &Value| {
        let other = uuid(other.as_str().unwrap_or_default(), "after")?;
        let children = store
            .nodes
            .get(id)
            .map(|node| node.children.as_slice())
            .unwrap_or_default();
        let at = children.iter().position(|child| *child == other);
        at.map(|at| Some(at + 1))
            .ok_or_else(|| Problem::invalid("Block provided is not a child of the parent."))
    };
    match (version, body.get("after"), body.get("position")) {
        (_, None, None) => Ok(None),
        (Version::DataSources, Some(after), None) => behind(after),
        (Version::Positions, None, Some(position)) => match position["type"].as_str() {
            Some("start") => Ok(Some(0)),
            Some("end") => Ok(None),
            Some("after_block") => behind(&position["after_block"]["id"]),
            _ => Err(Problem::body(
                "position.type",
                "`\"after_block\"`, `\"start\"` or `\"end\"`",
            )),
        },
        (Version::DataSources, ..) => Err(Problem::body("position", "not present")),
        (Version::Positions, ..) => Err(Problem::body("after", "not present")),
    }
}

impl Store {
    /// Makes blocks, and what is in them; answers the ids of the first level.
    pub(crate) fn put(
        &mut self,
        new: Vec<NewBlock>,
        parent: &Parent,
        place: Option<usize>,
    ) -> Result<Vec<String>, Problem> {
        self.room(new.len())?;
        let mut made = vec![];
        for (at, block) in new.into_iter().enumerate() {
            let kind = Kind::Block(block.kind, block.content);
            let id = self.add(kind, parent.clone(), place.map(|place| place + at));
            self.created += 1;
            self.put(block.children, &Parent::Block(id.clone()), None)?;
            made.push(id);
        }
        Ok(made)
    }

    pub(crate) fn room(&self, more: usize) -> Result<(), Problem> {
        match self.created + more > MAX_CREATED {
            true => Err(Problem::invalid(format!(
                "This sandbox holds at most {MAX_CREATED} created items."
            ))),
            false => Ok(()),
        }
    }
}

/// Puts a block into the trash; a page is one, too.
pub(crate) async fn delete(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "block_id")?;
    let mut store = notion.state();
    found(&store, &id)?;
    if store.is_trashed(&id) {
        return Err(Problem::archived());
    }
    store.touch(&id);
    if let Some(node) = store.nodes.get_mut(&id) {
        node.in_trash = true;
    }
    let node = found(&store, &id)?;
    Ok(Json(notion.block(&store, node)).into_response())
}

/// Puts a block into the trash, or takes it out again, where it stands in its old place. Its text is not changed here.
pub(crate) async fn update(
    State(notion): State<Arc<Notion>>,
    Extension(version): Extension<Version>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let id = uuid(&id, "block_id")?;
    let body = json_of(&body)?;
    let Some(trash) = trash(version, &body)? else {
        return Err(Problem::body("in_trash", "defined, instead was `undefined`"));
    };
    let mut store = notion.state();
    found(&store, &id)?;
    let before = store.nodes.get_mut(&id).map(|node| replace(&mut node.in_trash, trash));
    // What it is in may be in the trash itself.
    if !trash && store.is_trashed(&id) {
        if let (Some(node), Some(before)) = (store.nodes.get_mut(&id), before) {
            node.in_trash = before;
        }
        return Err(Problem::archived());
    }
    store.touch(&id);
    let node = found(&store, &id)?;
    Ok(Json(notion.block(&store, node)).into_response())
}
