//! Databases and their data sources: what their pages have, and which pages they hold.
//!
//! Invariant: a page of a data source has each of its properties, and a status only of those that are there.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::input::{json_of, rich_text, uuid};
use super::objects::Asked;
use super::problem::Problem;
use super::query::{ordered, wanted};
use super::state::{Kind, Source, State as Store};
use super::{Answer, Notion};

pub(crate) async fn database(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "database_id")?;
    let store = notion.state();
    let node = store
        .node(&id)
        .filter(|node| matches!(node.kind, Kind::Database { .. }));
    let node = node.ok_or_else(|| Problem::not_found("database", &id))?;
    Ok(Json(notion.database(&store, node)).into_response())
}

fn found<'a>(store: &'a Store, id: &str) -> Result<&'a Source, Problem> {
    store
        .sources
        .get(id)
        .ok_or_else(|| Problem::not_found("data source", id))
}

fn told(notion: &Notion, store: &Store, id: &str) -> Answer {
    let source = found(store, id)?;
    let at = store.nodes.get(&source.database).map(|node| node.edited.clone());
    Ok(Json(notion.source(source, &at.unwrap_or_default())).into_response())
}

pub(crate) async fn get(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "data_source_id")?;
    told(&notion, &notion.state(), &id)
}

/// Of what can be changed: the options of a property, which keep their ids, and names.
pub(crate) async fn update(State(notion): State<Arc<Notion>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = uuid(&id, "data_source_id")?;
    let body = json_of(&body)?;
    let mut store = notion.state();
    found(&store, &id)?;
    let mut changed = vec![];
    for (name, change) in body["properties"].as_object().into_iter().flatten() {
        let source = found(&store, &id)?;
        let (key, mut property) = property(source, name)?;
        let kind = property["type"].as_str().unwrap_or_default().to_owned();
        if let Some(options) = change[&kind]["options"].as_array() {
            property[&kind]["options"] = options
                .iter()
                .map(|option| kept(&property[&kind]["options"], option))
                .collect();
        }
        let renamed = change["name"].as_str().unwrap_or(&key).to_owned();
        property["name"] = renamed.as_str().into();
        changed.push((key, renamed, property));
    }
    if let Some(source) = store.sources.get_mut(&id) {
        for (key, renamed, property) in changed {
            if key != renamed {
                source.properties.shift_remove(&key);
            }
            source.properties.insert(renamed, property);
        }
    }
    told(&notion, &store, &id)
}

/// An option that is there already stays as it is.
fn kept(before: &Value, option: &Value) -> Value {
    let same =
        |known: &&Value| known["id"] == option["id"] && !option["id"].is_null() || known["name"] == option["name"];
    let known = before.as_array().into_iter().flatten().find(same);
    let new = || {
        let name = option["name"].as_str().unwrap_or_default();
        json!({"id": format!("o-{name}"), "name": name, "color": option["color"].as_str().unwrap_or("default"),
            "description": option["description"]})
    };
    known.cloned().unwrap_or_else(new)
}

/// A property by its name or its id.
fn property(source: &Source, named: &str) -> Result<(String, Value), Problem> {
    let found = source
        .properties
        .iter()
        .find(|(name, value)| *name == named || value["id"] == named);
    let found = found.map(|(name, value)| (name.clone(), value.clone()));
    found.ok_or_else(|| Problem::invalid(format!("{named} is not a property that exists.")))
}

/// The properties of a page with what is written of them.
pub(crate) fn written(
    source: &Source,
    before: Map<String, Value>,
    given: &Map<String, Value>,
    users: &[Value],
) -> Result<Map<String, Value>, Problem> {
    let mut now = Map::new();
    for (name, schema) in &source.properties {
        let kind = schema["type"].as_str().unwrap_or_default();
        let known = before.values().find(|value| value["id"] == schema["id"]).cloned();
        let empty = match kind {
            "title" | "rich_text" | "multi_select" | "people" | "relation" | "files" => json!([]),
            "checkbox" => json!(false),
            "status" => schema["status"]["options"][0].clone(),
            _ => Value::Null,
        };
        let value = known.unwrap_or_else(|| json!({"id": schema["id"], "type": kind, kind: empty}));
        now.insert(name.clone(), value);
    }
    for (named, value) in given {
        let (name, schema) = property(source, named)?;
        let kind = schema["type"].as_str().unwrap_or_default();
        let said = value.get(kind).ok_or_else(|| {
            let what = format!("{name} is expected to be {kind}.");
            Problem::invalid(what)
        })?;
        let place = format!("properties.{name}.{kind}");
        let told = match kind {
            "title" | "rich_text" => rich_text(said, &place)?,
            "status" | "select" => option(&schema[kind]["options"], said, kind == "status", &name)?,
            "multi_select" => {
                let list = said.as_array().ok_or_else(|| Problem::body(&place, "an array"))?;
                let made = list
                    .iter()
                    .map(|one| option(&schema[kind]["options"], one, false, &name));
                made.collect::<Result<Vec<_>, _>>()?.into()
            }
            "people" => {
                let list = said.as_array().ok_or_else(|| Problem::body(&place, "an array"))?;
                let of = |one: &Value| {
                    let known = users.iter().find(|user| user["id"] == one["id"]).cloned();
                    known.ok_or_else(|| Problem::invalid("User does not exist."))
                };
                list.iter().map(of).collect::<Result<Vec<_>, _>>()?.into()
            }
            "date" | "number" | "url" | "email" | "phone_number" | "checkbox" => said.clone(),
            _ => return Err(Problem::invalid(format!("{name} cannot be written."))),
        };
        if let Some(value) = now.get_mut(&name) {
            value[kind] = told;
        }
    }
    Ok(now)
}

/// An option by its name; a status must be there, another is made.
fn option(options: &Value, said: &Value, must_be: bool, property: &str) -> Result<Value, Problem> {
    if said.is_null() {
        return Ok(Value::Null);
    }
    let same = |known: &&Value| known["name"] == said["name"] || (!said["id"].is_null() && known["id"] == said["id"]);
    match options.as_array().into_iter().flatten().find(same) {
        Some(known) => Ok(known.clone()),
        None if must_be => Err(Problem::invalid(format!(
            "Invalid status option. Status option \"{}\" does not exist\". ({property})",
            said["name"].as_str().unwrap_or_default()
        ))),
        None => Ok(
            json!({"id": format!("o-{}", said["name"].as_str().unwrap_or_default()), "name": said["name"],
            "color": "default"}),
        ),
    }
}

impl Store {
    /// The number of a new page, where its data source numbers; and options that it has made.
    pub(crate) fn numbered(&mut self, source: &str, properties: &mut Map<String, Value>) {
        let Some(source) = self.sources.get_mut(source) else {
            return;
        };
        source.numbered += 1;
        for (name, value) in properties.iter_mut() {
            if value["type"] == "unique_id" {
                let prefix = source
                    .properties
                    .get(name)
                    .map(|schema| schema["unique_id"]["prefix"].clone());
                value["unique_id"] = json!({"prefix": prefix, "number": source.numbered});
            }
        }
    }
}

pub(crate) async fn query(State(notion): State<Arc<Notion>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = uuid(&id, "data_source_id")?;
    let body = json_of(&body)?;
    let asked = Asked::of_body(&body)?;
    let store = notion.state();
    let source = found(&store, &id)?;
    let mut rows = vec![];
    for node in source
        .rows
        .iter()
        .filter_map(|id| store.node(id))
        .filter(|node| !node.in_trash)
    {
        if wanted(source, node, &body["filter"], 0)? {
            rows.push(node);
        }
    }
    ordered(source, &mut rows, &body["sorts"])?;
    let cut = rows.len() > source.limit;
    rows.truncate(source.limit);
    let rows = rows
        .into_iter()
        .map(|node| (node.id.clone(), notion.page(&store, node)))
        .collect();
    let mut list = asked.of(rows, "page_or_data_source")?;
    let ended = list["has_more"] == false;
    list["request_status"] = match cut && ended {
        true => json!({"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}),
        false => json!({"type": "complete"}),
    };
    Ok(Json(list).into_response())
}
