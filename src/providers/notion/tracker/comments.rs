//! Comments on issues: those of open discussions on their pages.
//!
//! Invariant: a comment's id is its issue's and its own.

use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use serde_json::json;

use super::super::comments::{heard, spoken};
use super::super::ids::uuid;
use super::super::lists::MOST;
use super::super::{Notion, convert, rich, wire};
use super::issue_of;
use crate::catalogue::Page;
use crate::catalogue::outcome::Deleted;
use crate::catalogue::projects::{
    IssueComment, IssueCommentCreate, IssueCommentDelete, IssueCommentList, IssueCommentUpdate,
};
use crate::providers::http::Row;
use crate::providers::{Reply, Request};

fn comment(instance: &str, issue: &str, Row { wire, raw }: Row<wire::Comment>) -> IssueComment {
    IssueComment {
        id: Resource::neutral_id(instance, format_args!("{issue}/{}", wire.id)),
        body: heard(&rich::read(&wire.rich_text, None)),
        author: wire.created_by.map(convert::person),
        internal: None,
        web_url: None,
        created_at: wire.created_time.text(),
        updated_at: wire.last_edited_time.text(),
        raw,
    }
}

pub async fn list(
    notion: Arc<Notion>,
    request: Request<IssueCommentList>,
) -> Result<Reply<Page<IssueComment>>, Failure> {
    let (_, page) = issue_of(&request.native, "issue")?;
    let outgoing = notion
        .endpoint
        .get(&["comments"])?
        .query("block_id", &page)
        .query("page_size", request.limit().unwrap_or(MOST).to_string())
        .query_if("start_cursor", request.cursor());
    let received = notion.endpoint.send(outgoing).await?;
    let list: wire::List = received.json()?;
    let rows = received.rows_of::<wire::Comment>(&list.results, request.include_raw)?;
    let items = rows
        .into_iter()
        .map(|row| comment(&request.instance, &request.native, row))
        .collect();
    Ok(received.reply(Page::new(items, list.next())))
}

pub async fn create(notion: Arc<Notion>, request: Request<IssueCommentCreate>) -> Result<Reply<IssueComment>, Failure> {
    let (_, page) = issue_of(&request.native, "issue")?;
    let text = spoken(&request.input.body)?;
    let body = json!({"parent": {"type": "page_id", "page_id": page}, "rich_text": rich::items(&text)});
    let received = notion
        .endpoint
        .send(notion.endpoint.post(&["comments"], &body)?)
        .await?;
    let row: Row<wire::Comment> = received.row(request.include_raw)?;
    let partial = !row.wire.rich_text.is_array();
    let mut comment = comment(&request.instance, &request.native, row);
    if partial {
        comment.body = heard(&text);
    }
    Ok(received.reply(comment))
}

/// The issue of a comment, and its own id.
fn parts(native: &str) -> Result<(&str, String), Failure> {
    let wrong = || Failure::invalid("comment", "comment must be written as an issue's id, / and its own").never_sent();
    let (issue, id) = native.rsplit_once('/').ok_or_else(wrong)?;
    issue_of(issue, "comment")?;
    Ok((issue, uuid(id, "comment")?))
}

pub async fn update(notion: Arc<Notion>, request: Request<IssueCommentUpdate>) -> Result<Reply<IssueComment>, Failure> {
    let (issue, id) = parts(&request.native)?;
    let text = spoken(&request.input.body)?;
    let body = json!({"rich_text": rich::items(&text)});
    let received = notion
        .endpoint
        .send(notion.endpoint.patch(&["comments", &id], &body)?)
        .await?;
    let row: Row<wire::Comment> = received.row(request.include_raw)?;
    let partial = !row.wire.rich_text.is_array();
    let mut comment = comment(&request.instance, issue, row);
    if partial {
        comment.body = heard(&text);
    }
    Ok(received.reply(comment))
}

pub async fn delete(notion: Arc<Notion>, request: Request<IssueCommentDelete>) -> Result<Reply<Deleted>, Failure> {
    let (_, id) = parts(&request.native)?;
    let outgoing = notion.endpoint.delete(&["comments", &id])?;
    Ok(notion.endpoint.send(outgoing).await?.reply(Deleted::done()))
}
