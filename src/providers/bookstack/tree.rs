//! Lists of pages: all, those of a book or chapter, and what is directly within one.
//!
//! Invariant: a draft, which is its writer's alone, is in no list.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::convert::Parent;
use super::lists::ROWS;
use super::{BookStack, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{PageChildren, PageList, PageRow};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

/// The book or chapter that a field names.
pub fn parent(field: &str, native: &str) -> Result<Parent, Failure> {
    Parent::parse(native).ok_or_else(|| {
        let sentence = format!("{field} must be written as book/3 or chapter/5, as pages name what they are in");
        Failure::invalid(field, sentence).never_sent()
    })
}

pub async fn list(bookstack: Arc<BookStack>, request: Request<PageList>) -> Result<Reply<Page<PageRow>>, Failure> {
    let space = request.input.space.as_ref();
    let space = space.map(|_| parent("space", &request.native)).transpose()?;
    let mut filters = vec![("draft", "0")];
    let number = space.map(|space| space.number().to_string());
    if let (Some(space), Some(number)) = (space, &number) {
        filters.push((space.field(), number));
    }
    let listed = bookstack.list("pages", &filters, &ROWS, &request).await?;
    Ok(listed.page(|row: Row<wire::Page>| {
        let within = space.is_none_or(|space| space.holds(&row.wire));
        (within && !row.wire.draft).then(|| convert::row(&request.instance, row))
    }))
}

/// BookStack tells all of it at once.
pub async fn children(
    bookstack: Arc<BookStack>,
    request: Request<PageChildren>,
) -> Result<Reply<Page<PageRow>>, Failure> {
    let within = parent("parent", &request.native)?;
    let page = ROWS.page(&[], request.limit(), request.cursor())?;
    let outgoing = bookstack.endpoint.get(&[within.kind(), &within.number().to_string()])?;
    let received = bookstack.endpoint.send(outgoing).await?;
    let contents: wire::Contents = received.json()?;
    let rows = match within {
        Parent::Book(_) => &contents.contents,
        Parent::Chapter(_) => &contents.pages,
    };
    let mut rows = received.rows_of::<wire::Page>(rows, request.include_raw)?;
    rows.retain(|row| !row.wire.draft);
    let total = rows.len() as u64;
    let skipped = page.number.saturating_sub(1).saturating_mul(page.size);
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let rows = rows.into_iter().skip(place(skipped)).take(place(page.size));
    let items = rows.map(|row| convert::row(&request.instance, row)).collect();
    let more = skipped.saturating_add(page.size) < total;
    let mut found = Page::new(items, more.then(|| ROWS.after(&page)));
    found.total = Some(total);
    Ok(received.reply(found))
}
