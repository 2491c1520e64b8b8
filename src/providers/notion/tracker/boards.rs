//! Boards: data sources, whose columns are the words of their status, and whose items are their issues.
//!
//! Invariant: an item is the issue that it stands for, and has its id.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use serde_json::{Value, json};

use super::super::lists::MOST;
use super::super::text::Text;
use super::super::{Notion, convert as pages, rich, wire};
use super::change::in_status;
use super::issues::mapped;
use super::schema::{Property, Tracker};
use super::{convert, fields, issue_of};
use crate::catalogue::Page;
use crate::catalogue::link::Link;
use crate::catalogue::projects::{Board, BoardAddItem, BoardItem, BoardItems, BoardList, BoardUpdateItem};
use crate::catalogue::raw::Raw;
use crate::providers::http::{Row, Time};
use crate::providers::{Reply, Request};

pub async fn list(notion: Arc<Notion>, request: Request<BoardList>) -> Result<Reply<Page<Board>>, Failure> {
    if request.input.of.is_some() {
        let sentence = "boards are listed all together at this provider: leave it out";
        return Err(Failure::unsupported_field("of", sentence).never_sent());
    }
    let (received, list) = notion.found(&request, None, Some("data_source")).await?;
    let rows = received.rows_of::<Value>(&list.results, request.include_raw)?;
    let sources = rows.into_iter().filter(|row| row.wire["object"] == "data_source");
    let items = sources.filter_map(|Row { wire, raw }| board(&notion, &request.instance, &wire, raw));
    Ok(received.reply(Page::new(items.collect(), list.next())))
}

fn board(notion: &Notion, instance: &str, json: &Value, raw: Option<Raw>) -> Option<Board> {
    let id = json["id"].as_str()?;
    let time = |name: &str| {
        serde_json::from_value::<Time>(json[name].clone())
            .ok()
            .and_then(Time::text)
    };
    let (mapping, place) = notion.mappings.of(id);
    let tracker = Tracker::read(json, mapping, &place).ok();
    let description = rich::plain(&rich::read(&json["description"], None));
    Some(Board {
        id: Resource::neutral_id(instance, id),
        title: rich::plain(&rich::read(&json["title"], None)),
        description: Some(description).filter(|text| !text.is_empty()),
        columns: tracker.and_then(|tracker| tracker.status).map(|status| status.words()),
        closed: json["in_trash"] == true,
        web_url: json["url"].as_str().map(str::to_owned).map(Link::from),
        created_at: time("created_time"),
        updated_at: time("last_edited_time"),
        raw,
    })
}

/// The status of a tracker, and a word of it that is a column.
async fn column<'a>(
    notion: &Notion,
    tracker: &'a Arc<Tracker>,
    column: &str,
    anew: &'a mut Option<Arc<Tracker>>,
) -> Result<&'a Property, Failure> {
    let status = mapped(tracker.status.as_ref(), "column", "status")?;
    if status.has(column) {
        return Ok(status);
    }
    let tracker = anew.insert(notion.tracker_anew(&tracker.source).await?);
    let status = mapped(tracker.status.as_ref(), "column", "status")?;
    match status.has(column) {
        true => Ok(status),
        false => {
            let sentence = format!("column must be one of {}", status.words().join(", "));
            Err(Failure::invalid("column", sentence))
        }
    }
}

pub async fn items(notion: Arc<Notion>, request: Request<BoardItems>) -> Result<Reply<Page<BoardItem>>, Failure> {
    let tracker = notion.tracker(&request.native, "board").await?;
    let mut filters = vec![];
    let mut anew = None;
    if let Some(name) = request.input.column.as_deref() {
        let status = column(&notion, &tracker, name, &mut anew).await?;
        filters.push(json!({"property": status.id, status.kind.as_str(): {"equals": name}}));
    }
    let size = request.limit().unwrap_or(MOST);
    let found = notion
        .rows(&tracker, filters, size, request.cursor(), request.include_raw)
        .await?;
    let pages: Vec<&wire::Page> = found.rows.iter().map(|row| &row.wire).collect();
    let tracker = notion.knowing(tracker, &pages).await?;
    let items = found
        .rows
        .into_iter()
        .map(|row| convert::item(&request.instance, &tracker, row))
        .collect();
    Ok(found.received.reply(Page::new(items, found.next)))
}

/// A new page; an issue stands on the board of its data source from the start.
pub async fn add(notion: Arc<Notion>, request: Request<BoardAddItem>) -> Result<Reply<BoardItem>, Failure> {
    let input = &request.input;
    let Some(title) = &input.title else {
        let sentence = "an issue stands on the board of its data source already, and can stand on no other";
        return Err(Failure::unsupported_field("issue", sentence).never_sent());
    };
    let text = Text::of_new(input.body.as_deref().unwrap_or_default())?;
    if let Some(lost) = text.lost.first() {
        let sentence = format!("body says what this provider cannot keep: {}", lost.what);
        return Err(Failure::unsupported_field("body", sentence).never_sent());
    }
    let tracker = notion.tracker(&request.native, "board").await?;
    let mut properties = pages::titled(title);
    let mut anew = None;
    if let Some(name) = input.column.as_deref() {
        let status = column(&notion, &tracker, name, &mut anew).await?;
        properties[status.id.as_str()] = in_status(status, name);
    }
    let parent = json!({"type": "data_source_id", "data_source_id": tracker.source});
    let body = json!({"parent": parent, "properties": properties});
    let made = notion
        .make(&request.instance, body, &text.blocks, request.deadline)
        .await?;
    let row: Row<wire::Page> = made.row(request.include_raw)?;
    let tracker = notion.knowing_behind(&request.instance, &tracker, &row.wire).await;
    let mut item = convert::item(&request.instance, &tracker, row);
    item.title = item
        .title
        .filter(|title| !title.is_empty())
        .or_else(|| Some(title.to_string()));
    Ok(made.reply(item))
}

pub async fn update(notion: Arc<Notion>, request: Request<BoardUpdateItem>) -> Result<Reply<BoardItem>, Failure> {
    let (source, _) = issue_of(&request.native, "item")?;
    let tracker = notion.tracker(&source, "item").await?;
    let mut properties = json!({});
    for (name, said) in &request.input.fields {
        let property = tracker
            .properties
            .iter()
            .find(|property| property.name == *name || property.id == *name);
        let unknown = || Failure::invalid("fields", format!("fields: the board has no field {name}"));
        let property = property.ok_or_else(unknown)?;
        properties[property.id.as_str()] = fields::written(property, said)?;
    }
    let mut anew = None;
    if let Some(name) = request.input.column.as_deref() {
        let status = column(&notion, &tracker, name, &mut anew).await?;
        properties[status.id.as_str()] = in_status(status, name);
    }
    let found = notion.issue(&request.native, false, request.deadline).await?;
    let received = notion.write(&found, &properties, request.deadline).await?;
    let row: Row<wire::Page> = received.row(request.include_raw)?;
    let tracker = notion
        .knowing_behind(&request.instance, &found.tracker, &row.wire)
        .await;
    Ok(received.reply(convert::item(&request.instance, &tracker, row)))
}
