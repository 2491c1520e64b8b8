//! The search: by title, over what is shared.
//!
//! Invariant: nothing that is hidden or in the trash is found.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::Value;

use super::input::json_of;
use super::objects::Asked;
use super::problem::Problem;
use super::state::Kind;
use super::{Answer, Notion};

pub(crate) async fn all(State(notion): State<Arc<Notion>>, body: Bytes) -> Answer {
    let body = json_of(&body)?;
    let asked = Asked::of_body(&body)?;
    let only = match &body["filter"] {
        Value::Null => None,
        filter => match (filter["property"].as_str(), filter["value"].as_str()) {
            (Some("object"), Some(value @ ("page" | "data_source"))) => Some(value.to_owned()),
            _ => return Err(Problem::body("filter.value", "`\"page\"` or `\"data_source\"`")),
        },
    };
    let words = body["query"].as_str().unwrap_or_default().to_lowercase();
    let wanted = |object: &str, title: &str| {
        only.as_deref().is_none_or(|only| only == object) && title.to_lowercase().contains(words.trim())
    };
    let store = notion.state();
    let mut found: Vec<(String, String, Value)> = vec![];
    for node in store.nodes.values() {
        let shown = matches!(node.kind, Kind::Page(_)) && !node.hidden && !store.is_trashed(&node.id);
        if shown && wanted("page", &node.title()) {
            found.push((node.edited.clone(), node.id.clone(), notion.page(&store, node)));
        }
    }
    for source in store.sources.values() {
        let Some(database) = store.node(&source.database).filter(|node| !node.in_trash) else {
            continue;
        };
        if wanted("data_source", &source.title) {
            let json = notion.source(source, &database.edited);
            found.push((database.edited.clone(), source.id.clone(), json));
        }
    }
    // The last that was changed comes first.
    found.sort_by(|a, b| (&b.0, &b.1).cmp(&(&a.0, &a.1)));
    let rows = found.into_iter().map(|(_, id, json)| (id, json)).collect();
    Ok(Json(asked.of(rows, "page_or_data_source")?).into_response())
}
