//! Comments on pages, from version 25.11 on.
//!
//! BookStack numbers the comments of each page, and names by those numbers what a comment replies to; in its lists they have
//! no text.
//!
//! Invariant: a comment is named by its own id and its page's; the numbers stay here.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};

use super::lists::Listed;
use super::requests::page_id;
use super::{BookStack, body, convert, version, wire};
use crate::catalogue::Page;
use crate::catalogue::docs::{PageComment, PageCommentCreate, PageCommentList};
use crate::providers::http::pages::Numbered;
use crate::providers::http::{Received, Row, behind, routeless};
use crate::providers::{Reply, Request};

/// Few, since each is read for its text.
const READ: Numbered = Numbered {
    page: "page",
    size: "count",
    default: 10,
    most: 20,
};
/// Comments that are read at the same time.
const AT_ONCE: usize = 4;

pub async fn list(
    bookstack: Arc<BookStack>,
    request: Request<PageCommentList>,
) -> Result<Reply<Page<PageComment>>, Failure> {
    let id = page_id(&request.native)?;
    bookstack.with_comments().await?;
    let filters = on_page(&id);
    let listed = bookstack.list("comments", &filters, &READ, &request).await;
    let mut listed: Listed<wire::Comment> = listed.map_err(no_route)?;
    if listed.first && listed.rows.is_empty() {
        // No comment may also mean no page.
        bookstack
            .endpoint
            .send(bookstack.endpoint.get(&["pages", &id])?)
            .await?;
    }
    let mut rows = std::mem::take(&mut listed.rows);
    rows.retain(|row| row.wire.commentable_id.to_string() == id);
    let numbers = numbers(&bookstack, &id, &rows).await?;
    let reads = rows.into_iter().map(|row| {
        let (bookstack, include_raw) = (bookstack.clone(), request.include_raw);
        async move { alone(&bookstack, row.wire.id, include_raw).await }
    });
    let read: Vec<Option<(Received, Row<wire::Comment>)>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let mut items = vec![];
    for read in read {
        match read {
            Some((_, row)) => {
                let reply_to = row.wire.parent_id.and_then(|number| numbers.get(&number).copied());
                items.push(convert::comment(&request.instance, &id, row, reply_to));
            }
            None => listed.received.skip("a comment has gone since it was listed"),
        }
    }
    Ok(listed.made(items))
}

pub async fn create(
    bookstack: Arc<BookStack>,
    request: Request<PageCommentCreate>,
) -> Result<Reply<PageComment>, Failure> {
    let id = page_id(&request.native)?;
    let input = &request.input;
    let named = input.reply_to.as_ref().map(|reference| {
        let resource = reference.resource();
        comment_on(&request.instance, &id, &resource)
    });
    let named = named.transpose()?;
    bookstack.with_comments().await?;
    let number = match named {
        Some(comment) => Some(number_of(&bookstack, &id, comment).await.map_err(Failure::never_sent)?),
        None => None,
    };
    let html = body::html(&input.body);
    let comment = wire::NewComment {
        page_id: id
            .parse()
            .map_err(|_| Failure::invalid("page", "page must be the number of a page"))?,
        html: &html,
        reply_to: number,
    };
    let outgoing = bookstack.endpoint.post(&["comments"], &comment)?;
    let received = bookstack.endpoint.send(outgoing).await?;
    let made: Row<wire::Comment> = received.row(request.include_raw)?;
    // Its text, as it is kept, and who wrote it, are told where it is read alone.
    let number = made.wire.id;
    let read = behind(&request.instance, alone(&bookstack, number, request.include_raw))
        .await
        .flatten();
    let row = read.map_or(made, |(_, row)| row);
    let told = row.wire.html.is_some();
    let mut comment = convert::comment(&request.instance, &id, row, named);
    if !told {
        comment.body = input.body.to_string();
    }
    Ok(received.reply(comment))
}

/// The filters of a page's comments.
fn on_page(id: &str) -> [(&str, &str); 2] {
    [("commentable_type", "page"), ("commentable_id", id)]
}

/// A list has no route to be missing but its own.
fn no_route(failure: Failure) -> Failure {
    match routeless(&failure) {
        true => {
            let mut lacking = version::no_comments();
            lacking.provider = failure.provider;
            lacking
        }
        false => failure,
    }
}

/// One comment, with its text; `None`: it is gone.
async fn alone(
    bookstack: &BookStack,
    id: u64,
    include_raw: bool,
) -> Result<Option<(Received, Row<wire::Comment>)>, Failure> {
    let outgoing = bookstack.endpoint.get(&["comments", &id.to_string()])?;
    match bookstack.endpoint.send(outgoing).await {
        Ok(received) => {
            let row = received.row(include_raw)?;
            Ok(Some((received, row)))
        }
        Err(failure) if failure.kind == Kind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The ids behind the numbers that some comments reply to, as far as there are any.
async fn numbers(
    bookstack: &Arc<BookStack>,
    page: &str,
    rows: &[Row<wire::Comment>],
) -> Result<BTreeMap<u64, u64>, Failure> {
    let mut known: BTreeMap<u64, u64> = rows
        .iter()
        .filter_map(|row| Some((row.wire.local_id?, row.wire.id)))
        .collect();
    let mut asked: Vec<u64> = rows.iter().filter_map(|row| row.wire.parent_id).collect();
    asked.retain(|number| !known.contains_key(number));
    asked.sort_unstable();
    asked.dedup();
    let found = asked.into_iter().map(|number| {
        let (bookstack, page) = (bookstack.clone(), page.to_owned());
        async move { by_number(&bookstack, &page, number).await }
    });
    let found: Vec<Option<(u64, u64)>> = stream::iter(found).buffered(AT_ONCE).try_collect().await?;
    known.extend(found.into_iter().flatten());
    Ok(known)
}

/// The comment of this number on a page: the number, and its id.
async fn by_number(bookstack: &BookStack, page: &str, number: u64) -> Result<Option<(u64, u64)>, Failure> {
    let mut outgoing = bookstack.endpoint.get(&["comments"])?;
    for (name, value) in on_page(page) {
        outgoing = outgoing.query(&format!("filter[{name}]"), value);
    }
    let outgoing = outgoing
        .query("filter[local_id]", number.to_string())
        .query("count", "1");
    let received = bookstack.endpoint.send(outgoing).await?;
    let list: wire::List = received.json()?;
    let rows = received.rows_of::<wire::Comment>(&list.data, false)?;
    let own = |comment: &wire::Comment| comment.local_id == Some(number) && comment.commentable_id.to_string() == page;
    let found = rows.into_iter().map(|row| row.wire).find(own);
    Ok(found.map(|comment| (number, comment.id)))
}

/// The id of a comment that is named as ours are: `42/7`.
fn comment_on(instance: &Arc<str>, page: &str, named: &Resource) -> Result<u64, Failure> {
    let here = named.instance().is_none_or(|pinned| pinned == instance);
    let (on, comment) = named.native().split_once('/').unwrap_or_default();
    match comment.parse() {
        Ok(comment) if here && on == page => Ok(comment),
        _ => Err(Failure::invalid("reply_to", "reply_to must be a comment on the same page").never_sent()),
    }
}

/// The number among its page's of a comment.
async fn number_of(bookstack: &BookStack, page: &str, comment: u64) -> Result<u64, Failure> {
    let missing = || {
        let mut failure = Failure::new(Kind::NotFound, "reply_to: there is no such comment on the page");
        failure.field = Some("reply_to".into());
        failure
    };
    let (received, row) = alone(bookstack, comment, false).await?.ok_or_else(missing)?;
    match row.wire.local_id {
        Some(number) if row.wire.commentable_id.to_string() == page => Ok(number),
        _ => Err(received.blame(missing())),
    }
}
