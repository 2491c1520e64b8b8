//! Pages into the recycle bin, and out of it.
//!
//! Invariant: a page is restored only where what it was in is there: BookStack forgets the deletion of one that it cannot
//! put back.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};

use super::convert::{self, Parent};
use super::requests::page_id;
use super::{BookStack, wire};
use crate::catalogue::docs::{PageDelete, PageRestore, PageRow};
use crate::catalogue::outcome::Deleted;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// Deletions that are asked for at once: as many as BookStack gives.
const AT_ONCE: u64 = 500;
/// Deletions that are looked through where the server does not look for the page itself.
const MOST: u64 = 10_000;

pub async fn delete(bookstack: Arc<BookStack>, request: Request<PageDelete>) -> Result<Reply<Deleted>, Failure> {
    let id = page_id(&request.native)?;
    let outgoing = bookstack.endpoint.delete(&["pages", &id])?;
    let received = bookstack.endpoint.send(outgoing).await?;
    Ok(received.reply(Deleted::trashed()))
}

pub async fn restore(bookstack: Arc<BookStack>, request: Request<PageRestore>) -> Result<Reply<PageRow>, Failure> {
    let id = page_id(&request.native)?;
    let (received, deletion) = deletion(&bookstack, &id).await.map_err(Failure::never_sent)?;
    let page = deletion.deletable.into_iter().collect::<Vec<_>>();
    let page = received.rows_of::<wire::Page>(&page, request.include_raw)?.pop();
    let page: Row<wire::Page> = page.ok_or_else(|| received.unusable("the deletion does not tell what was deleted"))?;
    if let Some(parent) = Parent::of(page.wire.book_id, page.wire.chapter_id) {
        is_there(&bookstack, parent).await.map_err(Failure::never_sent)?;
    }
    let parts = ["recycle-bin", &deletion.id.to_string()];
    let outgoing = bookstack.endpoint.bare(http::Method::PUT, &parts)?;
    let received = bookstack.endpoint.send(outgoing).await.map_err(not_allowed)?;
    let restored: wire::Restored = received.json()?;
    if restored.restore_count == 0 {
        return Err(received.failure(Kind::Conflict, IN_THE_BIN));
    }
    Ok(received.reply(convert::row(&request.instance, page)))
}

const IN_THE_BIN: &str = "what the page was in is in the recycle bin: restore that first";

/// The deletion of a page. One that went with its book or chapter has none of its own.
async fn deletion(bookstack: &BookStack, id: &str) -> Result<(Received, wire::Deletion), Failure> {
    let mut skipped = 0;
    loop {
        let outgoing = bookstack
            .endpoint
            .get(&["recycle-bin"])?
            .query("filter[deletable_type]", "page")
            .query("filter[deletable_id]", id)
            .query("count", AT_ONCE.to_string())
            .query("offset", skipped.to_string());
        let received = bookstack.endpoint.send(outgoing).await.map_err(not_allowed)?;
        let list: wire::List = received.json()?;
        let rows = received.rows_of::<wire::Deletion>(&list.data, false)?;
        // A filter that the server does not know is ignored.
        let own = |row: &wire::Deletion| row.deletable_type == "page" && row.deletable_id.to_string() == id;
        let found = rows.into_iter().map(|row| row.wire).find(own);
        if let Some(found) = found {
            return Ok((received, found));
        }
        skipped += AT_ONCE;
        if list.data.is_empty() || skipped >= list.total.unwrap_or_default().min(MOST) {
            let sentence =
                "the page is not in the recycle bin by itself; it may have gone there with its book or chapter";
            return Err(received.failure(Kind::NotFound, sentence));
        }
    }
}

async fn is_there(bookstack: &BookStack, parent: Parent) -> Result<(), Failure> {
    let outgoing = bookstack.endpoint.get(&[parent.kind(), &parent.number().to_string()])?;
    match bookstack.endpoint.send(outgoing).await {
        Err(failure) if failure.kind == Kind::NotFound => {
            let mut conflict = Failure::new(Kind::Conflict, IN_THE_BIN);
            conflict.provider = failure.provider;
            Err(conflict)
        }
        other => other.map(drop),
    }
}

fn not_allowed(failure: Failure) -> Failure {
    match failure.kind {
        Kind::Forbidden => failure.saying(
            "the provider forbids this to our credential: restoring needs the permission to manage its settings, and the one \
             to manage all permissions",
        ),
        _ => failure,
    }
}
