//! Spaces: pages at the top of a workspace and data sources, or what the settings name.
//!
//! Invariant: a space's id is accepted as a page's parent.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use serde_json::json;

use super::ids::Place;
use super::lists::MOST;
use super::text::Text;
use super::{Notion, convert, markdown, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{Space, SpaceCreate, SpaceKind, SpaceList};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

pub async fn list(notion: Arc<Notion>, request: Request<SpaceList>) -> Result<Reply<Page<Space>>, Failure> {
    if request.input.kind == SpaceKind::Collection {
        let sentence = "nothing gathers spaces at this provider";
        return Err(Failure::unsupported_field("kind", sentence).never_sent());
    }
    match notion.roots.is_empty() {
        true => found(&notion, &request).await,
        false => named(&notion, &request).await,
    }
}

/// Of what a search finds, what is at the top, and what holds pages alone. Most rows are neither: a page of spaces may be
/// short, or empty, and not the last.
async fn found(notion: &Notion, request: &Request<SpaceList>) -> Result<Reply<Page<Space>>, Failure> {
    let (received, list) = notion.found(request, None, None).await?;
    let rows = received.rows_of::<wire::Page>(&list.results, request.include_raw)?;
    let top = |row: &Row<wire::Page>| match &*row.wire.object {
        "data_source" => true,
        "page" => row.wire.parent["type"] == "workspace",
        _ => false,
    };
    let spaces = rows.into_iter().filter(top);
    let items = spaces.map(|row| convert::space(&request.instance, row)).collect();
    Ok(received.reply(Page::new(items, list.next())))
}

/// Those that the settings name, from the one on that the cursor counts.
async fn named(notion: &Notion, request: &Request<SpaceList>) -> Result<Reply<Page<Space>>, Failure> {
    let strange = |_| Failure::invalid("cursor", "this cursor does not belong to this list").never_sent();
    let first: usize = request
        .cursor()
        .map_or(Ok(0), |cursor| cursor.parse().map_err(strange))?;
    let size = request.limit().unwrap_or(MOST) as usize;
    let mut items = vec![];
    let mut last = None;
    for place in notion.roots.iter().skip(first).take(size) {
        let (collection, id) = match place {
            Place::DataSource(id) => ("data_sources", id),
            Place::Page(id) | Place::Database(id) | Place::Block(id) => ("pages", id),
        };
        let outgoing = || notion.endpoint.get(&[collection, id]);
        let received = notion.patient(request.deadline, outgoing).await?;
        let row = received.row(request.include_raw)?;
        items.push(convert::space(&request.instance, row));
        last = Some(received);
    }
    let next = first.saturating_add(size);
    let page = Page::new(items, (next < notion.roots.len()).then(|| next.to_string()));
    Ok(match last {
        Some(received) => received.reply(page),
        None => Reply::of(page),
    })
}

/// A space is a page; what it is about is its text.
pub async fn create(notion: Arc<Notion>, request: Request<SpaceCreate>) -> Result<Reply<Space>, Failure> {
    let input = &request.input;
    let Some(parent) = &input.parent else {
        let sentence = "parent is required at this provider: the page that it shall be in";
        return Err(Failure::invalid("parent", sentence).never_sent());
    };
    let place = Place::read(parent.resource().native(), "parent")?;
    let text = Text::of_new(input.description.as_deref().unwrap_or_default())?;
    // A space has no place for what is lost.
    if let Some(lost) = text.lost.first() {
        let sentence = format!("description says what this provider cannot keep: {}", lost.what);
        return Err(Failure::unsupported_field("description", sentence).never_sent());
    }
    let body = json!({"parent": place.parent()?, "properties": convert::titled(&input.name)});
    let made = notion
        .make(&request.instance, body, &text.blocks, request.deadline)
        .await?;
    let row: Row<wire::Page> = made.row(request.include_raw)?;
    let mut space = convert::space(&request.instance, row);
    if space.name.is_empty() {
        space.name = input.name.to_string();
    }
    space.description = input.description.as_ref().map(|_| markdown::write(&text.blocks));
    Ok(made.reply(space))
}
