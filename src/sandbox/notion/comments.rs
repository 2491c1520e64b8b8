//! Comments: those of open discussions, on a page or on a block.
//!
//! Invariant: a reply stands in the discussion that it names.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Json, http::Uri};
use bytes::Bytes;
use serde_json::Value;

use super::input::{json_of, rich_text, uuid};
use super::objects::{self, Asked};
use super::problem::Problem;
use super::state::{Comment, State as Store};
use super::{Answer, Notion};
use crate::sandbox::kit::query::Params;

pub(crate) async fn list(State(notion): State<Arc<Notion>>, uri: Uri) -> Answer {
    let params = Params::of(&uri);
    let id = uuid(params.get("block_id").unwrap_or_default(), "block_id")?;
    let asked = Asked::of_query(&uri)?;
    let store = notion.state();
    store.node(&id).ok_or_else(|| Problem::not_found("block", &id))?;
    let open = store
        .comments
        .iter()
        .filter(|comment| comment.on == id && !comment.resolved);
    let rows = open
        .map(|comment| (comment.id.clone(), told(&store, comment)))
        .collect();
    Ok(Json(asked.of(rows, "comment")?).into_response())
}

fn told(store: &Store, comment: &Comment) -> Value {
    objects::comment(comment, store.page(&comment.on).is_some())
}

fn found(store: &Store, id: &str) -> Result<usize, Problem> {
    let at = store.comments.iter().position(|comment| comment.id == id);
    at.ok_or_else(|| Problem::not_found("comment", id))
}

pub(crate) async fn get(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "comment_id")?;
    let store = notion.state();
    let at = found(&store, &id)?;
    Ok(Json(told(&store, &store.comments[at])).into_response())
}

pub(crate) async fn create(State(notion): State<Arc<Notion>>, body: Bytes) -> Answer {
    let body = json_of(&body)?;
    let text = rich_text(&body["rich_text"], "rich_text")?;
    let mut store = notion.state();
    store.room(1)?;
    let (on, discussion) = match body["discussion_id"].as_str() {
        Some(discussion) => {
            let begun = store.comments.iter().find(|comment| comment.discussion == discussion);
            let begun = begun.ok_or_else(|| Problem::not_found("discussion", discussion))?;
            (begun.on.clone(), begun.discussion.clone())
        }
        None => {
            let parent = &body["parent"];
            let id = parent["page_id"].as_str().or(parent["block_id"].as_str());
            let id = uuid(
                id.ok_or_else(|| Problem::body("parent", "defined, instead was `undefined`"))?,
                "page_id",
            )?;
            store.node(&id).ok_or_else(|| Problem::not_found("page", &id))?;
            let discussion = store.id();
            (id, discussion)
        }
    };
    if store.is_trashed(&on) {
        return Err(Problem::archived());
    }
    let id = store.id();
    let (now, author) = (store.now(), store.author());
    let comment = Comment {
        id,
        on,
        discussion,
        text,
        author,
        created: now.clone(),
        edited: now,
        resolved: false,
    };
    let json = told(&store, &comment);
    store.comments.push(comment);
    store.created += 1;
    Ok(Json(json).into_response())
}

pub(crate) async fn update(State(notion): State<Arc<Notion>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = uuid(&id, "comment_id")?;
    let text = rich_text(&json_of(&body)?["rich_text"], "rich_text")?;
    let mut store = notion.state();
    let at = found(&store, &id)?;
    let now = store.now();
    store.comments[at].text = text;
    store.comments[at].edited = now;
    Ok(Json(told(&store, &store.comments[at])).into_response())
}

pub(crate) async fn delete(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "comment_id")?;
    let mut store = notion.state();
    let at = found(&store, &id)?;
    let comment = store.comments.remove(at);
    Ok(Json(told(&store, &comment)).into_response())
}
