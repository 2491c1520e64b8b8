//! Boards as GitHub shows them.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::store::{Board, Content, FIELDS, Field, Item};
use crate::sandbox::forge::{PullAt, State};
use crate::sandbox::github::objects::Links;
use crate::sandbox::seed::{SEEDED_AT, USER};

/// Where boards of somebody are.
fn home(links: &Links<'_>, owner: &str) -> String {
    let kind = if owner == USER { "users" } else { "orgs" };
    format!("{}/{kind}/{owner}/projectsV2", links.origin)
}

/// A word, as it was written and as HTML.
fn words(text: &str) -> Value {
    json!({ "raw": text, "html": text })
}

pub(crate) fn board(links: &Links<'_>, board: &Board) -> Value {
    let id = board.number + if board.owner == USER { 1_000 } else { 0 };
    json!({
        "id": id,
        "node_id": format!("PVT_{id}"),
        "owner": links.owner(board.owner),
        "creator": links.user(USER, "User"),
        "title": board.title,
        "description": null,
        "public": false,
        "closed_at": (!board.open).then_some(SEEDED_AT),
        "created_at": SEEDED_AT,
        "updated_at": SEEDED_AT,
        "number": board.number,
        "short_description": format!("The board {}", board.title),
        "deleted_at": null,
        "deleted_by": null,
        "state": if board.open { "open" } else { "closed" },
        "latest_status_update": null,
        "is_template": false,
    })
}

pub(crate) fn field(links: &Links<'_>, board: &Board, field: &Field) -> Value {
    let mut object = json!({
        "id": field.id,
        "node_id": format!("PVTF_{}", field.id),
        "name": field.name,
        "data_type": field.data_type,
        "project_url": format!("{}/{}", home(links, board.owner), board.number),
        "created_at": SEEDED_AT,
        "updated_at": SEEDED_AT,
    });
    if !field.options.is_empty() {
        let option = |(id, name): &(&str, &str)| json!({ "id": id, "name": words(name), "description": words(""), "color": "GRAY" });
        object["options"] = field.options.iter().map(option).collect();
    }
    object
}

/// What an item stands for, as the forge shows it.
fn content(links: &Links<'_>, state: &State, item: &Item) -> Value {
    match &item.content {
        Content::Draft { title, body } => json!({
            "id": item.id,
            "node_id": format!("DI_{}", item.id),
            "title": title,
            "body": body,
            "user": links.user(USER, "User"),
            "created_at": item.created_at,
            "updated_at": item.updated_at,
        }),
        Content::Issue(path, number) => {
            let repo = state.repos.iter().find(|repo| repo.full_name == *path);
            let found = repo.and_then(|repo| Some((repo, repo.issue(*number)?)));
            match found {
                Some((repo, issue)) if issue.is_pull() => {
                    PullAt::find(state, repo, *number).map_or(Value::Null, |at| links.pull(&at))
                }
                Some((repo, issue)) => links.issue(repo, issue),
                None => Value::Null,
            }
        }
    }
}

/// The simple form, in which what is added is answered.
pub(crate) fn simple(links: &Links<'_>, state: &State, board: &Board, item: &Item) -> Value {
    let home = home(links, board.owner);
    json!({
        "id": item.id,
        "node_id": format!("PVTI_{}", item.id),
        "content": content(links, state, item),
        "content_type": match &item.content {
            Content::Draft { .. } => "DraftIssue",
            Content::Issue(..) if item.is_pull => "PullRequest",
            Content::Issue(..) => "Issue",
        },
        "creator": links.user(USER, "User"),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "archived_at": null,
        "project_url": format!("{home}/{}", board.number),
        "item_url": format!("{home}/{}/items/{}", board.number, item.id),
    })
}

/// The form with fields: those of these ids.
pub(crate) fn item(links: &Links<'_>, state: &State, board: &Board, item: &Item, ids: &[u64]) -> Value {
    let mut object = simple(links, state, board, item);
    let title = match &item.content {
        Content::Draft { title, .. } => title.clone(),
        Content::Issue(..) => object["content"]["title"].as_str().unwrap_or_default().to_owned(),
    };
    let fields = FIELDS.iter().filter(|field| ids.contains(&field.id));
    object["fields"] = fields
        .map(|field| {
            let value = match (field.data_type, item.values.get(&field.id)) {
                ("title", _) => words(&title),
                ("labels", _) => object["content"]["labels"].clone(),
                ("single_select", Some(id)) => chosen(field, id),
                ("text", Some(Value::String(text))) => words(text),
                (_, value) => value.cloned().unwrap_or_default(),
            };
            json!({ "id": field.id, "name": field.name, "data_type": field.data_type, "value": value })
        })
        .collect();
    object
}

fn chosen(field: &Field, value: &Value) -> Value {
    let option = field.options.iter().find(|(id, _)| value == id);
    option.map_or(
        Value::Null,
        |(id, name)| json!({ "id": id, "name": words(name), "color": "GRAY", "description": words("") }),
    )
}
