//! Who has an account: guests are not told.
//!
//! Invariant: an address is told only where our connection may see it.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::lists::MOST;
use super::{Notion, convert, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::UserList;
use crate::catalogue::person::Person;
use crate::providers::{Reply, Request};

pub async fn list(notion: Arc<Notion>, request: Request<UserList>) -> Result<Reply<Page<Person>>, Failure> {
    let outgoing = notion
        .endpoint
        .get(&["users"])?
        .query("page_size", request.limit().unwrap_or(MOST).to_string())
        .query_if("start_cursor", request.cursor());
    let received = notion.endpoint.send(outgoing).await?;
    let list: wire::List = received.json()?;
    let rows = received.rows_of::<wire::User>(&list.results, false)?;
    let items = rows.into_iter().map(|row| convert::person(row.wire)).collect();
    Ok(received.reply(Page::new(items, list.next())))
}
