//! The requests that change what stands on a board.
//!
//! Invariant: columns, fields and what they may be are looked up before anything is written.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use super::boards::{self, BoardAt};
use crate::catalogue::projects::{BoardAddItem, BoardItem, BoardUpdateItem};
use crate::providers::github::convert::board as convert;
use crate::providers::github::lookup::{At, Numbered, named, unsupported};
use crate::providers::github::{GitHub, wire};
use crate::providers::http::{Outgoing, Received};
use crate::providers::{Reply, Request};

pub async fn add(github: Arc<GitHub>, request: Request<BoardAddItem>) -> Result<Reply<BoardItem>, Failure> {
    let board = BoardAt::of("board", &request.native)?;
    let input = &request.input;
    let outgoing = match (&input.issue, &input.title) {
        (Some(issue), _) => {
            let issue = issue.resource();
            if issue.instance().is_some_and(|its| *its != request.instance) {
                let sentence = "issue is another provider's than the board";
                return Err(Failure::invalid("issue", sentence).never_sent());
            }
            existing(&github, &board, issue.native())?
        }
        (None, Some(title)) => draft(&github, &board, title, input.body.as_deref()).await?,
        (None, None) => return Err(Failure::invalid("issue", "give an issue, or a title").never_sent()),
    };
    let change = match input.column.as_deref() {
        None => None,
        Some(column) => {
            let fields = boards::fields(&github, &board).await.map_err(Failure::never_sent)?;
            let (id, option) = boards::column(&fields, column)?;
            Some((id, option.id.clone(), option.name.text().to_owned()))
        }
    };
    let received = github.endpoint.send(outgoing).await?;
    let row = received.row::<wire::BoardItem>(request.include_raw)?;
    let mut item = convert::item(&request.instance, board.native, row);
    let Some((id, option, column)) = change else {
        return Ok(received.reply(item));
    };
    let native = convert::own_id(&item.id).to_owned();
    let change = [wire::FieldChange {
        id,
        value: option.into(),
    }];
    match changed(&github, &board, &native, &change).await {
        Ok(_) => {
            item.column = Some(column);
            Ok(received.reply(item))
        }
        Err(failure) => Err(half(&item.id, failure)),
    }
}

/// It is on the board, and not where it shall be: the cache and the caller must know that something was done.
fn half(id: &str, failure: Failure) -> Failure {
    let sentence = format!(
        "it is on the board as {id}, but in no column yet: {}",
        failure.message()
    );
    let mut half = Failure::new(Kind::UpstreamFailed, sentence).not_usable().but_sound();
    half.provider = failure.provider;
    named(half, "column")
}

/// What puts an issue on a board.
fn existing(github: &GitHub, board: &BoardAt<'_>, issue: &str) -> Result<Outgoing, Failure> {
    let issue = Numbered::of("issue", issue)?;
    let At { owner, name } = issue.repo;
    let number = issue.number.parse().map_err(|_| {
        let sentence = "issue must be written as owner/name#number";
        Failure::invalid("issue", sentence).never_sent()
    })?;
    let item = wire::NewItem {
        kind: "Issue",
        owner,
        repo: name,
        number,
    };
    github.endpoint.post(&board.parts(&["items"]), &item)
}

/// What puts words on a board. Those of a user are written below the user's number.
async fn draft(github: &GitHub, board: &BoardAt<'_>, title: &str, body: Option<&str>) -> Result<Outgoing, Failure> {
    let draft = wire::NewDraft { title, body };
    if board.kind == "orgs" {
        return github.endpoint.post(&board.parts(&["drafts"]), &draft);
    }
    let found = github
        .endpoint
        .send(github.endpoint.get(&["users", board.owner])?)
        .await;
    let owner: wire::Account = found
        .map_err(Failure::never_sent)?
        .json()
        .map_err(Failure::never_sent)?;
    let owner = owner.id.to_string();
    github.endpoint.post(&board.below("user", &owner, &["drafts"]), &draft)
}

pub async fn update(github: Arc<GitHub>, request: Request<BoardUpdateItem>) -> Result<Reply<BoardItem>, Failure> {
    let input = &request.input;
    let odd = || {
        let sentence = "item must be an id of the lists of items, such as orgs/acme#5/123";
        Failure::invalid("item", sentence).never_sent()
    };
    let (native, id) = request.native.rsplit_once('/').ok_or_else(odd)?;
    let board = BoardAt::of("item", native).map_err(|_| odd())?;
    if id.parse::<u64>().is_err() {
        return Err(odd());
    }
    let fields = boards::fields(&github, &board).await.map_err(Failure::never_sent)?;
    let mut changes = Vec::with_capacity(input.fields.len() + 1);
    let mut column = None;
    if let Some(name) = input.column.as_deref() {
        let (id, option) = boards::column(&fields, name)?;
        changes.push(wire::FieldChange {
            id,
            value: option.id.as_str().into(),
        });
        column = Some(option.name.text());
    }
    for (name, value) in &input.fields {
        changes.push(change(&fields, name, value)?);
    }
    let received = changed(&github, &board, id, &changes).await?;
    let row = received.row::<wire::BoardItem>(request.include_raw)?;
    let mut item = convert::item(&request.instance, native, row);
    if let Some(column) = column {
        item.column.get_or_insert_with(|| column.to_owned());
    }
    Ok(received.reply(item))
}

/// What a field is changed to: one of its options or iterations by its name, or what a caller writes.
fn change(fields: &[wire::BoardField], name: &str, value: &Value) -> Result<wire::FieldChange, Failure> {
    let wrong = |sentence: String| Failure::invalid("fields", sentence).never_sent();
    let field = fields.iter().find(|field| field.name == name);
    let field = field.ok_or_else(|| wrong("fields names one that the board has not".to_owned()))?;
    if !convert::is_own(field.data_type.as_deref()) {
        let sentence = "fields names one that tells of the issue itself, and is changed there";
        return Err(unsupported("fields", sentence));
    }
    let chosen = field.choices().collect::<Vec<_>>();
    let value = match value {
        Value::String(text) if !chosen.is_empty() => {
            let found = chosen.iter().find(|(_, name)| name == text);
            let (id, _) = found.ok_or_else(|| wrong("fields holds a word that is none of its field's".to_owned()))?;
            Value::from(*id)
        }
        Value::Null | Value::String(_) | Value::Number(_) if chosen.is_empty() || value.is_null() => value.clone(),
        _ => return Err(wrong("fields may hold texts, numbers and null".to_owned())),
    };
    Ok(wire::FieldChange { id: field.id, value })
}

async fn changed(
    github: &GitHub,
    board: &BoardAt<'_>,
    id: &str,
    fields: &[wire::FieldChange],
) -> Result<Received, Failure> {
    let body = wire::ItemPatch { fields };
    let outgoing = github.endpoint.patch(&board.parts(&["items", id]), &body)?;
    github.endpoint.send(outgoing).await
}
