//! Notion's objects as it tells them, and its lists.
//!
//! Invariant: a list goes on at the id of its next row, and a row that is gone is no place to go on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::Uri;
use serde_json::{Value, json};

use super::problem::Problem;
use super::state::{Comment, Kind, Node, Parent, Source, State as Store, Upload, text};
use super::{Answer, Notion};
use crate::sandbox::kit::query::Params;

const MOST: usize = 100;

/// A part of a list as it was asked for.
pub(crate) struct Asked {
    pub size: usize,
    pub cursor: Option<String>,
}

impl Asked {
    /// By a query.
    pub fn of_query(uri: &Uri) -> Result<Self, Problem> {
        let params = Params::of(uri);
        let size = params.get("page_size").map(|size| size.parse().ok());
        Self::new(size, params.get("start_cursor").map(str::to_owned))
    }

    /// By a body.
    pub fn of_body(body: &Value) -> Result<Self, Problem> {
        let size = body
            .get("page_size")
            .map(|size| size.as_u64().map(|size| size as usize));
        Self::new(size, body["start_cursor"].as_str().map(str::to_owned))
    }

    fn new(size: Option<Option<usize>>, cursor: Option<String>) -> Result<Self, Problem> {
        match size {
            None => Ok(Asked { size: MOST, cursor }),
            Some(Some(size)) if (1..=MOST).contains(&size) => Ok(Asked { size, cursor }),
            Some(_) => Err(Problem::body("page_size", format!("≤ `{MOST}`"))),
        }
    }

    /// The rows that were asked for, and the next one.
    pub fn of(&self, rows: Vec<(String, Value)>, kind: &str) -> Result<Value, Problem> {
        let start = match &self.cursor {
            None => 0,
            Some(cursor) => {
                let found = rows.iter().position(|(id, _)| id == cursor);
                found.ok_or_else(|| Problem::invalid("The start_cursor provided is invalid."))?
            }
        };
        let next = rows.get(start + self.size).map(|(id, _)| id.clone());
        let shown: Vec<Value> = rows
            .into_iter()
            .skip(start)
            .take(self.size)
            .map(|(_, row)| row)
            .collect();
        Ok(
            json!({"object": "list", "results": shown, "has_more": next.is_some(), "next_cursor": next, "type": kind, kind: {}}),
        )
    }
}

fn parent(store: &Store, parent: &Parent) -> Value {
    match parent {
        Parent::Workspace => json!({"type": "workspace", "workspace": true}),
        Parent::Page(id) => json!({"type": "page_id", "page_id": id}),
        Parent::Block(id) => json!({"type": "block_id", "block_id": id}),
        Parent::Source(id) => {
            let database = store.sources.get(id).map(|source| source.database.clone());
            json!({"type": "data_source_id", "data_source_id": id, "database_id": database})
        }
    }
}

fn by(id: &str) -> Value {
    json!({"object": "user", "id": id})
}

fn address(origin: &str, id: &str) -> String {
    format!("{origin}/{}", id.replace('-', ""))
}

impl Notion {
    pub(crate) fn page(&self, store: &Store, node: &Node) -> Value {
        let properties = match &node.kind {
            Kind::Page(properties) => properties.clone(),
            _ => serde_json::Map::new(),
        };
        let mut json = head(store, node, "page");
        json["properties"] = properties.into();
        json["url"] = address(&self.instance.origin, &node.id).into();
        json["public_url"] = Value::Null;
        json["icon"] = Value::Null;
        json["cover"] = Value::Null;
        json["is_archived"] = false.into();
        json["is_locked"] = false.into();
        json
    }

    pub(crate) fn block(&self, store: &Store, node: &Node) -> Value {
        let mut json = head(store, node, "block");
        json["has_children"] = (!store.children(&node.id).is_empty() || is_document(node)).into();
        let (kind, content) = match &node.kind {
            Kind::Page(_) => ("child_page", json!({"title": node.title()})),
            Kind::Database { title, .. } => ("child_database", json!({"title": title})),
            Kind::Block(kind, content) => (kind.as_str(), self.signed(store, content)),
        };
        json["type"] = kind.into();
        json[kind] = content;
        json
    }

    /// What was uploaded is told by an address that is signed, and dies in an hour.
    fn signed(&self, store: &Store, content: &Value) -> Value {
        let Some(upload) = content["file_upload"]["id"]
            .as_str()
            .and_then(|id| store.uploads.get(id))
        else {
            return content.clone();
        };
        let mut content = content.clone();
        if let Some(content) = content.as_object_mut() {
            content.remove("file_upload");
        }
        let hour = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let address = format!(
            "{}/files/{}/{}?signature={}",
            self.instance.origin,
            upload.id,
            upload.name,
            hour.as_second()
        );
        content["type"] = "file".into();
        content["file"] = json!({"url": address, "expiry_time": hour.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()});
        content
    }

    pub(crate) fn source(&self, source: &Source, at: &str) -> Value {
        json!({"object": "data_source", "id": source.id, "title": text(&source.title), "description": text(&source.description),
            "parent": {"type": "database_id", "database_id": source.database}, "properties": source.properties,
            "url": address(&self.instance.origin, &source.database), "created_time": at, "last_edited_time": at,
            "in_trash": false, "archived": false})
    }

    pub(crate) fn database(&self, store: &Store, node: &Node) -> Value {
        let mut json = head(store, node, "database");
        if let Kind::Database { title, sources } = &node.kind {
            json["title"] = text(title);
            let named = sources.iter().filter_map(|id| store.sources.get(id));
            let named: Vec<Value> = named
                .map(|source| json!({"id": source.id, "name": source.title}))
                .collect();
            json["data_sources"] = named.into();
        }
        json["url"] = address(&self.instance.origin, &node.id).into();
        json
    }
}

fn is_document(node: &Node) -> bool {
    !matches!(node.kind, Kind::Block(..))
}

/// What all have.
fn head(store: &Store, node: &Node, object: &str) -> Value {
    let trashed = node.in_trash;
    json!({"object": object, "id": node.id, "parent": parent(store, &node.parent), "created_time": node.created,
        "last_edited_time": node.edited, "created_by": by(&node.author), "last_edited_by": by(&node.author),
        "in_trash": trashed, "archived": trashed})
}

pub(crate) fn comment(comment: &Comment, is_page: bool) -> Value {
    let parent = match is_page {
        true => json!({"type": "page_id", "page_id": comment.on}),
        false => json!({"type": "block_id", "block_id": comment.on}),
    };
    json!({"object": "comment", "id": comment.id, "parent": parent, "discussion_id": comment.discussion,
        "created_time": comment.created, "last_edited_time": comment.edited, "created_by": by(&comment.author),
        "rich_text": comment.text, "display_name": {"type": "integration", "resolved_name": "sandbox"}})
}

pub(crate) fn upload(upload: &Upload) -> Value {
    let mut json = json!({"object": "file_upload", "id": upload.id, "created_time": upload.created,
        "last_edited_time": upload.created, "status": if upload.uploaded { "uploaded" } else { "pending" },
        "filename": upload.name, "content_type": upload.media_type, "content_length": null, "expiry_time": null,
        "in_trash": false, "archived": false});
    if let Some(total) = upload.parts {
        json["number_of_parts"] = json!({"total": total, "sent": upload.sent.len()});
    }
    json
}

pub(crate) async fn users(State(notion): State<Arc<Notion>>, uri: Uri) -> Answer {
    let asked = Asked::of_query(&uri)?;
    let store = notion.state();
    let row = |user: &Value| (user["id"].as_str().unwrap_or_default().to_owned(), user.clone());
    let rows = store.users.iter().map(row).collect();
    Ok(Json(asked.of(rows, "user")?).into_response())
}

pub(crate) async fn user(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let store = notion.state();
    let found = store.users.iter().find(|user| user["id"] == id.as_str());
    let user = found.ok_or_else(|| Problem::not_found("user", &id))?;
    Ok(Json(user.clone()).into_response())
}

pub(crate) async fn me(State(notion): State<Arc<Notion>>) -> Answer {
    let store = notion.state();
    let bot = store.users.iter().find(|user| user["type"] == "bot");
    Ok(Json(bot.cloned().unwrap_or_default()).into_response())
}
