//! Pages: read, made, changed, moved, put into the trash and taken out.
//!
//! Invariant: a page in the trash can be read, and taken out, and is not changed otherwise.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::gate::Version;
use super::input::{children, json_of, rich_text, trash, uuid};
use super::problem::Problem;
use super::sources::written;
use super::state::{Kind, Node, Parent, State as Store};
use super::{Answer, Notion};

/// The most references that a page tells of one property.
const MOST_REFERENCES: usize = 25;

fn found<'a>(store: &'a Store, id: &str) -> Result<&'a Node, Problem> {
    store.page(id).ok_or_else(|| Problem::not_found("page", id))
}

fn told(notion: &Notion, store: &Store, id: &str) -> Answer {
    let mut page = notion.page(store, found(store, id)?);
    for property in page["properties"]
        .as_object_mut()
        .into_iter()
        .flat_map(|map| map.values_mut())
    {
        for name in ["people", "relation"] {
            if let Some(list) = property.get_mut(name).and_then(Value::as_array_mut) {
                list.truncate(MOST_REFERENCES);
            }
        }
    }
    Ok(Json(page).into_response())
}

pub(crate) async fn get(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "page_id")?;
    told(&notion, &notion.state(), &id)
}

/// One property, all of it.
pub(crate) async fn property(
    State(notion): State<Arc<Notion>>,
    Path((id, property)): Path<(String, String)>,
    uri: axum::http::Uri,
) -> Answer {
    let id = uuid(&id, "page_id")?;
    let asked = super::objects::Asked::of_query(&uri)?;
    let store = notion.state();
    let Kind::Page(properties) = &found(&store, &id)?.kind else {
        return Err(Problem::not_found("page", &id));
    };
    let found = properties.values().find(|value| value["id"] == property.as_str());
    let found = found.ok_or_else(|| Problem::not_found("property", &property))?;
    let kind = found["type"].as_str().unwrap_or_default();
    let Some(list) = found[kind].as_array() else {
        let mut item = found.clone();
        item["object"] = "property_item".into();
        return Ok(Json(item).into_response());
    };
    let row = |(at, item): (usize, &Value)| {
        let row = json!({"object": "property_item", "id": property, "type": kind, kind: item});
        (format!("row-{at}"), row)
    };
    let rows = list.iter().enumerate().map(row).collect();
    Ok(Json(asked.of(rows, "property_item")?).into_response())
}

pub(crate) async fn create(State(notion): State<Arc<Notion>>, body: Bytes) -> Answer {
    let body = json_of(&body)?;
    let new = children(&body)?;
    let mut store = notion.state();
    let parent = parent(&store, &body["parent"])?;
    let properties = properties(&store, &parent, &body["properties"])?;
    store.room(1 + new.len())?;
    let mut properties = properties;
    if let Parent::Source(source) = &parent {
        store.numbered(source, &mut properties);
    }
    let id = store.add(Kind::Page(properties), parent.clone(), None);
    store.created += 1;
    store.put(new, &Parent::Page(id.clone()), None)?;
    if let Parent::Page(holder) = &parent {
        store.touch(holder);
    }
    told(&notion, &store, &id)
}

/// What a page shall be in.
fn parent(store: &Store, parent: &Value) -> Result<Parent, Problem> {
    let id = |name: &str| parent[name].as_str().map(|id| uuid(id, name)).transpose();
    if let Some(id) = id("page_id")? {
        found(store, &id)?;
        return match store.is_trashed(&id) {
            true => Err(Problem::archived()),
            false => Ok(Parent::Page(id)),
        };
    }
    if let Some(id) = id("data_source_id")? {
        let known = store.sources.contains_key(&id);
        return known
            .then(|| Parent::Source(id.clone()))
            .ok_or_else(|| Problem::not_found("data source", &id));
    }
    if let Some(id) = id("database_id")? {
        let node = store.node(&id).ok_or_else(|| Problem::not_found("database", &id))?;
        return match &node.kind {
            Kind::Database { sources, .. } if sources.len() == 1 => Ok(Parent::Source(sources[0].clone())),
            Kind::Database { .. } => {
                let message =
                    "Databases with multiple data sources are not supported as a parent; name a data_source_id.";
                Err(Problem::invalid(message))
            }
            _ => Err(Problem::not_found("database", &id)),
        };
    }
    match parent["type"].as_str() {
        Some("workspace") => Ok(Parent::Workspace),
        _ => Err(Problem::body("parent", "defined, instead was `undefined`")),
    }
}

/// The properties of a new page: those that are not named are empty.
fn properties(store: &Store, parent: &Parent, given: &Value) -> Result<Map<String, Value>, Problem> {
    let given = given.as_object().cloned().unwrap_or_default();
    let Parent::Source(source) = parent else {
        let odd = given.keys().find(|name| *name != "title");
        if let Some(odd) = odd {
            return Err(Problem::body(
                &format!("properties.{odd}"),
                "not present: the parent is a page",
            ));
        }
        let items = given.get("title").map_or(&Value::Null, |title| match title.is_array() {
            true => title,
            false => &title["title"],
        });
        let title = match items {
            Value::Null => json!([]),
            items => rich_text(items, "properties.title")?,
        };
        let property = json!({"id": "title", "type": "title", "title": title});
        return Ok(Map::from_iter([("title".to_owned(), property)]));
    };
    let source = store
        .sources
        .get(source)
        .ok_or_else(|| Problem::not_found("data source", source))?;
    written(source, Map::new(), &given, &store.users)
}

pub(crate) async fn update(
    State(notion): State<Arc<Notion>>,
    Extension(version): Extension<Version>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let id = uuid(&id, "page_id")?;
    let body = json_of(&body)?;
    let trash = trash(version, &body)?;
    let mut store = notion.state();
    let node = found(&store, &id)?;
    if trash.is_none() && store.is_trashed(&id) {
        return Err(Problem::archived());
    }
    let Kind::Page(before) = &node.kind else {
        return Err(Problem::not_found("page", &id));
    };
    let given = body["properties"].as_object().cloned().unwrap_or_default();
    let now = match &node.parent {
        Parent::Source(source) => {
            let source = store
                .sources
                .get(source)
                .ok_or_else(|| Problem::not_found("data source", source))?;
            written(source, before.clone(), &given, &store.users)?
        }
        _ if given.is_empty() => before.clone(),
        parent => properties(&store, parent, &Value::Object(given))?,
    };
    if let Some(node) = store.nodes.get_mut(&id) {
        node.kind = Kind::Page(now);
        node.in_trash = trash.unwrap_or(node.in_trash);
    }
    store.touch(&id);
    told(&notion, &store, &id)
}

pub(crate) async fn put(State(notion): State<Arc<Notion>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = uuid(&id, "page_id")?;
    let body = json_of(&body)?;
    let mut store = notion.state();
    let node = found(&store, &id)?;
    if store.is_trashed(&id) {
        return Err(Problem::archived());
    }
    let before = node.parent.clone();
    let parent = parent(&store, &body["parent"])?;
    let within = |store: &Store| {
        let mut at = match &parent {
            Parent::Page(id) => Some(id.clone()),
            _ => None,
        };
        while let Some(holder) = at {
            if holder == id {
                return true;
            }
            at = match store.nodes.get(&holder).map(|node| &node.parent) {
                Some(Parent::Page(id) | Parent::Block(id)) => Some(id.clone()),
                _ => None,
            };
        }
        false
    };
    if within(&store) {
        return Err(Problem::invalid("A page cannot be moved into itself."));
    }
    store.take_out(&id, &before);
    store.put_into(&id, parent);
    store.touch(&id);
    told(&notion, &store, &id)
}

impl Store {
    fn take_out(&mut self, id: &str, parent: &Parent) {
        let list = match parent {
            Parent::Workspace => None,
            Parent::Page(holder) | Parent::Block(holder) => self.nodes.get_mut(holder).map(|node| &mut node.children),
            Parent::Source(source) => self.sources.get_mut(source).map(|source| &mut source.rows),
        };
        if let Some(list) = list {
            list.retain(|child| child != id);
        }
    }

    fn put_into(&mut self, id: &str, parent: Parent) {
        match &parent {
            Parent::Workspace => {}
            Parent::Page(holder) | Parent::Block(holder) => {
                if let Some(holder) = self.nodes.get_mut(holder) {
                    holder.children.push(id.to_owned());
                }
            }
            Parent::Source(source) => {
                if let Some(source) = self.sources.get_mut(source) {
                    source.rows.push(id.to_owned());
                }
            }
        }
        if let Some(node) = self.nodes.get_mut(id) {
            node.parent = parent;
        }
    }
}
