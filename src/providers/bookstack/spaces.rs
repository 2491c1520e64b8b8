//! Books, which pages are in, and shelves, which gather books.
//!
//! Invariant: a shelf is a view: nothing is in one.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::attachments::called_name;
use super::lists::ROWS;
use super::{BookStack, body, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{Space, SpaceCreate, SpaceKind, SpaceList};
use crate::providers::{Reply, Request};

pub async fn list(bookstack: Arc<BookStack>, request: Request<SpaceList>) -> Result<Reply<Page<Space>>, Failure> {
    let (what, kind) = match request.input.kind {
        SpaceKind::Space => ("books", "book"),
        SpaceKind::Collection => ("shelves", "shelf"),
    };
    let listed = bookstack.list(what, &[], &ROWS, &request).await?;
    Ok(listed.page(|row| Some(convert::space(&request.instance, kind, row))))
}

pub async fn create(bookstack: Arc<BookStack>, request: Request<SpaceCreate>) -> Result<Reply<Space>, Failure> {
    let input = &request.input;
    if input.parent.is_some() {
        let sentence = "books are in nothing at this provider; a shelf only gathers them";
        return Err(Failure::unsupported_field("parent", sentence).never_sent());
    }
    let html = input.description.as_deref().map(body::html);
    // Earlier releases know plain text alone; of the two, one is written.
    let plain = input.description.as_deref().map(str::trim);
    let plain = plain.filter(|text| {
        html.as_deref()
            .is_some_and(|html| html.trim() == format!("<p>{text}</p>"))
    });
    let book = wire::NewBook {
        name: &input.name,
        description: plain,
        description_html: html.as_deref().filter(|_| plain.is_none()),
    };
    let outgoing = bookstack.endpoint.post(&["books"], &book)?;
    let received = bookstack.endpoint.send(outgoing).await.map_err(called_name)?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(convert::space(&request.instance, "book", row)))
}
